"""Soft histograms of a population: the probability of every bin.

    J_b(theta) = F(e_{b+1}; theta) - F(e_b; theta),    the limit of count_b / N for h -> 0

of a law's CDF F (``suite.laws``), one component a bin. At a bandwidth h > 0 the expectation of
count_b / N is, at any N, the probability under the law convolved with the kernel: the bias grows
with h and no batch is large enough to remove it; the variance of its gradient falls with h and N.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from suite.laws import NORMAL, Law, Parameters, mixture
from suite.operators.population import Population, Sweep
from suite.smoothing_kernels import KERNELS

SOURCE = "N. Simpson, L. Heinrich, 2022, arXiv 2203.05570; differences of the law's CDF"
EDGES = np.linspace(-3.0, 3.0, 11)
_BANDWIDTHS = (0.02, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6)
_SAMPLES = (32, 128, 512, 2048, 8192)
_OPTIONS = {"kernel": "gaussian", "density": False, "overflow": "drop"}


def by_bin(values: np.ndarray) -> dict[str, np.ndarray]:
    """The bins of the last axis by name: "bin0", "bin1", ..."""
    return {f"bin{b}": values[..., b] for b in range(values.shape[-1])}


def probabilities(law: Law, parameters: Parameters) -> dict[str, float]:
    """J_b of every bin."""
    return _numbers(np.diff(law.cdf(EDGES, parameters)))


def probability_gradients(law: Law, parameters: Parameters) -> dict[str, dict[str, float]]:
    """dJ_b/dtheta of every bin."""
    slopes = law.cdf_slopes(EDGES, parameters)
    by_parameter = {name: _numbers(np.diff(slope)) for name, slope in slopes.items()}
    bins = next(iter(by_parameter.values()))
    return {b: {name: values[b] for name, values in by_parameter.items()} for b in bins}


def _numbers(values: np.ndarray) -> dict[str, float]:
    return {name: float(value) for name, value in by_bin(values).items()}


def _cotangents(output: np.ndarray, noise: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """1/N on one bin."""
    share = np.eye(EDGES.size - 1) / noise["noise"].shape[1]
    return {f"bin{b}": np.broadcast_to(row, output.shape) for b, row in enumerate(share)}


def _sweeps(samples: Mapping[float, tuple[int, ...]]) -> tuple[Sweep, ...]:
    """The bandwidth of every kernel, and the batch size at some bandwidths."""
    at = {kernel: (1024,) for kernel in KERNELS} | {"gaussian": (64, 1024)}
    return (
        *(
            Sweep(f"bandwidth-{kernel}", "bandwidth", _BANDWIDTHS,
                  {**_OPTIONS, "kernel": kernel}, at[kernel])
            for kernel in KERNELS
        ),
        *(
            Sweep(f"samples-{bandwidth}", "samples", sizes, {**_OPTIONS, "bandwidth": bandwidth})
            for bandwidth, sizes in samples.items()
        ),
    )  # fmt: skip


def _population(
    name: str, law: Law, parameters: Parameters, samples: Mapping[float, tuple[int, ...]]
) -> Population:
    return Population(
        name=name,
        operator="soft_histogram",
        parameters=parameters,
        draw=lambda rng, rows, samples: {"noise": law.noise.draw(rng, (rows, samples))},
        arrays=lambda noise, at, options: {"x": law.sample(noise["noise"], at), "edges": EDGES},
        pathwise=lambda noise, at: law.slopes(noise["noise"], at),
        cotangents=lambda output, noise, at: _cotangents(output, noise),
        batch_objective=lambda output, noise, at: by_bin(output / noise["noise"].shape[1]),
        objective=lambda at: probabilities(law, at),
        gradient=lambda at: probability_gradients(law, at),
        sweeps=_sweeps(samples),
        source=SOURCE,
    )


POPULATIONS = (
    _population("normal", NORMAL, {"mu": 0.2, "sigma": 1.2},
                {0.1: (*_SAMPLES, 65536), 0.4: _SAMPLES}),
    _population("mixture", mixture(-1.0, 0.5), {"weight": 0.4, "mu": 1.0, "sigma": 0.7},
                {0.1: _SAMPLES, 0.4: _SAMPLES}),
)  # fmt: skip
