"""What only a GPU can show. Everywhere else every test here is skipped, but those of the checks.

A test asks for ``implementation`` (every torch implementation that is said to run on a GPU, known
errors apart), for ``kernel`` (those that run nowhere else, and must do all that is asked), for
``repeated`` (a problem of an implementation, to be called again and again) or for ``jax_kernel``.
"""

import pytest
from chosen import declared, kernels, sizes_of

from suite import frameworks, operators


def pytest_generate_tests(metafunc):
    in_jax = [d for d in kernels("jax") if d.name == "cuda_jax"]
    choices = {"implementation": declared(), "kernel": kernels(), "jax_kernel": in_jax}
    for fixture, choice in choices.items():
        if fixture in metafunc.fixturenames:
            names = [f"{d.operator}-{d.name}" for d in choice]
            metafunc.parametrize(fixture, choice, ids=names, indirect=True)
    if "repeated" in metafunc.fixturenames:
        sized = [(d, size) for d in declared() for size in sizes_of(d)]
        names = [f"{d.operator}-{d.name}-{rows}x{samples}" for d, (rows, samples) in sized]
        metafunc.parametrize("repeated", sized, ids=names, indirect=True)


@pytest.fixture(scope="session")
def gpu():
    """Skips where torch has no GPU to run on."""
    if reason := frameworks.get("torch").missing("cuda"):
        pytest.skip(reason)


@pytest.fixture(scope="session")
def no_gpu():
    """Skips where there is one, whose time is not for the host's compiler."""
    if frameworks.get("torch").missing("cuda") is None:
        pytest.skip("the GPU itself runs the kernels here")


@pytest.fixture
def implementation(request, gpu):
    return _runnable(request.param)


@pytest.fixture
def kernel(request, gpu):
    return _runnable(request.param)


@pytest.fixture
def repeated(request, gpu):
    from on_device import Problem, case_of

    declaration, size = request.param
    operator = operators.get(declaration.operator)
    problem = Problem(_runnable(declaration), case_of(operator, *size), "cuda")
    if reason := problem.unsupported():
        pytest.skip(reason)
    return problem


@pytest.fixture
def jax_kernel(request, gpu):
    if reason := frameworks.get("jax").missing("cuda"):
        pytest.skip(reason)
    return _runnable(request.param)


def _runnable(declaration):
    if reason := declaration.unable("cuda"):
        pytest.skip(f"{declaration.name}: {reason}")
    return declaration
