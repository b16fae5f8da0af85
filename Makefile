# make lab | instructor | test | class | build | verify | bench          (README.md says who needs which)

PYTHON ?= python3
# More arguments for pip and for JupyterLab, such as PIP_ARGS="--extra-index-url …" and LAB_ARGS="--no-browser --port 8899".
PIP_ARGS ?=
LAB_ARGS ?=

BIN := .venv/bin
START := 00-start-here/00-start-here.ipynb
export PATH := $(CURDIR)/$(BIN):$(PATH)

.DELETE_ON_ERROR:
.PHONY: help setup data lab instructor test class build verify bench smol

help:
	@echo "make lab         set up (once), copy the labs to work/ (never over your own), open JupyterLab there"
	@echo "make smol        fetch SmolLM2-135M (93 MB), which lab 01 then uses instead of the tiny policy"
	@echo "make instructor  open JupyterLab at the root, with formgrader"
	@echo "make class       simulate a class, grade it, compare every score with the expected one"
	@echo "make build       make labs/ from solutions/, register the assignments with nbgrader"
	@echo "make verify      prove the hidden checks on solutions, blanks and wrong answers"
	@echo "make bench       stock nbgrader beside grader grade: seconds, megabytes (on an idle machine, 10 minutes)"
	@echo "make test        everything that must hold"

setup: .venv/ready

.venv/ready: pyproject.toml labs/pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(v[:2] != (3, 11) and "Python 3.11 is needed, found %d.%d: say make PYTHON=python3.11" % v[:2])'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIP_ARGS) -e ./labs -e '.[dev]'
	@touch $@

data: setup
	$(BIN)/python -m labkit.fetch

smol: setup
	$(BIN)/python -m labkit.fetch --smol

build: setup
	$(BIN)/grader build

verify: setup
	$(BIN)/grader verify
	$(BIN)/grader quiz prove

lab: data
	$(BIN)/python -m labkit.workspace labs work
	cd work && exec ../$(BIN)/jupyter lab --LabApp.default_url=/lab/tree/$(START) $(LAB_ARGS)

instructor: data build
	exec $(BIN)/jupyter lab $(LAB_ARGS)

class: build
	$(BIN)/grader demo-class

bench: data
	$(BIN)/python -m grader.grading.bench

test: data
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/grader build --check
	$(BIN)/grader verify
	$(BIN)/pytest
