"""The batch-shaping notebook: seven trainings, and its sections B and C.

Source: "Batch-Shaping example notebook" (Qualcomm AI Research, 2023), which explains B. E. Bejnordi
et al., 2020, arXiv 1907.06627, and J. D. Havtorn et al., 2023, arXiv 2307.02321.

The notebook seeds torch once (42), and each training draws its start with torch.rand when its cell
is reached: one stream for all seven. The animations draw no random number and add no step. A
printed loss is that before the last update.
"""

from __future__ import annotations

import functools

import numpy as np

from suite.frameworks.torch_stream import TorchStream
from suite.reproduce import batch_shaping_statements as statements
from suite.reproduce import batch_shaping_times as times
from suite.reproduce.agreement import Training, agreement, agrees
from suite.reproduce.batch_figures import picture
from suite.reproduce.batch_shaping_example import (
    LONGER,
    OURS,
    PUBLISHED,
    RATE,
    SAMPLES,
    SHOWN,
    Example,
    objective,
    run,
)
from suite.reproduce.claims import Claim, Evidence, Experiment, Record, Source, Trial
from suite.reproduce.verdicts import (
    SAME,
    SHARE,
    TIMES,
    Control,
    printed_number,
    short,
    statement,
    wall_time,
)

SEED = 42
READING = (
    f"What the losses of {SAMPLES} points mean. *Longer*: after {LONGER} times the steps (2 in a "
    "quick run). *Lowest there is*: the smallest loss of any points by this formula, clamp "
    f"included. *Draws*: the mean loss of {SAMPLES} independent draws from the prior; without a "
    f"clamp it is 1/(6 (N+1)) = {short(1 / (6 * (SAMPLES + 1)))}. *Without gradient*: points whose "
    "slope is below Adam's 1e-8; *of these off*: those whose true CDF is off by more than 0.01, so "
    "that it is not because they have arrived. *Without clamp*: the true loss of the same end; "
    "*trained without clamp*: of the end when the loss has no clamp from the start. A wall time is "
    f"right within a factor of {TIMES:g}, machines differing, and is one of training where that is "
    f"at least {SHARE:.0%} of it."
)
EXAMPLES = (
    Example("relaxed-bernoulli-0.2-0.25", "relaxed_bernoulli", 0.2, 0.25, 100),
    Example("symbeta-0.9", "symbeta", 0.9, None, 120),
    Example("beta-2-6", "beta", 2.0, 6.0, 100),
    Example("normal-range-4", "normal", 0.6, 0.1, 200),
    Example("normal-range-1", "normal", 0.6, 0.1, 200, reach=1.0),
    Example("relaxed-bernoulli-0.8-0.4", "relaxed_bernoulli", 0.8, 0.4, 200),
    Example("relaxed-bernoulli-0.8-0.01", "relaxed_bernoulli", 0.8, 0.01, 200),
)
"""In the notebook's order, in which they draw."""

IMPLEMENTATIONS = (PUBLISHED, OURS, "jax_xla")


@functools.cache
def starts(trial: Trial) -> dict[str, np.ndarray]:
    """Every training's first logits (N,), float32, from one stream in the notebook's order."""
    stream = TorchStream(trial.seed or SEED)
    drawn = {each.name: (stream.uniform(SAMPLES) * 2 - 1) * each.reach for each in EXAMPLES}
    return {name: trial.moved(z.astype(np.float32)) for name, z in drawn.items()}


def _training(example: Example, trial: Trial) -> Record:
    return run(example, starts(trial)[example.name], trial)


def _agreement(trial: Trial) -> Record:
    begun = starts(trial)
    trainings = [
        Training(each.name, functools.partial(objective, each), {"z": begun[each.name]},
                 each.steps, RATE)
        for each in EXAMPLES
    ]  # fmt: skip
    return agreement("batch_shaping", trainings, trial)


def _draws_and_clamp(evidence: Evidence) -> tuple[Control, ...]:
    """Training is to bring a batch to the prior: what untrained draws from the prior cost."""
    n = evidence.exact.numbers
    says = f"{SAMPLES} draws from the prior give {short(n['draws'])}"
    found = [Control(says, n["draws"] <= SAME * n["loss"])]
    if n["lowest"] > 0.01 * n["loss"]:
        says = f"no batch is below {short(n['lowest'], 4)} by this formula"
        found.append(Control(says, n["lowest"] * SAME >= n["loss"]))
    theirs = evidence.found.exact(evidence.experiment, PUBLISHED)
    if n["clipped"] and evidence.implementation != PUBLISHED and theirs is not None:
        says = (
            f"the published gradient, which clips the density where {n['clipped']:.0f} points "
            f"start or end, gives {short(theirs.numbers['loss'])}"
        )
        found.append(Control(says, False))
    return tuple(found)


def _unfinished(evidence: Evidence) -> tuple[Control, ...]:
    """Training is said to be held up: refuted if the batch is as good as draws from the prior."""
    n = evidence.exact.numbers
    says = (
        f"{n['stuck']:.0f} of {SAMPLES} points are off and without gradient, draws from the prior "
        f"give {short(n['draws'])}"
    )
    return (Control(says, n["loss"] <= n["draws"]),)


def _loss_claim(example: Example) -> Claim:
    controls = _unfinished if example.name == "normal-range-4" else _draws_and_clamp
    return Claim(f"loss-{example.name}", example.name, printed_number("loss", controls))


SOURCE = Source(
    name="batch_shaping_notebook",
    title="Batch-Shaping example notebook (Qualcomm AI Research, 2023; arXiv 1907.06627, "
    "2307.02321)",
    experiments=(
        *(
            Experiment(
                each.name,
                functools.partial(_training, each),
                IMPLEMENTATIONS,
                operator="batch_shaping",
                published=PUBLISHED,
                ulps=16,
                draw=functools.partial(picture, each),
                shown=SHOWN,
            )
            for each in EXAMPLES
        ),
        Experiment(
            "agreement",
            _agreement,
            ("jax_xla",),
            operator="batch_shaping",
            seeds=False,
        ),
        Experiment("kl", statements.divergences, ("numpy",), seeds=False),
        Experiment(
            "discrete",
            statements.discrete,
            IMPLEMENTATIONS,
            operator="batch_shaping",
            published=PUBLISHED,
            seeds=False,
        ),
        Experiment(
            "low-density",
            functools.partial(statements.low_density, EXAMPLES[3], starts),
            (PUBLISHED,),
            operator="batch_shaping",
            published=PUBLISHED,
        ),
        Experiment(
            "times",
            functools.partial(times.times, EXAMPLES, starts),
            IMPLEMENTATIONS,
            operator="batch_shaping",
            published=PUBLISHED,
            seeds=False,
            alone=True,
            shown=times.SHOWN,
        ),
    ),
    reading=READING,
    claims=(
        *(_loss_claim(example) for example in EXAMPLES),
        Claim("frameworks-agree", "agreement", statement(agrees)),
        Claim("pdf-for-kl", "kl", statement(statements.needs_density)),
        Claim("discrete-data", "discrete", statement(statements.is_for_discrete_data)),
        Claim("low-density-gradient", "low-density", statement(statements.is_slow)),
        Claim("better-range", "normal-range-1", statement(statements.is_faster)),
        Claim(
            "low-temperature-speed", "relaxed-bernoulli-0.8-0.01", statement(statements.no_issue)
        ),
        *(Claim(f"time-{cell}", "times", wall_time(cell)) for cell in times.CELLS),
    ),
)
