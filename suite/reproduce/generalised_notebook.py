"""The generalised batch-shaping notebook: thirty rows with learned priors below a hyperprior.

    L = mean_k L_k(rows; a_k, b_k) + L(means a; Beta(3, 7)) + 0.1 mean_k b_k

Rows of 500 logits, the means a and the temperatures b of their relaxed Bernoulli priors (sigmoids
of what is learned) move together by Adam. The source seeds NumPy and torch with 42: NumPy draws a
centre for every row and 500 samples about it (standard deviation 0.05, clipped to [0, 1], mapped to
logits in +-4), torch the means' logits (standard deviation 0.01); the temperatures' start at 0.

Source: "Generalized Batch-Shaping example notebook" (Qualcomm AI Research, 2023), which explains
J. D. Havtorn et al., 2023, arXiv 2307.02321.
"""

from __future__ import annotations

import functools

import numpy as np
from scipy import special

from suite.frameworks.torch_stream import TorchStream
from suite.reproduce.adam import EPSILON
from suite.reproduce.agreement import Training, agreement, agrees
from suite.reproduce.batch_shaping_example import CLAMP, OURS, PUBLISHED
from suite.reproduce.claims import LOOKS, Claim, Evidence, Experiment, Record, Source, Trial
from suite.reproduce.generalised_figures import SHOWN, picture
from suite.reproduce.training import Engine, Objective, Path, evenly, train
from suite.reproduce.verdicts import SAME, Control, printed_number, short, statement

SEED, ROWS, SAMPLES, REACH = 42, 30, 500, 4.0
STEPS, WARM_UP, RATE = 350, 20, 0.3
A, B = 3.0, 7.0
HYPERPRIOR = {"a": A, "b": B, "prior": "beta"}
WEIGHT = 0.1
"""Of the mean temperature."""
LONGER = 4
SCHEDULES = ("as-published", "as-intended")
READING = (
    f"What the loss of {ROWS} rows means. *Longer*: after {LONGER} times the steps (2 in a quick "
    "run). *Lowest at these priors*: the smallest loss of any samples by the formula, at the "
    "learned means and temperatures. *Draws*: the mean loss of untrained draws, means from the "
    "hyperprior and samples from their priors. *Without gradient*: of "
    f"{ROWS * SAMPLES} samples, those whose slope is below Adam's 1e-8."
)

TABLE = (
    ("start", "first loss"),
    ("loss", "printed"),
    ("next", "one step more"),
    ("longer", "longer"),
    ("lowest", "lowest at these priors"),
    ("draws", "draws"),
    ("without_gradient", "without gradient"),
    ("mean", "mean of the means"),
    ("on", "share on"),
    ("temperature", "mean temperature"),
)
"""What the page says about a training's end, with heads."""


def rate(schedule: str, step: int) -> float:
    """Adam's rate at a step. As published, a schedule of rates is taken for one of factors."""
    said = max(1e-4, RATE * step / WARM_UP) if step < WARM_UP else RATE
    return said * RATE if schedule == "as-published" else said


@functools.cache
def start(trial: Trial) -> dict[str, np.ndarray]:
    """z (N, R), and the logits of the means and temperatures (R,), float32."""
    seed = trial.seed or SEED
    # The source calls NumPy's global functions: its first generator, seeded.
    drawn = np.random.RandomState(seed)
    columns = [drawn.normal(drawn.rand(), 0.05, SAMPLES) for _ in range(ROWS)]
    z = (np.clip(np.stack(columns, axis=1), 0.0, 1.0) * 2 - 1) * REACH
    mean = TorchStream(seed).normal(ROWS) * np.float32(0.01)
    temperature = np.zeros(ROWS, np.float32)
    return {"z": trial.moved(z.astype(np.float32)), "mean": mean, "temperature": temperature}


@functools.cache
def objective(implementation: str, dtype: str = "float32") -> Objective:
    """The loss, by the published formula or by ours with the source's clamp and ranks."""
    engine = Engine.of("batch_shaping", implementation)
    sigmoid, call = engine.framework.elementary("sigmoid"), engine.call

    def published(z, mean, temperature):
        a, b = sigmoid(mean), sigmoid(temperature)
        rows = call(sigmoid(z).T, a, b, prior="relaxed_bernoulli")
        return rows + call(a.reshape(1, -1), **HYPERPRIOR) + WEIGHT * b.mean()

    def ours(z, mean, temperature):
        a, b = sigmoid(mean), sigmoid(temperature)
        about = {"from_logits": True, "ties": "ordinal"}
        rows = call(z.T, a, b, prior="relaxed_bernoulli", clip=CLAMP, **about)
        return rows + call(mean.reshape(1, -1), **HYPERPRIOR, **about) + WEIGHT * b.mean()

    loss = published if implementation.startswith("published") else ours
    wrt = ("z", "mean", "temperature")
    return Objective(engine.framework, loss, wrt, dtype, engine.device)


