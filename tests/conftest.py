"""What every test process needs before a framework is imported."""

import os

# float64 cases; read by jax when it is imported.
os.environ.setdefault("JAX_ENABLE_X64", "1")


def pytest_addoption(parser):
    """The same contract tests run on a user's own implementations."""
    parser.addoption(
        "--implementation",
        action="append",
        default=[],
        metavar="FILE",
        help="also hold the implementations in this .py file to the contract",
    )
