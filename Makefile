# make bench     measure and judge the quick profile, on the GPU where there is one
# make bench-gpu all there is to do on a machine with a GPU, in nine minutes
# make test      run the tests
# make quality   gradients against those of the population, and a page that says what to use
# make reproduce what was published, run again: a table of claims, numbers and verdicts
# make gate      does the change hold? against the commit before it, or BASE=revision
# make gate-study how often does the gate err? hours; written into the README
# PYTHON=python3 VENV=0 uses an interpreter as it is and installs nothing.
# PROCESSES=2    how many the tests are shared among; 0: none beside the first

PYTHON ?= python3
VENV ?= 1
ARGS ?=

ifeq ($(VENV),0)
PY := $(PYTHON)
READY :=
PROCESSES ?= 0
else
PROCESSES ?= 2
PY := .venv/bin/python
READY := .venv/.ready
endif

.PHONY: setup bench bench-gpu report test quality reproduce gate gate-study lint workloads check list errata doctor clean

setup: $(READY)

# torch first: what follows must be content with it. It is left alone where it is there already.
.venv/.ready: pyproject.toml constraints.txt
	@echo "setting up .venv: some minutes, about 1.5 GB with torch and jax"
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet "$$(grep '^torch==' constraints.txt)"
	.venv/bin/python -m pip install --quiet -c constraints.txt -e '.[test]'
	touch $@

bench: $(READY)
	$(PY) -m suite bench $(ARGS)

bench-gpu: $(READY)
	$(PY) -m suite bench-gpu $(ARGS)

report: $(READY)
	$(PY) -m suite report $(ARGS)

# Tests that share what they compile stay in one process (tests/conftest.py).
SHARED := $(if $(filter-out 0,$(PROCESSES)),-n $(PROCESSES) --dist loadgroup --no-loadscope-reorder)

test: $(READY)
	$(PY) -m pytest $(SHARED) $(ARGS)

quality: $(READY)
	$(PY) -m suite quality $(ARGS)

reproduce: $(READY)
	$(PY) -m suite reproduce $(ARGS)

gate: $(READY)
	$(PY) -m suite gate $(if $(BASE),--base $(BASE)) $(ARGS)

gate-study: $(READY)
	$(PY) -m suite gate-study --readme README.md $(ARGS)

lint: $(READY)
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy

errata: $(READY)
	$(PY) -m suite errata $(ARGS)

workloads: $(READY)
	$(PY) -m suite workloads $(ARGS)

check: $(READY)
	$(PY) -m suite check $(ARGS)

list: $(READY)
	$(PY) -m suite list $(ARGS)

doctor: $(READY)
	$(PY) -m suite doctor

clean:
	rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
