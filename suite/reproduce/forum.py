"""The forum thread: an ECDF trained by argsort, and four ways to the entropy of a ReLU unit.

Source: PyTorch forum, "Differentiating w.r.t. empirical probability distributions" (2018).

The network is 1-10-tanh-10-tanh-1 (its listing is cut off in copies of the thread), RMSprop at 1e-4
takes 10000 steps of 500 normal inputs. Entropy has no listing; each way is the thread's words.
"""

from __future__ import annotations

import functools

from suite.reproduce import forum_entropy as entropy
from suite.reproduce import forum_figures as figures
from suite.reproduce import forum_gradient as gradient
from suite.reproduce import forum_network as network
from suite.reproduce.claims import Claim, Experiment, Source
from suite.reproduce.side_by_side import stay_together
from suite.reproduce.verdicts import statement

PUBLISHED = "published_forum"
IMPLEMENTATIONS = (PUBLISHED, "torch_eager", "jax_xla")

SOURCE = Source(
    name="forum",
    title='PyTorch forum, "Differentiating w.r.t. empirical probability distributions" (2018)',
    experiments=(
        *(
            Experiment(
                kind,
                functools.partial(network.run, kind),
                IMPLEMENTATIONS,
                operator="ecdf",
                published=PUBLISHED,
                seeds=kind == "network",
                draw=figures.maps,
            )
            for kind in network.SIZES
        ),
        Experiment("gradient", gradient.run, IMPLEMENTATIONS, operator="ecdf", published=PUBLISHED),
        Experiment(
            "entropy",
            entropy.run,
            IMPLEMENTATIONS,
            operator="occupancy_entropy",
            published=PUBLISHED,
            draw=figures.units,
        ),
        Experiment(
            "network-agreement", network.agreement, ("jax_xla",), operator="ecdf", seeds=False
        ),
        Experiment(
            "entropy-agreement",
            entropy.agreement,
            ("jax_xla",),
            operator="occupancy_entropy",
            seeds=False,
        ),
    ),
    claims=(
        Claim("argsort-is-ecdf", "gradient", statement(gradient.is_ecdf, "correlation")),
        Claim("gradient-through-ecdf", "gradient", statement(gradient.passes)),
        Claim("seems-to-learn", "network", statement(network.learns, "end")),
        Claim("linear-layer-learns", "linear", statement(network.learns, "end")),
        Claim("median-at-zero", "entropy", statement(entropy.centres)),
        Claim("hot-sigmoid", "entropy", statement(entropy.hot_is_right)),
        Claim("bernoulli-entropy", "entropy", statement(entropy.bernoulli_is_the_same)),
        Claim("straight-through-gumbel", "entropy", statement(entropy.gumbel_is_related)),
        Claim(
            "noise-against-saturation",
            "entropy",
            statement(entropy.noise_revives, controls=entropy.without_noise),
        ),
        Claim("networks-agree", "network-agreement", statement(stay_together)),
        Claim("entropies-agree", "entropy-agreement", statement(stay_together)),
    ),
)
