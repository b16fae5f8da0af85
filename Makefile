# make lab | instructor | check | test | class | build | verify | mutants | bench          (README.md says who needs which)

PYTHON ?= python3
# More arguments for pip and for JupyterLab, such as PIP_ARGS="--extra-index-url …" and LAB_ARGS="--no-browser --port 8899".
PIP_ARGS ?=
LAB_ARGS ?=

BIN := .venv/bin
KERNEL_NAME := Python 3 (RLHF labs)
CHROMIUM ?= /usr/bin/chromium
NPM := tests/browser/node_modules
NPM_PACKAGES := axe-core@4.14.1 @citolab/qti-components@7.27.4 @lumieducation/h5p-server@10.0.4 gift-pegjs@1.0.2
START := 00-start-here/00-start-here.ipynb
# Two processes; a file's tests stay in one, and `tests/speeds.py` puts the longest files first.
SIDE_BY_SIDE := -n 2 --dist loadfile --no-loadscope-reorder
SEEDS := 1 2 3
export CHROMIUM
export PATH := $(CURDIR)/$(BIN):$(PATH)
# Where it is set, each of the hundreds of processes of `make test` would compile all that it imports.
unexport PYTHONDONTWRITEBYTECODE

.DELETE_ON_ERROR:
.PHONY: help setup today data browser-tools foreign-tools pictures lab instructor test test-all test-as-user lint class build verify mutants bench bench-labs smol check unit test-long test-seeds

help:
	@echo "make lab            set up (once), copy the labs to work/ (never over your own), open JupyterLab there"
	@echo "make today          the second environment alone, for labs 07 and 08; make lab does it too"
	@echo "make smol           fetch SmolLM2-135M (93 MB), which lab 01 then uses instead of the tiny policy"
	@echo "make instructor     open JupyterLab at the root, with formgrader"
	@echo "make class          simulate a class, grade it, compare every score with the expected one; feedback and report"
	@echo "make build          make labs/ from solutions/, register the assignments with nbgrader"
	@echo "make verify         prove the quizzes, and the hidden checks on right answers, blanks, wrong answers and some mutants"
	@echo "make mutants        prove them on every small change of every right answer; make verify takes a sample"
	@echo "make bench          stock nbgrader beside grader grade: seconds, megabytes (on an idle machine, 10 minutes)"
	@echo "make check          lint, types, arrows and unit tests, for every day (two minutes)"
	@echo "make test           everything that must hold (a quarter of an hour)"
	@echo "make test-all       and what takes longer: nbgrader's own tests on our road, an ordinary user, other seeds"
	@echo "make foreign-tools  programs of others that judge what we export, in .venv/foreign; make test does it too"
	@echo "make test-as-user   tests of kernels, grading and attacks as nobody, from root's account"
	@echo "make bench-labs     time the notebooks that train, and run lab 03's PPO for three seeds"

setup: .venv/ready

# An old pip takes a minute more to resolve, and compiling all modules another two. The warnings are of editable installs.
.venv/ready: pyproject.toml labs/labkit/pyproject.toml labs/rlhf/pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(v[:2] != (3, 11) and "Python 3.11 is needed, found %d.%d: say make PYTHON=python3.11" % v[:2])'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIP_ARGS) pip==26.3
	PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --no-compile $(PIP_ARGS) -e ./labs/labkit -e ./labs/rlhf -e '.[dev]'
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

# What the browser tests need besides Python: Debian's Chromium (or CHROMIUM=…), axe-core, which finds
# what keeps people out, and programs of others that read what we export.
browser-tools: $(NPM)/.ready
	@test -x $(CHROMIUM) || { echo "The browser tests need Chromium: apt-get install chromium, or make CHROMIUM=/path/to/one"; exit 1; }

$(NPM)/.ready: Makefile
	npm install --prefix tests/browser --no-save --no-package-lock --silent $(NPM_PACKAGES)
	@touch $@

# Programs of others that judge what we export, in an environment of their own.
foreign-tools: setup
	PIP_ARGS="$(PIP_ARGS)" $(BIN)/python -m tests.formats.foreign

# The pictures in the README. CLASS=FOLDER shows the graded class of that course instead of a toy class.
pictures: setup browser-tools
	SCREENSHOTS=quizzes/images $(BIN)/pytest -q tests/browser/test_assessment.py -k pictures
	SCREENSHOTS=grader/images $(BIN)/pytest -q tests/browser/test_course.py -k pictures

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
	cd work && exec ../$(BIN)/jupyter lab --LabApp.default_url=/lab/tree/$(START) $(LAB_ARGS)

instructor: data build
	exec $(BIN)/jupyter lab --ServerApp.jpserver_extensions=grader.served=True $(LAB_ARGS)

bench-labs: data
	$(BIN)/python solutions/models/bench_labs.py

class: build today
	$(BIN)/grader demo-class --students 30
	$(BIN)/grader feedback
	$(BIN)/grader report

bench: data
	$(BIN)/python -m grader.grading.bench
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
	$(MAKE) --jobs=2 data browser-tools foreign-tools
	$(MAKE) --jobs=2 lint verify
	$(BIN)/grader build --check
	$(BIN)/pytest $(SIDE_BY_SIDE)

# And what takes longer. What of it `make test` has instead stands in tests/README.md.
test-all: test test-long test-as-user test-seeds

test-long: data
	$(BIN)/pytest -m long

test-as-user: data
	tests/as_user.sh $(SIDE_BY_SIDE) tests/kernels tests/grading tests/attacks

# Examples that hypothesis has not tried in `make test`, the same in every run.
test-seeds: data
	for seed in $(SEEDS); do \
		$(BIN)/pytest $(SIDE_BY_SIDE) -m draws --hypothesis-profile=seeds --hypothesis-seed=$$seed || exit 1; \
	done

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
