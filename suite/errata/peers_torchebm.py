"""torchebm 0.8.9 as installed: score matching on quadratic energies, whose traces are known.

E(x) = p |x|^2 / 2 in D dimensions has score -p x and Laplacian p D. Its other losses are in the
files whose names go on from here.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from suite.errata.entry import Erratum, Evidence

TORCHEBM = ("torchebm", "torch")
PRECISION = 2.0


def quadratic(
    precision: float = PRECISION, *, mean: float = 0.0, image: bool = False, dtype: str = "float64"
) -> Any:
    """An energy p |x - mean|^2 / 2 with p a parameter; ``image`` sums over axes 1 and 2.

    torchebm computes in its parameters' dtype.
    """
    import torch
    from torchebm.core import BaseModel

    class Quadratic(BaseModel):
        def __init__(self) -> None:
            super().__init__()
            self.p = torch.nn.Parameter(torch.tensor(precision, dtype=getattr(torch, dtype)))

        def forward(self, x: Any, **conditions: Any) -> Any:
            squares = (x - mean).square()
            total = squares.sum((1, 2)) if image else squares.flatten(1).sum(1)
            return 0.5 * self.p * total

    return Quadratic()


def seeded(seed: int) -> Any:
    """A torch generator."""
    import torch

    return torch.Generator().manual_seed(seed)


def normals(*shape: int, seed: int = 0) -> Any:
    """Standard normal draws, a float64 tensor."""
    import torch

    return torch.from_numpy(np.random.Generator(np.random.Philox(seed)).normal(size=shape))


def _of(x: Any, kind: str, energy: Any = None, seed: int = 1, **options: Any) -> float:
    """A score matching loss of torchebm on x, float64 unless x is not."""
    from torchebm import losses

    energy = energy or quadratic()
    loss = getattr(losses, kind)(energy, dtype=x.dtype, **options)
    # A copy: its regularization sets requires_grad on the batch that it is given.
    return float(loss(x.clone(), generator=seeded(seed)).detach())


def _slope(x: Any, kind: str, **options: Any) -> float:
    """Its derivative in the precision."""
    from torchebm import losses

    energy = quadratic()
    getattr(losses, kind)(energy, dtype=x.dtype, **options)(x, generator=seeded(1)).backward()
    return float(energy.p.grad)


def _right(x: Any, p: float = PRECISION) -> float:
    """The implicit score matching objective, mean of p^2 |x|^2 / 2 - p D."""
    flat = x.flatten(1).double()
    return float(0.5 * p * p * flat.square().sum(1).mean() - p * flat.shape[1])


def _exact() -> tuple[Evidence, ...]:
    x = normals(2000, 5)
    slope = float(PRECISION * x.square().sum(1).mean() - 5)
    norm = float(x.square().sum(1).mean()) * PRECISION**2
    more = _of(x, "ScoreMatching", regularization_strength=0.1) - _right(x)
    return (
        Evidence("loss, D = 5, p = 2", _of(x, "ScoreMatching"), _right(x), 1e-9),
        Evidence("its derivative in p", _slope(x, "ScoreMatching"), slope, 1e-9),
        Evidence("what regularization_strength=0.1 adds, 0.1 E|score|^2", more, 0.1 * norm, 1e-9),
    )


def _trace() -> tuple[Evidence, ...]:
    found = []
    for size in (1, 2, 5):
        x = normals(20_000, size)
        got = _of(x, "ScoreMatching", hessian_method="approx")
        found.append(Evidence(f"loss, D = {size}, p = 2", got, _right(x), 0.1))
    x = normals(20_000, 5)
    slope = float(PRECISION * x.square().sum(1).mean() - 5)
    got = _slope(x, "ScoreMatching", hessian_method="approx")
    return (*found, Evidence("its derivative in p, D = 5", got, slope, 0.1))


def _difference() -> tuple[Evidence, ...]:
    found = []
    for mean in (0.0, 100.0, 1000.0):
        x = normals(20_000, 1)
        energy = quadratic(1.0, mean=mean, dtype="float32")
        got = _of((x + mean).float(), "ScoreMatching", energy, hessian_method="approx")
        quantity = f"loss in float32, D = 1, p = 1, data around {mean:g}"
        found.append(Evidence(quantity, got, _right(x, 1.0), 0.05))
    return tuple(found)


def _shapes() -> tuple[Evidence, ...]:
    x, energy = normals(100, 2, 3), quadratic(image=True)
    turned = normals(100, 3, 2).transpose(1, 2)
    return (
        Evidence("loss of a (100, 2, 3) batch, energy free of its shape", _of(x, "ScoreMatching"),
                 _right(x), 1e-9),
        Evidence("the same, energy summing over axes 1 and 2",
                 _or_nan(x, "ScoreMatching", energy), _right(x), 1e-9),
        Evidence("the same, a transposed batch", _or_nan(turned, "ScoreMatching"), _right(turned),
                 1e-9),
    )  # fmt: skip


def _or_nan(*args: Any) -> float:
    """The loss, NaN where it raises."""
    try:
        return _of(*args)
    except (IndexError, RuntimeError):
        return math.nan


def _idle() -> tuple[Evidence, ...]:
    from torchebm import losses

    x = normals(100, 2)
    found = []
    for name, strength in (("0.5", {"regularization_strength": 0.5}), ("left out", {})):
        energy = quadratic()
        loss = losses.ScoreMatching(
            energy, custom_regularization=lambda x, model: model.p, dtype=x.dtype, **strength
        )
        scale = strength.get("regularization_strength", 1.0)
        added = (float(loss(x).detach()) - _right(x)) / scale
        quantity = f"what custom_regularization=p adds, its strength {name}"
        found.append(Evidence(quantity, added, PRECISION, 1e-9))
    return tuple(found)


def _noise() -> tuple[Evidence, ...]:
    x, size, noise = normals(100_000, 2), 2, 0.5
    right = 0.5 * size * (PRECISION - noise**-2) ** 2 * noise**2
    right += 0.5 * PRECISION**2 * float(x.square().sum(1).mean())
    slope = size * (PRECISION - noise**-2) * noise**2
    slope += PRECISION * float(x.square().sum(1).mean())
    kind = "DenoisingScoreMatching"
    optimum = quadratic(1 / (1 + noise**2))
    return (
        Evidence("loss, p = 2, noise 0.5", _of(x, kind, noise_scale=noise), right, 0.05),
        Evidence("its derivative in p", _slope(x, kind, noise_scale=noise), slope, 0.05),
        Evidence("loss at p = 1 / (1 + 0.25), the noisy data's precision",
                 _of(x, kind, optimum, noise_scale=noise), 0.8 / noise**2, 0.05),
    )  # fmt: skip


def _sliced() -> tuple[Evidence, ...]:
    x, found = normals(20_000, 5), []
    for projection in ("rademacher", "sphere", "gaussian"):
        options: dict[str, Any] = {"n_projections": 10, "projection_type": projection}
        got = _of(x, "SlicedScoreMatching", **options)
        found.append(Evidence(f"loss, D = 5, {projection} projections", got, _right(x), 0.1))
    got = _of(x, "SlicedScoreMatching", n_projections=10, use_autograd=False)
    return (*found, Evidence("the same, use_autograd=False", got, _right(x), 0.1))


def _sliced_shapes() -> tuple[Evidence, ...]:
    import torch

    found = []
    for shape in ((6,), (2, 3), (6, 1)):
        x = torch.zeros(50, *shape, dtype=torch.float64)
        quantity = f"loss of zeros of shape {(50, *shape)}, -p D"
        found.append(Evidence(quantity, _of(x, "SlicedScoreMatching"), -12, 1e-9))
    return tuple(found)


def _pulls() -> tuple[Evidence, ...]:
    """Where the approximate loss puts the precision: it is quadratic in p."""
    cube = math.sqrt(3) * normals(1000, 4)
    best = []
    for method in ("exact", "approx"):
        values = [
            _of(cube, "ScoreMatching", quadratic(p), hessian_method=method) for p in (0.0, 1.0, 2.0)
        ]
        curve = values[0] - 2 * values[1] + values[2]
        best.append((values[0] - values[2]) / (2 * curve) + 1)
    right = 1 / float(cube.square().mean())
    return (
        Evidence("precision that hessian_method='exact' finds, D = 4", best[0], right, 1e-6),
        Evidence("that 'approx' finds", best[1], right, 0.02),
    )


_WHERE = "torchebm 0.8.9, losses/score_matching.py, "

ENTRIES = (
    Erratum(
        "torchebm-score-matching",
        _WHERE + "ScoreMatching, hessian_method='exact'",
        "The implicit score matching objective of Hyvarinen (2005).",
        "mean |score|^2 / 2 + trace of its Jacobian",
        "",
        "none",
        "Holds, its gradient and its regularization too (which sets requires_grad on the caller's "
        "batch).",
        TORCHEBM,
        _exact,
    ),
    Erratum(
        "torchebm-approximate-trace",
        _WHERE + "_approx_score_matching",
        "The same with the trace by a finite difference along a random direction.",
        "v.(s(x + eps v) - s(x)) / (eps D), v ~ N(0, I)",
        "v.(s(x + eps v) - s(x)) / eps, as E v.Hv = tr H already",
        "scale",
        "The trace is divided by the number of dimensions once too often: right in one dimension, "
        "D times too small in D.",
        TORCHEBM,
        _trace,
    ),
    Erratum(
        "torchebm-approximate-optimum",
        _WHERE + "_approx_score_matching",
        "It trains the model that exact score matching trains.",
        "argmin_p p^2 E|x|^2 / 2 - p",
        "argmin_p p^2 E|x|^2 / 2 - p D",
        "bias",
        "A normal model is fitted with a variance D times too large.",
        TORCHEBM,
        _pulls,
    ),
    Erratum(
        "torchebm-approximate-step",
        _WHERE + "_approx_score_matching, epsilon = 1e-5",
        "The finite difference approximates the derivative.",
        "eps = 1e-5 whatever the dtype and the data's scale",
        "eps in units of the data and of the dtype's rounding, (2^-24)^(1/3) |x|",
        "limit",
        "In float32, the default, the step is a rounding error of data around 100 and is lost "
        "around 1000.",
        TORCHEBM,
        _difference,
    ),
    Erratum(
        "torchebm-exact-shapes",
        _WHERE + "_exact_score_matching, x.view(batch_size, -1)",
        "Takes data of shape (batch, *data_dims).",
        "E of a flattened sample, (1, D)",
        "E of a sample of the data's own shape",
        "crash",
        "The model sees flat samples: a convolution, or a sum over axes, raises. So does a batch "
        "that is not contiguous.",
        TORCHEBM,
        _shapes,
    ),
    Erratum(
        "torchebm-custom-regularization",
        _WHERE + "forward, and core/base_loss.py, add_regularization",
        "A custom regularization function is added to the loss.",
        "0 unless regularization_strength > 0, which is 0 by default",
        "refuse a function without a strength, or take a strength of 1",
        "zero gradient",
        "Given alone it is accepted and never called.",
        TORCHEBM,
        _idle,
    ),
    Erratum(
        "torchebm-denoising",
        _WHERE + "DenoisingScoreMatching",
        "Denoising score matching (Vincent, 2011) at one noise scale.",
        "mean |grad E(x + n) - n / sigma^2|^2 / 2",
        "",
        "none",
        "Holds: the two signs that it leaves out of the score and of its target cancel.",
        TORCHEBM,
        _noise,
    ),
    Erratum(
        "torchebm-sliced",
        _WHERE + "SlicedScoreMatching, (batch, D) data",
        "Sliced score matching (Song et al., 2019) with three kinds of projections.",
        "mean (v.s)^2 / 2 + v.(ds/dx) v",
        "",
        "none",
        "Holds for flat data, by both of its routes.",
        TORCHEBM,
        _sliced,
    ),
    Erratum(
        "torchebm-sliced-shapes",
        _WHERE + "compute_loss, sum(dim=-1)",
        "Takes data of shape (batch, *data_dims).",
        "v.s over the last axis only, averaged over the others",
        "v.s over all axes but the first",
        "scale",
        "The loss of images (batch, C, W) is C times too small against regularization, and "
        "projections are of rows, not of images.",
        TORCHEBM,
        _sliced_shapes,
    ),
)
