"""Timing: the pytest-benchmark session that a worker runs, its clocks, and what is derived."""
