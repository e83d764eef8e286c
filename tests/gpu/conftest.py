"""What only a GPU can show. Everywhere else every test here is skipped, but those of the checks.

A test asks for ``implementation`` (every torch implementation that is said to run on a GPU, known
errors apart) or for ``kernel`` (those that run nowhere else, and must do all that is asked).
"""

import pytest

from suite import frameworks, registry


def declared():
    """Torch implementations for GPUs; what runs there alone comes first."""
    found = [d for d in registry.discover() if d.framework == "torch" and "cuda" in d.devices]
    found = [d for d in found if not d.known_error]
    return sorted(found, key=lambda d: ("cpu" in d.devices, d.operator, d.name))


def pytest_generate_tests(metafunc):
    kernels = [d for d in declared() if "cpu" not in d.devices]
    for fixture, choice in (("implementation", declared()), ("kernel", kernels)):
        if fixture in metafunc.fixturenames:
            names = [f"{d.operator}-{d.name}" for d in choice]
            metafunc.parametrize(fixture, choice, ids=names, indirect=True)


@pytest.fixture(scope="session")
def gpu():
    """Skips where torch has no GPU to run on."""
    if reason := frameworks.get("torch").missing("cuda"):
        pytest.skip(reason)


@pytest.fixture
def implementation(request, gpu):
    return _runnable(request.param)


@pytest.fixture
def kernel(request, gpu):
    return _runnable(request.param)


def _runnable(declaration):
    if reason := declaration.unable("cuda"):
        pytest.skip(f"{declaration.name}: {reason}")
    return declaration
