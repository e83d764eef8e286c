"""Every kernel is right in odd sizes, by moments and sorted; the calls leave no kernel out."""

import every_kernel
import pytest
import sanitized
from chosen import MOMENTS, sizes_of
from cuda_host.build import SHIPPED
from cuda_host.driver import HostDriver, launching, on_cpu_torch
from cuda_host.under_asan import kernels
from on_device import Problem, case_of, differences

from implementations.cuda import soft_histogram
from suite import operators, registry
from suite.operators.base import PASSES, inputs

DIRECT = "every sample at every edge"


def test_every_call_is_right(kernel):
    assert sanitized.wrong(kernel) == 0


def prepare():
    if reason := on_cpu_torch():
        pytest.skip(reason)


def test_the_calls_launch_every_kernel_and_are_right(no_gpu):
    prepare()
    with launching(HostDriver()) as host:
        for name in every_kernel.CALLS:
            assert sanitized.wrong(registry.find(name, "cuda_torch"), "cpu") == 0
    launched = {one.kernel.partition("<")[0] for one in host.launched}
    assert launched == kernels(SHIPPED.glob("*.cu"))
    assert not missed(host.launched)


def missed(launched):
    """Of kernels that differ by what is computed, what was not among launches."""
    names = " ".join(one.kernel for one in launched)
    wanted = (
        "soft_histogram_evaluate<float, false, true>",
        "soft_histogram_evaluate<float, true, true>",
        "soft_histogram_evaluate<double, true, false>",
        "soft_histogram_deposit<Half>",
        "soft_histogram_direct<BFloat, false, 64>",
        "batch_shaping_sorted<Half, 0,",
        "ecdf_pairs<float, 0,",
        "ecdf_pairs<double, 1,",
    )
    return [name for name in wanted if name not in names]


@pytest.mark.parametrize(
    "case", every_kernel.cases(operators.get("soft_histogram")), ids=lambda c: c.name
)
def test_long_rows_go_by_moments(case):
    """As a launch alone does not show: on the device a row may go the other way."""
    host = HostDriver().device(0)
    kernel, weighted = case.options.get("kernel", "gaussian"), "weights" in case.dims
    rows, samples = case.shape("x")
    size = soft_histogram.sizes(rows, samples, case.sizes["E"], case.dtype, kernel, weighted, host)
    arrays = {**case.options, **inputs(operators.get("soft_histogram"), case, 0)}
    narrowest = float(
        arrays["bandwidth"] if "bandwidth" in case.options else min(arrays["bandwidth"])
    )
    edges = arrays["edges"]
    route = soft_histogram.route(edges[0], edges[-1], narrowest, size, kernel)
    assert (route == DIRECT) == (samples < soft_histogram.LEAST)


def test_calls_are_repeated_in_fixed_point_and_without_it(no_gpu):
    prepare()
    declaration = registry.find("soft_histogram", "cuda_torch")
    for size in sizes_of(declaration):
        problem = Problem(declaration, case_of(operators.get("soft_histogram"), *size), "cpu")
        with launching(HostDriver(seed=1)) as one:
            first = problem.run(PASSES[1])
        with launching(HostDriver(seed=2)):
            second = problem.run(PASSES[1])
        fixed = any("soft_histogram_deposit<float>" in launch.kernel for launch in one.launched)
        assert fixed == (size == MOMENTS)
        assert differences(problem, first, second, PASSES[1]) == []
