# make lab | instructor | check | test | class | build | verify | mutants | bench          (README.md says who needs which)

# The newest Python of 3.11 to 3.13 that starts here and can make an environment; or PYTHON=…
FITS := import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
ifeq ($(origin PYTHON), undefined)
PYTHON := $(shell for one in python3.13 python3.12 python3.11 python3 python; do \
	$$one -c '$(FITS)' >/dev/null 2>&1 && echo $$one && break; done)
endif
# More arguments for pip and for JupyterLab, such as PIP_ARGS="--extra-index-url …" and LAB_ARGS="--no-browser --port 8899".
PIP_ARGS ?=
LAB_ARGS ?=

BIN := .venv/bin
KERNEL_NAME := Python 3 (RLHF labs)
# Two processes; a file's tests stay in one, and `tests/speeds.py` puts the longest files first.
SIDE_BY_SIDE := -n 2 --dist loadfile --no-loadscope-reorder
SEEDS := 1 2 3
export PATH := $(CURDIR)/$(BIN):$(PATH)
# Where it is set, each of the hundreds of processes of `make test` would compile all that it imports.
unexport PYTHONDONTWRITEBYTECODE

.DELETE_ON_ERROR:
.PHONY: help setup today data tools foreign-tools schemas wheels pictures lab self-check instructor test test-all test-as-user test-pythons lint class build verify mutants bench bench-labs smol check unit test-long test-seeds site

help:
	@echo "make lab            set up (once), copy the labs to work/ (never over your own), open JupyterLab there"
	@echo "make today          the second environment alone, for labs 07 and 08; make lab does it too"
	@echo "make smol           fetch SmolLM2-135M (93 MB), which lab 01 then uses instead of the tiny policy"
	@echo "make instructor     open JupyterLab at the root, with formgrader"
	@echo "make class          simulate a class, grade it, compare every score with the expected one; feedback and report"
	@echo "make build          make labs/ from solutions/, register the assignments with nbgrader"
	@echo "make verify         prove the quizzes, and the hidden checks on right answers, blanks, wrong answers and some mutants"
	@echo "make mutants        prove them on every small change of every right answer; make verify takes a sample"
	@echo "make self-check     grade your own notebook with the hidden checks: make self-check LAB=01-decoding"
	@echo "make site           the labs as web pages in build/site, with figures of solved runs; no solutions"
	@echo "make bench          stock nbgrader beside grader grade: seconds, megabytes (on an idle machine, 10 minutes)"
	@echo "make check          lint, types, arrows and unit tests, for every day (two minutes)"
	@echo "make test           everything that must hold (half an hour and more)"
	@echo "make test-all       and what takes longer: nbgrader's own tests on our road, an ordinary user, other seeds, other Pythons"
	@echo "make tools          what tests need besides Python: Chromium, Node, PostgreSQL; make test does it too"
	@echo "make schemas        fetch the standards' schemas, which exports are held to (QTI_SCHEMAS=FOLDER has them already)"
	@echo "make wheels         wheels of the three packages in build/wheels, for a site without a package index"
	@echo "make foreign-tools  programs of others that judge what we export, in .venv/foreign; make test does it too"
	@echo "make test-as-user   tests of kernels, grading and attacks as nobody, from root's account"
	@echo "make test-pythons   set-up and the main tests on the other Pythons of 3.11 to 3.13 that start here"
	@echo "make bench-labs     time the notebooks that train, and run lab 03's PPO for three seeds"

setup: .venv/ready

# An old pip takes a minute more to resolve, and compiling all modules another two; what kernels import is compiled, as
# they write no bytecode. The warnings are of editable installs.
.venv/ready: pyproject.toml labs/labkit/pyproject.toml labs/rlhf/pyproject.toml
	@test -x $(BIN)/python || $(or $(PYTHON),false) -c '$(FITS)' 2>/dev/null || { \
		echo "Python 3.11, 3.12 or 3.13 with venv is needed; found: $(or $(shell $(PYTHON) --version 2>&1),none)." \
			"Install one, or name it: make PYTHON=/path/to/python3.12"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIP_ARGS) pip==26.3
	PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --no-compile $(PIP_ARGS) -e ./labs/labkit -e ./labs/rlhf -e '.[dev]'
	$(BIN)/python -m grader.kernels.bytecode
	$(BIN)/python -m ipykernel install --sys-prefix --display-name "$(KERNEL_NAME)" >/dev/null
	@touch $@

