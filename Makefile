# `make demo` runs the main example, `make test` every check, `make docs` builds the documentation in out/docs. Each
# sets itself up in .venv, from nothing.

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.PHONY: demo test check docs clean

demo: $(READY)
	$(BIN)/mtorsim run everolimus_breast --subjects 200 --out out/demo --force

# The second run reads the kernels as plain Python, which tells a fault of theirs from one of the compiler.
test: check
	$(BIN)/pytest -n auto --dist worksteal
	NUMBA_DISABLE_JIT=1 $(BIN)/pytest -n auto --quiet tests/kernel

docs: $(READY)
	$(BIN)/sphinx-build -W --keep-going -b html docs out/docs

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports
	$(BIN)/mtorsim check --quiet

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "mtorsim needs Python 3.11 or newer: make PYTHON=python3.12")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[test]'
	touch $(READY)

clean:
	rm -rf .venv out docs/reference .kernels .pytest_cache .ruff_cache .hypothesis .import_linter_cache .axe
