"""Inputs of the soft histogram: relaxed's toy, real scores, tails, narrow bins, sizes, bad ones."""

from __future__ import annotations

import numpy as np

from suite.operators.base import Case, ErrorCase


def draw(case, rng):
    """Samples and edges by the case's ``data``; bandwidths in 0.2 to 0.6; some weights are zero."""
    edges, x = _DATA[case.data](case, rng)
    arrays = {"x": x, "edges": edges}
    if "bandwidth" in case.dims:
        arrays["bandwidth"] = rng.uniform(0.2, 0.6, size=case.shape("bandwidth"))
    if "weights" in case.dims:
        arrays["weights"] = np.maximum(rng.uniform(-0.2, 2.0, size=case.shape("weights")), 0.0)
    return arrays


def _normal(case, rng):
    """The published toy: N(1, 1) on +-10."""
    return np.linspace(-10, 10, case.sizes["E"]), rng.normal(1.0, 1.0, case.shape("x"))


def _central(case, rng):
    """Edges at +-2 only, so that 5% of the mass is outside."""
    return np.linspace(-2, 2, case.sizes["E"]), rng.normal(size=case.shape("x"))


def _uneven(case, rng):
    """Bins of widths 0.05 to 1 in random order."""
    widths = np.geomspace(0.05, 1.0, case.sizes["B"])
    edges = np.cumsum([0.0, *np.random.Generator(np.random.Philox(7)).permutation(widths)])
    return edges - edges[-1] / 2, rng.normal(size=case.shape("x"))