# The second environment, "Python 3 (RLHF today)", layered on the first: labs 07 and 08. Its pins: labs/rlhf/today.txt.
today: .venv/today/ready

.venv/today/ready: .venv/ready labs/rlhf/today.txt labs/rlhf/today.py
	$(BIN)/python -m rlhf.today $(PIP_ARGS)
	@touch $@

data: setup today
	$(BIN)/python -m rlhf.fetch

smol: setup
	$(BIN)/python -m rlhf.fetch --smol

# What tests need besides Python: Chromium, Node with packages of npm, PostgreSQL. The system's, or fetched once;
# CHROMIUM, NODE and POSTGRES may each be a path, `none` (as if the system had none) or `off` (its tests skip).
tools: setup
	@PIP_ARGS="$(PIP_ARGS)" $(BIN)/python -m tests.tools

# The standards' schemas, from their publishers, into the folder of everything fetched.
schemas: setup
	@$(BIN)/python -m tests.formats.schemas

wheels: setup
	$(BIN)/python -m tests.wheels build/wheels

# Programs of others that judge what we export, in an environment of their own.
foreign-tools: setup
	PIP_ARGS="$(PIP_ARGS)" $(BIN)/python -m tests.formats.foreign

# The pictures in the README. CLASS=FOLDER shows the graded class of that course instead of a toy class.
pictures: setup tools
	SCREENSHOTS=quizzes/images $(BIN)/pytest -q tests/browser/test_assessment.py -k pictures
	SCREENSHOTS=grader/images $(BIN)/pytest -q tests/browser/test_course.py -k pictures
	SCREENSHOTS=grader/images $(BIN)/pytest -q tests/browser/test_first_hour.py -k "first_open and lab"

build: setup
	$(BIN)/grader build

verify: setup today
	$(BIN)/grader quiz prove
	$(BIN)/grader verify
	$(BIN)/grader verify --mutants --sample 12

# All mutants of all right answers; a quarter of an hour and more.
mutants: setup
	$(BIN)/grader verify --mutants

lab: data
	$(BIN)/python -m labkit.workspace labs work
	exec $(BIN)/python -m labkit.room work $(LAB_ARGS)

# One's own work, for who learns alone: the hidden checks on work/LAB, in a temporary course.
self-check: setup
	$(BIN)/grader self-check $(or $(LAB),01-decoding)

instructor: data build
	exec $(BIN)/jupyter lab --ServerApp.jpserver_extensions=grader.served=True $(LAB_ARGS)

# The labs as web pages, to read without a kernel: build/site. The solutions are run once, so it takes minutes.
site: data build
	$(BIN)/grader site

bench-labs: data
	$(BIN)/python solutions/models/bench_labs.py

class: build today
	$(BIN)/grader demo-class --students 30
	$(BIN)/grader feedback
	$(BIN)/grader report

bench: data
	$(BIN)/grader bench
	$(BIN)/python tests/attacks/bench.py
	$(BIN)/python -m tests.course.bench

# Each of the two has a core: lint is mypy nearly all the time.
check:
	$(MAKE) --jobs=2 lint unit

# What `tests/speeds.py` calls a unit test.
unit: setup
	$(BIN)/pytest -q -m unit

# Two jobs at once where one alone leaves a core idle; the longest part, pytest, has two processes of its own.
test:
	$(MAKE) --jobs=2 data tools foreign-tools
	$(MAKE) --jobs=2 lint verify
	$(BIN)/grader build --check
	$(BIN)/pytest $(SIDE_BY_SIDE)

# And what takes longer. What of it `make test` has instead stands in tests/README.md.
test-all: test test-long test-as-user test-seeds test-pythons

test-long: data
	$(BIN)/pytest -m long

test-as-user: data
	tests/as_user.sh $(SIDE_BY_SIDE) tests/kernels tests/grading tests/attacks

# Examples that hypothesis has not tried in `make test`, the same in every run.
test-seeds: data
	for seed in $(SEEDS); do \
		$(BIN)/pytest $(SIDE_BY_SIDE) -m draws --hypothesis-profile=seeds --hypothesis-seed=$$seed || exit 1; \
	done

# Set-up, kernels, sandbox, grading and one lab on the other Pythons that start here (PYTHONS names more, by path).
test-pythons: setup
	$(BIN)/python -m tests.pythons

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
