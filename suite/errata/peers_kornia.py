"""kornia 0.9.0 as installed: its soft histograms against counts and probabilities of bins."""

from __future__ import annotations

import numpy as np
from scipy import stats

from suite.errata.entry import Erratum, Evidence
from suite.errata.evaluate import midpoints

_KORNIA = ("kornia", "torch")


def _histogram(x, h: float) -> np.ndarray:
    """kornia's histogram of samples for bins of width 1 centred on -4 .. 4."""
    import torch
    from kornia.enhance import histogram

    samples = torch.as_tensor(np.asarray(x, np.float64))[None]
    centres = torch.arange(-4.0, 5.0, dtype=torch.float64)
    return histogram(samples, centres, torch.tensor(h, dtype=torch.float64))[0].numpy()


def _bins() -> tuple[Evidence, ...]:
    x = stats.norm.ppf(midpoints(20_000))
    edges = np.arange(-4.5, 5)
    inside = stats.norm.cdf(4.5) - stats.norm.cdf(-4.5)
    found = []
    for h in (0.05, 0.5):
        law = stats.norm(0, np.sqrt(1 + h * h)) if h == 0.5 else stats.norm()
        right = (law.cdf(edges[5]) - law.cdf(edges[4])) / inside
        quantity = f"share of N(0, 1) in the bin (-1/2, 1/2), bandwidth {h:g}"
        found.append(Evidence(quantity, _histogram(x, h)[4], right, 2e-3))
    near = _histogram(np.full(100, 0.49), 0.05)
    mixed = _histogram(np.r_[np.full(100, 0.49), np.zeros(1)], 0.05)
    return (
        *found,
        Evidence("share of the bin at 0, 100 samples at 0.49", near[4], 1, 1e-3),
        Evidence("the same beside one sample at -1",
                 _histogram(np.r_[np.full(100, 0.49), -1.0], 0.05)[4], 100 / 101, 1e-3),
        Evidence("the same beside one sample at 0", mixed[4], 1, 1e-3),
    )  # fmt: skip


def _far() -> tuple[Evidence, ...]:
    import torch
    from kornia.enhance import histogram

    x = torch.tensor([[10.0]], requires_grad=True)
    centres = torch.arange(-4.0, 5.0)
    out = histogram(x, centres, torch.tensor(0.1))
    out[0, -1].backward()
    assert x.grad is not None
    near = torch.tensor([[0.5]])
    between = histogram(near, centres, torch.tensor(0.03)).detach()
    return (
        Evidence("sum of the histogram of a sample 6 bins outside",
                 float(out.detach().sum()), 1, 1e-3),
        Evidence("its gradient's size", float(x.grad.abs().sum()), 0, 1e-9),
        Evidence("sum for a sample between two centres, bandwidth 0.03", float(between.sum()), 1,
                 1e-3),
    )  # fmt: skip


def _image() -> tuple[Evidence, ...]:
    import torch
    from kornia.enhance import image_histogram2d

    pixels = torch.from_numpy(51 * 5.0 * midpoints(10_200)).reshape(1, 1, 102, 100)
    found = []
    for kernel in ("triangular", "gaussian", "uniform", "epanechnikov"):
        counts = image_histogram2d(pixels, 0.0, 255.0, 51, kernel=kernel)[0][0, 0]
        quantity = f"pixels counted in the middle one of 51 bins of 200, {kernel}"
        found.append(Evidence(quantity, float(counts[25]), 200, 0.5))
    return tuple(found)


def _ends() -> tuple[Evidence, ...]:
    import torch
    from kornia.enhance import image_histogram2d

    pixels = torch.from_numpy(51 * 5.0 * midpoints(10_200)).reshape(1, 1, 102, 100)
    counts, shares = image_histogram2d(pixels, 0.0, 255.0, 51, return_pdf=True)
    return (
        Evidence("pixels counted in the second bin of 200", float(counts[0, 0, 1]), 200, 0.5),
        Evidence("in the first", float(counts[0, 0, 0]), 200, 0.5),
        Evidence("in all", float(counts.sum()), 10_200, 0.5),
        Evidence("sum of the shares", float(shares.sum()), 1, 1e-6),
    )


def _width() -> tuple[Evidence, ...]:
    import torch
    from kornia.enhance import image_histogram2d

    pixels = torch.from_numpy(51 * 5.0 * midpoints(10_200)).reshape(1, 1, 102, 100)
    counts = image_histogram2d(pixels, 0.0, 255.0, 51, bandwidth=10.0)[0][0, 0]
    return (
        Evidence("bins of 51 in (0, 255) with a pixel, bandwidth 5, the default", float(
            (image_histogram2d(pixels, 0.0, 255.0, 51)[0] > 0).sum()), 51, 0),
        Evidence("the same, bandwidth 10", float((counts > 0).sum()), 51, 0),
    )  # fmt: skip


_WHERE = "kornia 0.9.0, enhance/histogram.py, "

ENTRIES = (
    Erratum(
        "kornia-histogram-bins",
        _WHERE + "histogram, marginal_pdf",
        "Estimates the histogram by kernel density estimation.",
        "sum_i exp(-((x_i - c_b) / h)^2 / 2), divided by its sum over b",
        "sum_i Phi((e_{b+1} - x_i) / h) - Phi((e_b - x_i) / h)",
        "bias",
        "It is a density at the bins' centres, not the mass of bins. The two agree where bins are "
        "narrow against h; with h small a sample near an edge of its bin counts for nothing beside "
        "one at a centre.",
        _KORNIA,
        _bins,
    ),
    Erratum(
        "kornia-histogram-sum",
        _WHERE + "histogram, epsilon=1e-10",
        "A probability for each bin.",
        "count_b / (sum_b count_b + 1e-10)",
        "count_b / sum_b count_b, by log-sum-exp",
        "limit",
        "Samples that are a few bandwidths from every centre, outside or between, give a histogram "
        "of zeros without gradient.",
        _KORNIA,
        _far,
    ),
    Erratum(
        "kornia-image-histogram-scale",
        _WHERE + "image_histogram2d, kernel=",
        "Counts of pixels by any of four kernels.",
        "sum of kernels that are 1 at 0",
        "sum of kernels that sum to 1 over the centres",
        "scale",
        "The triangular kernel, the default, counts each pixel once. The normal one counts it 2.5 "
        "times, the uniform twice, the Epanechnikov 4/3 times.",
        _KORNIA,
        _image,
    ),
    Erratum(
        "kornia-image-histogram-ends",
        _WHERE + "image_histogram2d, first and last bin",
        "A histogram over the range from min to max, both included.",
        "sum of 1 - |x - c| / w",
        "the outer bins keep what falls beyond their centres",
        "bias",
        "A pixel beyond an outer centre gives part of its weight to a bin that is not there: in "
        "flat data the outer bins are an eighth too low.",
        _KORNIA,
        _ends,
    ),
    Erratum(
        "kornia-image-histogram-bandwidth",
        _WHERE + "image_histogram2d, bandwidth=",
        "bandwidth is a smoothing factor.",
        "centres min + (b + 1/2) bandwidth",
        "centres min + (b + 1/2) (max - min) / n_bins",
        "misnamed",
        "It is the width of the bins too: another bandwidth moves them, half of them out of the "
        "range when it is doubled.",
        _KORNIA,
        _width,
    ),
)
