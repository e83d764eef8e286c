"""Every source keeps the contract: its published values, its experiments, its names."""

import csv

import pytest

from suite import registry, reproduce
from suite.reproduce.published import FILE, published

SOURCES = reproduce.names()


@pytest.mark.parametrize("name", SOURCES)
def test_a_source_states_what_the_file_of_published_values_has(name):
    source = reproduce.get(name)
    assert source.name == name
    assert source.title
    names = [experiment.name for experiment in source.experiments]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("name", SOURCES)
def test_its_implementations_are_there(name):
    there = {(d.operator, d.name) for d in registry.discover()}
    for experiment in reproduce.get(name).experiments:
        assert experiment.implementations
        if experiment.operator:
            asked = {*experiment.implementations, *filter(None, [experiment.published])}
            assert {(experiment.operator, each) for each in asked} <= there


def test_printed_digits_are_those_of_the_printed_value():
    for name in SOURCES:
        for row in published(name).values():
            if row.is_number:
                mantissa = row.value.lower().partition("e")[0].replace(".", "").lstrip("-0")
                assert len(mantissa) == row.digits, row


def test_no_value_is_published_by_a_source_that_is_not_there():
    with FILE.open(encoding="utf-8", newline="") as stream:
        assert {row["source"] for row in csv.DictReader(stream)} == set(SOURCES)


def test_an_unknown_source_is_refused_with_the_names():
    with pytest.raises(KeyError, match=r"'nature'.*expected one of"):
        reproduce.get("nature")
