"""Which implementation is the fastest at what the gated network asks for?"""

from __future__ import annotations

import time

import numpy as np

from suite.reproduce.claims import Record, Trial
from suite.reproduce.gated_network import GATES, PRIOR
from suite.reproduce.training import Engine, Objective

BATCH = 128
WARM_UPS, CALLS = 50, 500
SHOWN = (("gradient", f"loss and gradient, {GATES} x {BATCH} logits (µs)"),)
"""What the page says of every implementation."""


def times(trial: Trial) -> Record:
    """gradient: microseconds of batch shaping's value and gradient, one block's gates in float32.

    The median of calls on fresh logits, after some that compile; what a call returns is waited for.
    """
    engine = Engine.of("batch_shaping", trial.implementation)
    options = {"from_logits": True}
    if trial.implementation.startswith("published"):
        options = {}

    def loss(x):
        return engine.call(x, *PRIOR, prior="beta", **options)

    subject = Objective(engine.framework, loss, ("x",), device=engine.device)
    rng, found = trial.rng("channel gating, times"), []
    one = subject.array(1.0)
    for _ in range(WARM_UPS + CALLS):
        logits = rng.normal(size=(GATES, BATCH))
        x = subject.array(logits if options else 1 / (1 + np.exp(-logits)))
        engine.framework.synchronize(x)
        begun = time.perf_counter()
        engine.framework.synchronize(subject.target({"x": x}, one))
        found.append(time.perf_counter() - begun)
    return Record({"gradient": 1e6 * float(np.median(found[WARM_UPS:]))})
