# Each target makes what it needs in .venv; nothing but python3 (3.10 or later), pip and make is
# asked of the machine. A stamp per extra remembers what is installed: the second run is quick.

PYTHON ?= python3
VENV   ?= .venv
FILE   ?=

PY := $(VENV)/bin/python

.PHONY: help demo test lint docs check-kernels upstream fuzz bench bench-check cuda-test cuda-bench clean
.SECONDARY:

help:
	@echo "make demo [FILE=muons.root]   fit the Z peak with exact gradients, write demo.png"
	@echo "make test [ARGS='-k sort']    the tests"
	@echo "make lint                     ruff and mypy"
	@echo "make docs                     the documentation, in docs/_build/html"
	@echo "make check-kernels            manifest, Awkward and rules agree; no write outside of a buffer"
	@echo "make upstream                 Awkward's own tests on the dual backend (half an hour)"
	@echo "make fuzz [SECONDS=60]        random programs against differences"
	@echo "make bench                    what derivatives cost, relative to the value"
	@echo "make bench-check              whether that has become more"
	@echo "make cuda-test                the dual backend on a GPU against the one on the CPU"
	@echo "make cuda-bench               what derivatives cost on a GPU"
	@echo "make clean                    remove the environment and all that was built"

demo: $(VENV)/.has-demo
	$(PY) examples/zpeak.py $(if $(FILE),"$(FILE)") --output demo.png

test: $(VENV)/.has-test
	$(PY) -m pytest $(ARGS)

lint: $(VENV)/.has-lint
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy

docs: $(VENV)/.has-docs
	$(PY) -m sphinx -W --keep-going -b html docs docs/_build/html

check-kernels: $(VENV)/.has-test
	$(PY) -m kernels.check
	$(PY) -m kernels.guard

upstream: $(VENV)/.has-test
	$(PY) -m tests.upstream.run --jobs 2

fuzz: $(VENV)/.has-test
	$(PY) -m tests.properties.fuzz --seconds $(or $(SECONDS),60)

bench: $(VENV)/.has-test $(VENV)/.has-oracles
	$(PY) -m benchmarks.sizes
	$(PY) -m benchmarks.sizes --unpinned
	$(PY) -m benchmarks.operators
	$(PY) -m benchmarks.against
	$(PY) -m benchmarks.columns
	$(PY) -m benchmarks.memory
	$(PY) -m benchmarks.plain

bench-check: $(VENV)/.has-test
	$(PY) -m benchmarks.check

# CUDA_PY=python runs them in an environment that is there: CuPy, NumPy and Awkward are enough
CUDA_PY ?= $(PY)
CUDA_ENVIRONMENT := $(if $(filter $(PY),$(CUDA_PY)),$(VENV)/.has-cuda,)

cuda-test: $(CUDA_ENVIRONMENT)
	PYTHONPATH=src:. $(CUDA_PY) -m tests.cuda.run $(ARGS)

cuda-bench: $(CUDA_ENVIRONMENT)
	PYTHONPATH=src:. $(CUDA_PY) -m benchmarks.cuda

$(VENV)/.has-%: pyproject.toml
	test -x $(PY) || $(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet --disable-pip-version-check --upgrade pip
	$(PY) -m pip install --quiet --disable-pip-version-check --editable ".[$*]"
	touch $@

clean:
	rm -rf $(VENV) build dist docs/_build .cache .pytest_cache .mypy_cache .ruff_cache .hypothesis demo.png
