"""The notebook of relaxed: a soft histogram's figure, and a shift of the data through one.

Source: "Differentiable Histograms", example notebook of relaxed (N. Simpson, M. Feickert et al.);
N. Simpson, L. Heinrich, "neos", 2022, arXiv 2203.05570. Its outputs are not printed.
"""

from __future__ import annotations

from suite.reproduce import relaxed_figures as figures
from suite.reproduce import relaxed_histogram as histogram
from suite.reproduce import relaxed_shift as shift
from suite.reproduce.claims import Claim, Experiment, Source
from suite.reproduce.side_by_side import stay_together
from suite.reproduce.verdicts import statement

PUBLISHED = "published_relaxed"
IMPLEMENTATIONS = (PUBLISHED, "torch_eager", "jax_xla")

SOURCE = Source(
    name="relaxed",
    title='relaxed, "Differentiable Histograms" notebook (arXiv 2203.05570)',
    experiments=(
        Experiment(
            "figure",
            histogram.run,
            IMPLEMENTATIONS,
            operator="soft_histogram",
            published=PUBLISHED,
            draw=figures.histograms,
        ),
        Experiment(
            "shift",
            shift.run,
            IMPLEMENTATIONS,
            operator="soft_histogram",
            published=PUBLISHED,
            draw=figures.shift,
        ),
        Experiment(
            "agreement", shift.agreement, ("jax_xla",), operator="soft_histogram", seeds=False
        ),
    ),
    claims=(
        Claim("density-estimate", "figure", statement(histogram.estimates_density, "peak/0.5")),
        Claim("bandwidth-is-degree", "figure", statement(histogram.is_degree)),
        Claim("differentiable", "shift", statement(shift.is_differentiable, "slope")),
        Claim("mean-at-target", "shift", statement(shift.is_at_target, "hard/100/normal")),
        Claim("enough-steps", "shift", statement(shift.is_converged)),
        Claim("peak-at-target", "shift", statement(shift.peak_is_at_target, "peak/long/skewed")),
        Claim("frameworks-agree", "agreement", statement(stay_together)),
    ),
)
