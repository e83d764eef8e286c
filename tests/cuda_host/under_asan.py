"""Every shipped kernel on small inputs, for a process that the address sanitizer watches.

    python under_asan.py SOURCES [OPERATOR ...]

torch allocates every operand on its own and exactly as large as it is. Ends with 0 when every
kernel of these operators' sources has run; a read or write beside an operand, or beyond a launch's
shared memory, ends the process before that.
"""

import re
import sys
from pathlib import Path

from contract.small_cases import paths
from cuda_host.calls import called
from cuda_host.driver import HostDriver, on_cpu_torch

from implementations.cuda import occupancy_entropy, row_sort, soft_histogram
from suite import operators, registry
from suite.operators.base import cotangent, inputs

FLAGS = ("-fsanitize=address",)


def names(chosen):
    """Operators that have CUDA kernels, or the chosen ones of them."""
    found = [d.operator for d in registry.discover() if d.name == "cuda_torch"]
    return [name for name in found if not chosen or name in chosen]


def run(driver, chosen):
    """Values and gradients of cases with every option's every value."""
    for name in chosen:
        operator = operators.get(name)
        for case in paths(operator):
            arrays, weight = inputs(operator, case, 0), cotangent(operator, case, 0)
            called(driver, name, arrays, weight, case.wrt, **case.options)


KERNEL = re.compile(r"__global__ void\s+(?:__launch_bounds__\([\w, ]+\)\s*)?(\w+)\(")
INCLUDED = re.compile(r'^#include "(\w+\.cuh)"', re.MULTILINE)


def kernels(sources):
    """Names of the kernels that sources define, and headers that they include."""
    found = set()
    for source in sources:
        text = source.read_text()
        headers = {source.parent / header for header in INCLUDED.findall(text)}
        found |= set(KERNEL.findall(text)) | kernels(headers)
    return found


def main(folder, *chosen):
    assert on_cpu_torch() is None
    chosen = names(chosen)
    row_sort.SHARE = occupancy_entropy.SHARE = soft_histogram.SHARE = 16
    soft_histogram.LEAST = 1
    fitting = HostDriver(sources=folder, flags=FLAGS)
    run(fitting, chosen)
    # And as on a GPU on which no row fits a block, but rows have several.
    occupancy_entropy.LEAST = 8
    sharing = HostDriver(sources=folder, flags=FLAGS, shared=0)
    run(sharing, chosen)
    launched = [*fitting.launched, *sharing.launched]
    ran = {one.kernel.partition("<")[0] for one in launched}
    assert ran == kernels(folder / source for source in {one.source for one in launched})
    print("ran", *sorted(ran))


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