def run(schedule: str, trial: Trial) -> Record:
    """Train with a schedule. on: share of samples above 1/2. rate: Adam's, after the warm-up."""
    subject, begun = objective(trial.implementation), start(trial)
    rates = functools.partial(rate, schedule)
    path = train(subject, begun, STEPS, rates, looks=evenly(STEPS, 26))
    temperature = special.expit(path.end["temperature"])
    numbers = {
        "loss": float(path.losses[-1]),
        "next": subject.gradients(path.end)[0],
        "on": float((path.end["z"] > 0).mean()),
        "mean": float(special.expit(path.end["mean"]).mean()),
        "temperature": float(temperature.mean()),
        "rate": rates(STEPS),
    }
    if trial.seed or trial.ulp:
        return Record(numbers)
    longer = train(subject, begun, STEPS * (2 if trial.quick else LONGER), rates)
    slopes = subject.gradients(path.end)[1]["z"]
    numbers |= {
        "longer": float(longer.losses[-1]),
        "lowest": lowest(path.end),
        "draws": _drawn_loss(subject, path.end, trial),
        "without_gradient": float((np.abs(slopes) <= EPSILON).sum()),
        "start": float(path.losses[0]),
    }
    return Record(numbers, _curves(path))


def lowest(end: dict[str, np.ndarray]) -> float:
    """The smallest loss of any samples by the formula, at these means and temperatures."""
    a, b = (special.expit(end[name])[:, None] for name in ("mean", "temperature"))
    p = np.arange(1, SAMPLES + 1) / (SAMPLES + 1)
    low, high = (special.expit(b * special.logit(x) - special.logit(a)) for x in CLAMP)
    return float(((p - np.clip(p, low, high)) ** 2).mean() + WEIGHT * b.mean())


def _drawn_loss(subject: Objective, end: dict[str, np.ndarray], trial: Trial) -> float:
    """Mean loss of untrained draws: means from the hyperprior, samples from their priors, at the
    learned temperatures."""
    rng, found = trial.rng("draws from the hyperprior"), []
    for _ in range(10 if trial.quick else 50):
        mean = special.logit(rng.beta(A, B, ROWS))
        noise = special.logit(rng.uniform(size=(SAMPLES, ROWS)))
        z = (noise + mean) / special.expit(end["temperature"])
        drawn = {"z": z, "mean": mean, "temperature": end["temperature"]}
        found.append(subject.gradients(drawn)[0])
    return float(np.mean(found))


def _curves(path: Path) -> dict[str, np.ndarray]:
    shown = path.seen["z"][:, :, :SHOWN]
    return {
        "losses": path.losses,
        LOOKS: path.looks,
        "logits": shown.transpose(0, 2, 1).reshape(len(shown), -1),
        "means": special.expit(path.seen["mean"]),
        "temperatures": special.expit(path.seen["temperature"]),
    }


def _agreement(trial: Trial) -> Record:
    rates = functools.partial(rate, "as-published")
    training = Training("as-published", objective, start(trial), STEPS, rates)
    return agreement("batch_shaping", [training], trial)


def _loss_controls(evidence: Evidence) -> tuple[Control, ...]:
    n = evidence.exact.numbers
    intended = evidence.found.exact("as-intended", evidence.implementation)
    lowest = (
        f"{short(WEIGHT * n['temperature'])} of it is the temperatures' term, and no samples are "
        f"below {short(n['lowest'], 4)} at these priors"
    )
    if intended is not None:
        lowest += f"; with the rates as intended it is {short(intended.numbers['loss'], 4)}"
    return (
        Control(lowest, n["lowest"] * SAME >= n["loss"]),
        Control(
            f"untrained draws from the hyperprior and its priors give {short(n['draws'])}",
            n["draws"] <= SAME * n["loss"],
        ),
    )


def _schedule(evidence: Evidence) -> tuple[Control, ...]:
    says = f"LambdaLR multiplies the rate {RATE:g} by what it is given, {RATE:g}"
    return (Control(says, False),)


SOURCE = Source(
    name="generalised_notebook",
    title="Generalized Batch-Shaping example notebook (Qualcomm AI Research, 2023; arXiv "
    "2307.02321)",
    experiments=(
        *(
            Experiment(
                schedule,
                functools.partial(run, schedule),
                (PUBLISHED, OURS, "jax_xla"),
                operator="batch_shaping",
                published=PUBLISHED,
                ulps=4,
                draw=picture,
                shown=TABLE,
            )
            for schedule in SCHEDULES
        ),
        Experiment("agreement", _agreement, ("jax_xla",), operator="batch_shaping", seeds=False),
    ),
    reading=READING,
    claims=(
        Claim("final-loss", "as-published", printed_number("loss", _loss_controls)),
        Claim("rate", "as-published", printed_number("rate", _schedule, drawn=False)),
        Claim("sparsity", "as-published", printed_number("on")),
        Claim("frameworks-agree", "agreement", statement(agrees)),
    ),
)
