"""Every test here runs on every implementation that the registry finds and this machine can run.

A test asks for ``subject`` alone (any implementation), for ``judged`` (with each of the quick
cases that are small), for ``small`` (with each of a few tiny cases) or for ``path`` (with tiny
cases that have every value of every option among them). Known errors are left out of all these:
only ``known_error`` gives them. So are other libraries, whose NaNs, layouts and transforms are
theirs: their cells are judged, and tests/implementations/test_peers.py has their adaptors. What
needs a framework or a package that is not there is skipped, with the reason. What Triton's
interpreter runs, a thousand times slower, gets the smallest cases.
"""

import math

import pytest
from emulation import ELEMENTS, is_emulated
from small_cases import paths, quick, richest, shrunk
from subject import Subject
from theorems import THEOREMS

from suite import registry


def pytest_generate_tests(metafunc):
    declared = registry.discover(metafunc.config.getoption("--implementation"))
    where = metafunc.config.getoption("--device") or ""
    declared = [d for d in declared if not where or where in d.devices]
    if "known_error" in metafunc.fixturenames:
        wrong = [Subject(d, where) for d in declared if d.known_error]
        metafunc.parametrize("known_error", wrong, ids=lambda s: s.name)
    ours = [d for d in declared if not d.module.startswith("implementations.peers.")]
    subjects = [Subject(d, where) for d in ours if not d.known_error]
    for mark in metafunc.definition.iter_markers("framework"):
        subjects = [s for s in subjects if s.declaration.framework in mark.args]
    if "theorem" in metafunc.fixturenames and "subject" in metafunc.fixturenames:
        pairs = [(s, t) for s in subjects for t in THEOREMS if t.operator == s.operator.name]
        names = [f"{s.name}-{t.name}" for s, t in pairs]
        metafunc.parametrize(("subject", "theorem"), pairs, ids=names)
    elif "subject" in metafunc.fixturenames:
        metafunc.parametrize("subject", subjects, ids=lambda s: s.name)
    for fixture, cases in (("judged", quick), ("small", shrunk), ("path", paths)):
        if fixture in metafunc.fixturenames:
            pairs = [(s, case) for s in subjects for case in _cases(s, cases)]
            names = [f"{s.name}-{case.name}" for s, case in pairs]
            metafunc.parametrize(fixture, pairs, ids=names, indirect=True)


def _cases(subject, cases):
    slow = subject.declaration.slow_compile
    if slow:
        return [richest(subject.operator)]
    found = cases(subject.operator)
    if is_emulated(subject.declaration):
        most = ELEMENTS.get(subject.declaration.name, math.inf)
        found = [c for c in found if math.prod(c.shape(c.arrays[0])) <= most]
    return found


@pytest.fixture
def judged(request):
    return _runnable(*request.param)


@pytest.fixture
def small(request):
    return _runnable(*request.param)


@pytest.fixture
def path(request):
    return _runnable(*request.param)


def _runnable(subject, case):
    if reason := subject.unsupported(case):
        pytest.skip(f"{subject.name}: {reason}")
    return subject, case
