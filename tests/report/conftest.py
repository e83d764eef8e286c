"""Fixtures around the made-up run."""

import pandas as pd
import pytest
from synthetic_run import as_run, cell_rows, synthetic_info, synthetic_tidy

from suite.report.measured import from_run


@pytest.fixture
def tidy():
    return synthetic_tidy()


@pytest.fixture
def info():
    return synthetic_info()


@pytest.fixture
def stored(tidy, info):
    return as_run(tidy, info)


@pytest.fixture
def run(stored):
    return from_run(stored)


@pytest.fixture
def make_run():
    """(rows, info) -> Measured."""
    return lambda rows, info: from_run(as_run(pd.DataFrame(rows), info))


@pytest.fixture
def make_cell():
    return cell_rows
