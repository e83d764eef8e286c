"""A channel-gated network on the digits, written once for every framework's arrays.

A convolution on patches that are cut out beforehand, pooled to 3 x 3 places; residual blocks of
1 x 1 convolutions, x + narrow(gate(x) relu(widen(x))), whose gates a small head computes from the
mean of x over places; ten classes. In training a gate is a binary concrete sample, hard forward and
relaxed backward.
Source: B. E. Bejnordi, T. Blankevoort, M. Welling, "Batch-shaping for learning conditional channel
gated networks", 2020, arXiv 1907.06627, section 3; ``suite.workloads.digits`` has the larger one.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from suite import frameworks, workloads
from suite.frameworks import Framework
from suite.operators.arguments import dtype_name
from suite.reproduce.claims import Trial
from suite.reproduce.training import Arrays, Engine, Objective

PRIOR = (0.6, 0.4)
TEMPERATURE = 2 / 3
TRAINED_ON = 1200
PLACES, STEM, HEAD, GATES, BLOCKS = 9, 16, 16, 32, 2
BLOCK = {
    "head": (STEM, HEAD),
    "head_bias": (1, HEAD),
    "gate": (HEAD, GATES),
    "gate_bias": (1, GATES),
    "widen": (STEM, GATES),
    "widen_bias": (1, GATES),
    "narrow": (GATES, STEM),
    "narrow_bias": (1, STEM),
}
"""Shapes of a block's weights."""


def classify(framework: Framework, patches: Any, pool: Any, noise: Any, **weights: Any) -> tuple:
    """Logits of the classes (N, 10), and of the gates of every block, each (N, gates).

    patches (N, 36, 9); pool (places, 36); noise of every block (N, gates), or None for a test.
    """
    relu = framework.elementary("relu")
    x = pool @ relu(patches @ weights["stem"] + weights["stem_bias"])
    gates = []
    for block in range(BLOCKS):
        part = {name: weights[f"{name}_{block}"] for name in BLOCK}
        z = relu(x.mean(1) @ part["head"] + part["head_bias"]) @ part["gate"] + part["gate_bias"]
        opened = _opened(framework, z, None if noise is None else noise[block])
        inner = relu(x @ part["widen"] + part["widen_bias"]) * opened.reshape(-1, 1, GATES)
        x = relu(x + inner @ part["narrow"] + part["narrow_bias"])
        gates.append(z)
    return x.reshape(x.shape[0], -1) @ weights["classes"] + weights["classes_bias"], gates


def _opened(framework: Framework, z: Any, noise: Any) -> Any:
    """Gates 0 or 1 whose gradient is the binary concrete's; without noise, where z > 0."""
    if noise is None:
        return framework.cast(z > 0, dtype_name(z))
    soft = framework.elementary("sigmoid")((z + noise) / TEMPERATURE)
    hard = framework.cast(soft > 0.5, dtype_name(z))
    return soft + framework.elementary("stop_gradient")(hard - soft)


def shapes() -> dict[str, tuple[int, int]]:
    """Of all weights by name; a bias is one row."""
    found = {"stem": (9, STEM), "stem_bias": (1, STEM)}
    for block in range(BLOCKS):
        found |= {f"{name}_{block}": shape for name, shape in BLOCK.items()}
    return found | {"classes": (PLACES * STEM, 10), "classes_bias": (1, 10)}


def start(trial: Trial) -> dict[str, np.ndarray]:
    """Weights with the variance that keeps that of a signal through a ReLU, small biases.

    Not zero: where an image is black the first ReLU would be at its kink.
    """
    rng = trial.rng("channel gating, network")
    scales = {n: 0.1 if "bias" in n else (2 / rows) ** 0.5 for n, (rows, _) in shapes().items()}
    return {
        name: trial.moved(rng.normal(size=shape) * scales[name]) for name, shape in shapes().items()
    }


@functools.cache
def objective(shaped: bool, implementation: str, dtype: str = "float32") -> Objective:
    """Cross-entropy + penalty x share of open gates (+ shaping x batch shaping of every gate)."""
    engine = Engine.of("batch_shaping", implementation)
    framework = engine.framework
    log, exp, sigmoid = (framework.elementary(name) for name in ("log", "exp", "sigmoid"))
    takes_logits = not implementation.startswith("published")

    def shaping_of(z: Any) -> Any:
        x = (z if takes_logits else sigmoid(z)).T
        return engine.call(x, *PRIOR, prior="beta", **{"from_logits": True} if takes_logits else {})

    def loss(
        patches: Any, labels: Any, pool: Any, noise_0: Any, noise_1: Any, penalty: Any,
        shaping: Any = None, **weights: Any,
    ) -> Any:  # fmt: skip
        classes, gates = classify(framework, patches, pool, (noise_0, noise_1), **weights)
        found = (log(exp(classes).sum(1)) - (classes * labels).sum(1)).mean()
        found = found + penalty * sum(sigmoid(z).mean() for z in gates) / BLOCKS
        return found if not shaped else found + shaping * sum(map(shaping_of, gates)) / BLOCKS

    return Objective(framework, loss, tuple(shapes()), dtype, engine.device)


def digits(trial: Trial) -> tuple[Arrays, Arrays]:
    """Patches (N, 36, 9) and labels (N, 10) to train on, and held out."""
    images = workloads.load("digits_images").T.reshape(-1, 8, 8)
    windows = np.lib.stride_tricks.sliding_window_view(images, (3, 3), axis=(1, 2))
    patches = windows.reshape(len(images), 36, 9)
    labels = np.eye(10)[workloads.load("digits_labels")[0].astype(int)]
    order = trial.rng("channel gating, digits").permutation(len(images))
    seen, held_out = order[:TRAINED_ON], order[TRAINED_ON:]
    whole = {"patches": patches, "labels": labels}
    return {k: v[seen] for k, v in whole.items()}, {k: v[held_out] for k, v in whole.items()}


def pooling() -> np.ndarray:
    """(places, 36): the mean of 2 x 2 windows of the 6 x 6 patches."""
    row, column = np.divmod(np.arange(36), 6)
    place = 3 * (row // 2) + column // 2
    return (place == np.arange(PLACES)[:, None]) / 4


def tested(weights: Arrays, held_out: Arrays) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Loss and rightness of every sample (N,), and logits of all gates (N, blocks x gates)."""
    classes, gates = classify(
        frameworks.get("numpy"), held_out["patches"], pooling(), None, **weights
    )
    labels = held_out["labels"]
    loss = np.logaddexp.reduce(classes, axis=1) - (classes * labels).sum(axis=1)
    right = classes.argmax(axis=1) == labels.argmax(axis=1)
    return loss, right, np.concatenate(gates, axis=1)
