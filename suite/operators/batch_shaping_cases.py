"""Inputs of batch shaping: the notebook's, a gated network's, size sweeps, and bad ones."""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from suite import workloads
from suite.operators.base import Case, ErrorCase

NOTEBOOK = "notebook of arXiv 1907.06627: 500 points, sigmoids of logits uniform in +-4"
DIGITS = "channel-gated network on scikit-learn's digits"
CANCER = "logistic regression on scikit-learn's breast-cancer data, out of fold"


def draw(case: Case, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Samples as ``case.data`` says, and parameters away from the ends of their range."""
    arrays = {"x": _samples(case, rng)}
    for name in ("a", "b"):
        if name in case.dims:
            arrays[name] = _parameter(name, case, rng)
    return arrays


def _samples(case: Case, rng: np.random.Generator) -> np.ndarray:
    """(R, N); real tensors come with their samples in a new order."""
    shape = case.shape("x")
    if case.data in workloads.names():
        return rng.permutation(workloads.load(case.data), axis=1)
    if case.data == "notebook":
        return expit(rng.uniform(-4, 4, size=shape))
    if case.data == "normal":
        return rng.normal(0.2, 1.3, size=shape)
    if case.data == "logits":
        return rng.normal(0.5, 2.5, size=shape)
    if case.data == "tied":
        return np.maximum(rng.normal(0.2, 1.0, size=shape).round(1), 0.0)
    inside = 0.01 + 0.98 * rng.beta(0.8, 1.4, size=shape)
    if case.data == "ends":
        ends = rng.integers(2, size=shape)
        return np.where(rng.uniform(size=shape) < 0.2, ends, inside)
    return inside


def _parameter(name: str, case: Case, rng: np.random.Generator) -> np.ndarray:
    shape, prior = case.shape(name), case.options["prior"]
    if case.data == "wide":
        return np.exp(rng.uniform(np.log(0.05), np.log(50), size=shape))
    if prior == "beta":
        return np.exp(rng.uniform(np.log(0.4), np.log(8), size=shape))
    if name == "b":
        return rng.uniform(0.3, 1.5, size=shape)
    low, high = (-0.5, 0.5) if prior == "normal" else (0.1, 0.9)
    return rng.uniform(low, high, size=shape)


def _case(name, rows, samples, prior, *, a=(), b=(), wrt="x", **keywords) -> Case:
    """A case; a and b are the labels of an array's axes, or a host scalar (None for no b)."""
    dims: dict[str, tuple[str, ...]] = {"x": ("R", "N")}
    options = {"prior": prior, **keywords.pop("options", {})}
    for argument, value in (("a", a), ("b", b)):
        if isinstance(value, tuple):
            dims[argument] = value
        else:
            options[argument] = value
    dims["output"] = ("R",) if options.get("reduction") == "none" else ()
    sizes = {"R": rows, "N": samples}
    return Case(name, sizes, dims, options=options, wrt=tuple(wrt), **keywords)


_ROW = ("R",)
_DATA = {"normal": "normal"}


def _sized(prior: str, rows: int, samples: int, suffix: str = "", **keywords) -> Case:
    """One size of a sweep; parameters per row."""
    keywords = {"a": _ROW, "b": _ROW, "data": _DATA.get(prior, "inside"), **keywords}
    return _case(f"{prior}{suffix}-{rows}x{samples}", rows, samples, prior, **keywords)


def _notebook(prior: str, a: float, b: float | None) -> Case:
    return _case(
        f"notebook-{prior}-1x500", 1, 500, prior, a=a, b=b, data="notebook", source=NOTEBOOK,
        profile="quick",
    )  # fmt: skip


CASES = (
    _sized("normal", 64, 4096, profile="quick", representative=True, memory=True),
    _sized("relaxed_bernoulli", 64, 4096, profile="quick"),
    _sized("beta", 64, 4096, profile="quick"),
    _sized("beta", 64, 4096, "-parameters", wrt="xab", profile="quick", representative=True,
           memory=True),
    _notebook("relaxed_bernoulli", 0.2, 0.25),
    _notebook("symbeta", 0.9, None),
    _notebook("beta", 2.0, 6.0),
    _notebook("normal", 0.6, 0.1),
    _case("digits-gates", 16, 1024, "relaxed_bernoulli", a=_ROW, b=_ROW, wrt="xab",
          data="digits_gates", source=DIGITS, profile="quick"),
    _case("digits-gate-logits", 16, 1024, "beta", a=_ROW, b=_ROW, wrt="xab",
          options={"from_logits": True}, data="digits_gate_logits", source=DIGITS,
          profile="quick"),
    _case("digits-activations-tied", 32, 512, "normal", a=_ROW, b=_ROW, wrt="xab",
          options={"plotting_position": "ecdf"}, data="digits_activations", source=DIGITS,
          profile="quick"),
    _case("cancer-logits-saturated", 8, 212, "symbeta", a=_ROW, b=None, wrt="xa",
          options={"from_logits": True, "reduction": "none"},
          data="breast_cancer_signal_logits", source=CANCER, profile="quick"),
    _case("ties-ordinal", 8, 512, "normal", wrt="xab",
          options={"ties": "ordinal", "plotting_position": "hazen", "reduction": "sum"},
          data="tied", permute=_ROW, profile="quick"),
    _case("clip", 8, 512, "relaxed_bernoulli", wrt="xab",
          options={"clip": (0.05, 0.9), "reduction": "none"}, data="ends", profile="quick"),
    _case("infinite-density", 4, 300, "beta", a=0.5, b=0.5, data="ends", profile="quick"),
    _case("beta-wide-float64", 32, 128, "beta", a=_ROW, b=_ROW, wrt="xab", dtype="float64",
          data="wide", profile="quick"),
    _case("beta-float16", 8, 512, "beta", a=_ROW, b=_ROW, dtype="float16", data="inside",
          profile="quick"),
    _case("normal-bfloat16", 8, 512, "normal", a=0.1, b=0.8, dtype="bfloat16", profile="quick"),
    _case("beta-wide", 32, 512, "beta", a=_ROW, b=_ROW, wrt="xab", data="wide"),
    _case("logits-clip", 8, 512, "beta", a=_ROW, b=_ROW, wrt="xab",
          options={"from_logits": True, "clip": (0.05, 0.9)}, data="logits"),
    _case("logits-normal", 8, 512, "normal", a=0.5, b=0.2, options={"from_logits": True},
          data="logits"),
    _case("logits-relaxed_bernoulli-float64", 8, 512, "relaxed_bernoulli", wrt="xab",
          options={"from_logits": True}, data="logits", dtype="float64"),
    _case("symbeta-bfloat16", 8, 512, "symbeta", a=0.4, b=None, dtype="bfloat16", data="inside"),
    *(_sized("normal", r, n, "-tied", data="tied") for r, n in ((64, 4096), (512, 4096))),
    *(_sized(prior, r, n, memory=prior == "normal")
      for prior in ("normal", "relaxed_bernoulli", "beta")
      for r, n in ((1, 500), (16, 1024), (512, 4096), (512, 16384))),
    *(_sized("beta", 512, n, "-parameters", wrt="xab") for n in (4096, 16384)),
    _sized("normal", 1, 1 << 20),
)  # fmt: skip


def _bad(name, raises, match, *, by_value=False, **changes) -> ErrorCase:
    x = np.linspace(0.1, 0.9, 6, dtype=np.float32).reshape(2, 3)
    arguments = {"x": x, "a": 0.5, "b": 0.5, "prior": "beta", **changes}
    return ErrorCase(name, arguments, raises, match, by_value)


def _row(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


_BERNOULLI = {"prior": "relaxed_bernoulli"}
_NORMAL = {"prior": "normal"}
_SYMBETA = {"prior": "symbeta", "b": None}
_ONE_HIGH = np.array([[0.2, 0.5, 1.25], [0.1, 0.2, 0.3]], np.float32)

ERROR_CASES = (
    _bad("x-rank", ValueError, ("x", "(6,)"), x=np.full(6, 0.5, np.float32)),
    _bad("x-rank-3", ValueError, ("x", "(2, 1, 3)"), x=np.full((2, 1, 3), 0.5, np.float32)),
    _bad("x-no-samples", ValueError, ("x", "(2, 0)"), x=np.zeros((2, 0), np.float32)),
    _bad("x-no-rows", ValueError, ("x", "(0, 3)"), x=np.zeros((0, 3), np.float32)),
    _bad("x-integer", TypeError, ("x", "int32"), x=np.zeros((2, 3), np.int32)),
    _bad("x-list", TypeError, ("x", "list"), x=[[0.1, 0.2]]),
    _bad("prior", ValueError, ("prior", "gamma", "beta"), prior="gamma"),
    _bad("plotting-position", ValueError, ("plotting_position", "blom", "weibull"),
         plotting_position="blom"),
    _bad("ties", ValueError, ("ties", "max", "mid"), ties="max"),
    _bad("reduction", ValueError, ("reduction", "median", "mean"), reduction="median"),
    _bad("from-logits", TypeError, ("from_logits", "1"), from_logits=1),
    _bad("a-zero", ValueError, ("a", "0.0"), a=0.0),
    _bad("a-nan", ValueError, ("a", "nan"), a=float("nan")),
    _bad("a-infinite", ValueError, ("a", "inf"), a=float("inf")),
    _bad("a-none", TypeError, ("a", "None"), a=None),
    _bad("a-shape", ValueError, ("a", "(3,)", "(2,)"), a=_row(1, 1, 1)),
    _bad("a-column", ValueError, ("a", "(2, 1)"), a=np.ones((2, 1), np.float32)),
    _bad("a-dtype", TypeError, ("a", "float64", "float32"), a=np.ones(2)),
    _bad("a-integer", TypeError, ("a", "int64"), a=np.ones(2, np.int64)),
    _bad("b-negative", ValueError, ("b", "-1"), b=-1.0),
    _bad("b-missing", TypeError, ("b", "None", "beta"), b=None),
    _bad("b-shape", ValueError, ("b", "(3,)"), b=_row(1, 1, 1)),
    _bad("b-for-symbeta", ValueError, ("b", "0.5", "symbeta"), prior="symbeta"),
    _bad("symbeta-a", ValueError, ("a", "1.5"), a=1.5, **_SYMBETA),
    _bad("mean-one", ValueError, ("a", "1.0"), a=1.0, **_BERNOULLI),
    _bad("std-zero", ValueError, ("b", "0"), b=0, **_NORMAL),
    _bad("clip-pair", TypeError, ("clip", "0.1"), clip=0.1),
    _bad("clip-text", TypeError, ("clip", "low"), clip=("low", 1.0)),
    _bad("clip-order", ValueError, ("clip", "(0.9, 0.1)"), clip=(0.9, 0.1)),
    _bad("clip-range", ValueError, ("clip", "(-1, 0.5)"), clip=(-1, 0.5)),
    _bad("x-above-one", ValueError, ("x", "1.25"), by_value=True, x=_ONE_HIGH),
    _bad("x-above-one-relaxed_bernoulli", ValueError, ("x", "1.25"), by_value=True, x=_ONE_HIGH,
         **_BERNOULLI),
    _bad("x-below-zero-symbeta", ValueError, ("x", "-0.25"), by_value=True, x=1 - _ONE_HIGH,
         **_SYMBETA),
    _bad("a-values", ValueError, ("a", "-1"), by_value=True, a=_row(1, -1)),
    _bad("b-values", ValueError, ("b", "0.0"), by_value=True, b=_row(0, 1)),
    _bad("symbeta-a-values", ValueError, ("a", "1.5"), by_value=True, a=_row(0.5, 1.5),
         **_SYMBETA),
    _bad("mean-values", ValueError, ("a", "1.0"), by_value=True, a=_row(0.5, 1), **_BERNOULLI),
    _bad("temperature-values", ValueError, ("b", "-2"), by_value=True, b=_row(0.5, -2),
         **_BERNOULLI),
    _bad("std-values", ValueError, ("b", "-0.5"), by_value=True, b=_row(0.5, -0.5), **_NORMAL),
    _bad("std-scalar-array", ValueError, ("b", "0.0"), by_value=True,
         b=np.zeros((), np.float32), **_NORMAL),
)  # fmt: skip
