"""Cases that all losses of energies have: their theta, their samples, their names and shapes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from suite import energies
from suite.operators.base import Case

Dims = dict[str, tuple[str, ...]]


def theta_dims(energy: str, layers: int = 3) -> Dims:
    """Axis labels of theta: d samples' elements, K components, H hidden units, C channels."""
    if energy == "gaussian":
        return {"theta.mean": ("d",), "theta.precision": ("d", "d")}
    if energy == "double_well":
        return {"theta.height": (), "theta.width": ()}
    if energy == "gaussian_mixture":
        return {"theta.logits": ("K",), "theta.means": ("K", "d"), "theta.precision_logs": ("K",)}
    if energy == "conv":
        return {
            "theta.kernel1": ("F", "C", "k", "k"), "theta.kernel1_bias": ("F",),
            "theta.kernel2": ("F", "F", "k", "k"), "theta.kernel2_bias": ("F",),
            "theta.readout": ("F",),
        }  # fmt: skip
    widths = ["d", *["H"] * (layers - 1), "1"]
    dims: Dims = {}
    for k, (narrow, wide) in enumerate(zip(widths, widths[1:], strict=False), start=1):
        dims |= {f"theta.layer{k}": (wide, narrow), f"theta.layer{k}_bias": (wide,)}
    return dims


def case(
    name: str,
    energy: str,
    samples: int,
    size: int,
    *,
    sizes: Mapping[str, int] = {},
    draws: Mapping[str, tuple[str, ...]] = {},
    options: Mapping[str, Any] = {},
    unused: Sequence[str] = (),
    fixed: Sequence[str] = (),
    **keywords: Any,
) -> Case:
    """A case of an energy: N samples of ``size`` elements, or of (1, size, size) pixels.

    sizes: others than K = 5, H = 16, F = 4, C = 1, k = 3. draws: axes of what is drawn beside x.
    unused: parameters that the loss does not depend on. fixed: draws that are not differentiated;
    those not named here are.
    """
    images = energy == "conv"
    x = ("N", "C", "P", "P") if images else ("N", "d")
    dims = {"x": x, **draws, **theta_dims(energy), "output": ()}
    used = {label for labels in dims.values() for label in labels}
    known = {"N": samples, "K": 5, "H": 16, "F": 4, "C": 1, "k": 3, "1": 1}
    known |= {"P" if images else "d": size, **sizes}
    wrt = [key for key in dims if key.startswith("theta.") and key not in unused]
    live = ["x", *(key for key in draws if key not in fixed)]
    return Case(
        name,
        {label: extent for label, extent in known.items() if label in used},
        dims,
        options={"energy": energy, **options},
        **{"wrt": (*live, *wrt), "permute": ("N",), "data": "normal", **keywords},
    )


def draw_theta(case: Case, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """theta as each energy wants it: a precision that is positive definite and not symmetric,
    components apart, layers with slopes of one about."""
    energy = case.options["energy"]
    arrays = {name: case.shape(name) for name in case.arrays if name.startswith("theta.")}
    drawn = {name: rng.normal(size=shape) for name, shape in arrays.items()}
    if energy == "gaussian":
        size = case.sizes["d"]
        turn = drawn["theta.precision"] / np.sqrt(size)
        drawn["theta.precision"] = np.eye(size) + 0.5 * turn @ turn.T + 0.2 * turn
        drawn["theta.mean"] *= 0.5
    elif energy == "double_well":
        ranges = {"theta.height": (0.5, 1.5), "theta.width": (0.8, 1.5)}
        drawn = {name: np.asarray(rng.uniform(*ends)) for name, ends in ranges.items()}
    elif energy == "gaussian_mixture":
        drawn["theta.means"] *= 1.5
        drawn["theta.precision_logs"] *= 0.3
    else:
        for name, shape in arrays.items():
            if not name.endswith("_bias"):
                drawn[name] *= (2.0 if len(shape) > 1 else 1.0) / np.sqrt(np.prod(shape[1:]))
        if "theta.readout" in drawn:
            drawn["theta.readout"] /= case.sizes["P"] ** 2
    return drawn


def draw_samples(case: Case, rng: np.random.Generator, name: str = "x") -> np.ndarray:
    """Standard normal samples."""
    return rng.normal(size=case.shape(name))


def operations(case: Case) -> int:
    """Multiplications and additions of one evaluation of the energy for all samples."""
    elements = case.sizes["N"]
    weights = sum(
        int(np.prod(case.shape(name)))
        for name in case.arrays
        if name.startswith("theta.") and len(case.shape(name)) > 1
    )
    pixels = case.sizes.get("P", 1) ** 2
    return 2 * elements * max(weights, case.sizes.get("d", 1)) * pixels


def moved(case: Case) -> int:
    """Elements of all arrays."""
    return sum(int(np.prod(case.shape(name))) for name in case.arrays)


NAMES = energies.NAMES
