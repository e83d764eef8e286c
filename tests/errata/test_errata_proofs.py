"""Every entry's proof shows what the entry declares, again and again."""

import functools
import json
import math

import pytest

from suite import errata, registry
from suite.errata.proving import Proved, prove

RESULTS = registry.ROOT / "results"
NAMES = [entry.name for entry in errata.entries()]


@functools.cache
def proved(name: str) -> Proved:
    return prove(errata.get(name))


@pytest.mark.parametrize("name", NAMES)
def test_a_proof_shows_what_its_entry_declares(name):
    found = proved(name)
    if found.verdict == "not run":
        pytest.skip(found.reason)
    shown = [f"{e.quantity}: {e.published:.6g}, right {e.right:.6g}" for e in found.evidence]
    assert found.as_declared, f"{found.verdict}, {found.reason}\n" + "\n".join(shown)


@pytest.mark.parametrize("name", NAMES)
def test_the_committed_evidence_is_what_the_proof_gives(name):
    """To three digits: the last ones differ from machine to machine."""
    stored = json.loads((RESULTS / "errata.json").read_text(encoding="utf-8"))["entries"]
    found = proved(name)
    if found.verdict == "not run":
        pytest.skip(found.reason)
    assert len({e.quantity for e in found.evidence}) == len(found.evidence)
    again = {item["quantity"]: item for item in stored[name]["evidence"]}
    assert set(again) == {e.quantity for e in found.evidence}, "make errata writes it anew"
    for e in found.evidence:
        before = float(again[e.quantity]["published"])
        same = math.isclose(e.published, before, rel_tol=1e-3, abs_tol=1e-2 * e.tolerance)
        assert same or math.isnan(before) and math.isnan(e.published), e.quantity


def test_the_page_has_every_entry():
    page = (RESULTS / "errata.md").read_text(encoding="utf-8")
    missing = [name for name in NAMES if f"## {name}\n" not in page]
    assert not missing, "make errata writes the page"


def test_a_faulty_entry_has_a_corrected_formula_and_a_right_one_has_none():
    for entry in errata.entries():
        assert bool(entry.corrected) == (entry.fault != "none"), entry.name
        assert entry.claim and entry.published and entry.why and entry.source, entry.name


def test_every_known_error_is_an_entry_with_a_fault():
    for declaration in registry.discover():
        if declaration.known_error:
            assert errata.get(declaration.known_error).fault != "none", declaration.path