def _narrow(case, rng):
    """Every other bin is 0.002 bandwidths wide, out to 8 bandwidths from the samples."""
    h = case.options["bandwidth"]
    starts = np.linspace(-1 - 8 * h, 1 + 7.99 * h, case.sizes["E"] // 2)
    edges = np.sort(np.concatenate([starts, starts + 0.002 * h]))
    return edges, rng.uniform(-1, 1, size=case.shape("x"))


def _tails(case, rng):
    """Two clusters 16 bandwidths apart, with bins out to 8 bandwidths on all four sides."""
    h = case.options["bandwidth"]
    x = rng.uniform(-0.1, 0.1, size=case.shape("x"))
    x[:, ::2] += 16 * h + 0.2
    return np.linspace(-0.1 - 8 * h, 0.3 + 24 * h, case.sizes["E"]), x


def _workload(name, low, high):
    def make(case, rng):
        from suite.workloads import load

        x = load(name).astype(np.float64)
        return np.linspace(low, high, case.sizes["E"]), rng.permuted(x, axis=1)[: case.sizes["R"]]

    return make


_DATA = {
    "normal": _normal,
    "central": _central,
    "uneven": _uneven,
    "narrow": _narrow,
    "tails": _tails,
    "breast_cancer_signal_scores": _workload("breast_cancer_signal_scores", 0.0, 1.0),
    "breast_cancer_background_scores": _workload("breast_cancer_background_scores", 0.0, 1.0),
    "digits_activations": _workload("digits_activations", 0.0, 4.0),
}


def _case(name, rows, samples, bins, *, arrays=(), profile="quick", **keywords):
    sizes = {"R": rows, "N": samples, "B": bins, "E": bins + 1}
    dims = {"x": ("R", "N"), "edges": ("E",), **dict(arrays), "output": ("R", "B")}
    return Case(name, sizes, dims, profile=profile, **keywords)


_ALL = ("x", "edges", "bandwidth", "weights")
_RELAXED = "relaxed's toy, arXiv 2203.05570"
_SCORES = "breast-cancer scores, out of fold"

CASES = (
    _case("relaxed-bandwidth-0.5", 1, 1000, 50, options={"bandwidth": 0.5}, source=_RELAXED),
    _case("relaxed-bandwidth-1.0", 1, 1000, 50, options={"bandwidth": 1.0}, source=_RELAXED),
    _case("n1e5-B50", 1, 100_000, 50, options={"bandwidth": 0.4}, representative=True, memory=True),
    _case("everything", 4, 500, 20, data="uneven", wrt=_ALL, representative=True,
          arrays={"bandwidth": ("R",), "weights": ("R", "N")},
          options={"density": True, "overflow": "reflect"}),
    _case("everything-float64", 4, 500, 20, data="uneven", wrt=_ALL, dtype="float64",
          arrays={"bandwidth": (), "weights": ("N",)},
          options={"kernel": "logistic", "density": True, "overflow": "drop"}),
    _case("gaussian-tails", 2, 200, 48, data="tails", wrt=("x", "edges"),
          options={"bandwidth": 0.25}),
    _case("logistic-tails", 2, 200, 48, data="tails", wrt=("x", "edges"),
          options={"bandwidth": 0.25, "kernel": "logistic"}),
    _case("gaussian-narrow", 2, 200, 41, data="narrow", options={"bandwidth": 0.25}),
    _case("logistic-narrow-float64", 2, 200, 41, data="narrow", dtype="float64",
          options={"bandwidth": 0.25, "kernel": "logistic"}),
    _case("triangular-reflect", 4, 500, 20, data="central", wrt=_ALL,
          arrays={"bandwidth": ("R",), "weights": ("N",)},
          options={"kernel": "triangular", "overflow": "reflect"}),
    _case("epanechnikov-density", 4, 500, 20, data="central", wrt=("x", "bandwidth"),
          arrays={"bandwidth": ()}, options={"kernel": "epanechnikov", "density": True}),
    _case("rows-64x512", 64, 512, 32, data="central", options={"bandwidth": 0.3}),
    _case("float16", 4, 512, 32, data="central", options={"bandwidth": 0.3}, dtype="float16"),
    _case("bfloat16", 4, 512, 32, data="central", options={"bandwidth": 0.3}, dtype="bfloat16",
          profile="full"),
    _case("scores-signal", 8, 212, 20, data="breast_cancer_signal_scores", source=_SCORES,
          options={"bandwidth": 0.05, "density": True, "overflow": "reflect"}),
    _case("scores-background", 8, 357, 20, data="breast_cancer_background_scores", source=_SCORES,
          options={"bandwidth": 0.05, "kernel": "logistic"}),
    _case("activations-tied", 32, 512, 40, data="digits_activations", source="digits, after ReLU",
          options={"bandwidth": 0.1, "overflow": "reflect"}),
    *(_case(f"n1e{power}-B{bins}", 1, 10**power, bins, profile="full", memory=power >= 6,
            options={"bandwidth": 20.0 / bins})
      for power in (3, 4, 5, 6, 7) for bins in (50, 1000) if (power, bins) != (5, 50)),
    *(_case(f"n2p24-B{bins}", 1, 1 << 24, bins, profile="full", options={"bandwidth": 20.0 / bins})
      for bins in (50, 1000)),
)  # fmt: skip


def _bad(name, raises, match, *, by_value=False, **changes):
    arguments = {
        "x": np.linspace(-1.0, 1.0, 6, dtype=np.float32).reshape(2, 3),
        "edges": np.linspace(-2.0, 2.0, 5, dtype=np.float32),
        "bandwidth": 0.5,
    }
    return ErrorCase(name, {**arguments, **changes}, raises, match, by_value)


def _single(*values):
    return np.array(values, np.float32)


ERROR_CASES = (
    _bad("x-rank", ValueError, ("x", "(6,)"), x=np.zeros(6, np.float32)),
    _bad("x-empty", ValueError, ("x", "(2, 0)"), x=np.zeros((2, 0), np.float32)),
    _bad("x-integer", TypeError, ("x", "int32"), x=np.zeros((2, 3), np.int32)),
    _bad("edges-rank", ValueError, ("edges", "(2, 3)"), edges=np.zeros((2, 3), np.float32)),
    _bad("edges-one", ValueError, ("edges", "(1,)", "2"), edges=_single(0)),
    _bad("edges-dtype", TypeError, ("edges", "float64"), edges=np.linspace(0, 1, 4)),
    _bad("edges-list", TypeError, ("edges", "list"), edges=[0.0, 1.0]),
    _bad("edges-equal", ValueError, ("edges", "0", "increase"), by_value=True,
         edges=_single(-1, 0, 0, 1)),
    _bad("edges-decrease", ValueError, ("edges", "0.0"), by_value=True, edges=_single(1, 0, -1)),
    _bad("edges-infinite", ValueError, ("edges", "inf"), by_value=True,
         edges=_single(0, 1, np.inf)),
    _bad("bandwidth-zero", ValueError, ("bandwidth", "0"), bandwidth=0.0),
    _bad("bandwidth-nan", ValueError, ("bandwidth", "nan"), bandwidth=float("nan")),
    _bad("bandwidth-infinite", ValueError, ("bandwidth", "inf"), bandwidth=float("inf")),
    _bad("bandwidth-text", TypeError, ("bandwidth", "scott"), bandwidth="scott"),
    _bad("bandwidth-shape", ValueError, ("bandwidth", "(3,)"), bandwidth=_single(1, 1, 1)),
    _bad("bandwidth-negative", ValueError, ("bandwidth", "-1"), by_value=True,
         bandwidth=_single(1, -1)),
    _bad("weights-shape", ValueError, ("weights", "(2,)"), weights=_single(1, 1)),
    _bad("weights-dtype", TypeError, ("weights", "int64"), weights=np.ones(3, np.int64)),
    _bad("weights-negative", ValueError, ("weights", "-2"), by_value=True,
         weights=_single(1, -2, 1)),
    _bad("weights-infinite", ValueError, ("weights", "inf"), by_value=True,
         weights=_single(1, np.inf, 1)),
    _bad("kernel", ValueError, ("kernel", "'uniform'", "'gaussian'"), kernel="uniform"),
    _bad("overflow", ValueError, ("overflow", "'clip'", "'reflect'"), overflow="clip"),
    _bad("density", TypeError, ("density", "'yes'"), density="yes"),
)  # fmt: skip
