# make run         set up, train on Iris, show where the results are     (ARGS="--lr 0.1")
# make test        set up, run every test that needs no data from outside, but the notebooks
# make test-data   run the tests on real data, in the folder NEURAL_NETWORKS_DATA
# make results     train all presets on that data, and print a table     (ARGS="higgs letters")
# make bench       time this library beside PyTorch and scikit-learn, in a quarter of an hour, and
#                  write docs/performance.md                             (ARGS="--seconds 4")
# make bench-quick a few rows of it in a minute, printed only            (ARGS="--rows iris letters")
# make scaling     time and memory against the size of data and network, for docs/scaling.md
# make states      continue trainings from the state after every step, for all rules and schedules
# make commands    run the commands of README and docs, with all of their epochs
# make textbook    run the tests with textbook classes in place of ours  (ARGS="layers models")
# make notebooks   run the notebooks from top to bottom
# make kits        check all course kits, grade them from the empty starter to the solution, and
#                  grade all hostile hand-ins
# make starter     cut a starter kit into ../ASSIGNMENT, and check it   (ASSIGNMENT=spring-2023)
# make lint        ruff, mypy, shellcheck, and the import rules of pyproject.toml
# make clean       remove the virtual environment
#
# Everything is installed into .venv, once: a stamp file in it says what is there already.

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip install --quiet --disable-pip-version-check

.PHONY: run test commands states textbook test-data results bench bench-quick scaling notebooks \
	kits starter lint clean
.DELETE_ON_ERROR:

run: $(VENV)/installed-run
	@$(PY) train_ffnn.py $(ARGS)

# A process for each core; BLAS's own threads would get in their way. Compiled code is kept, for the
# processes that the tests start. The notebooks take as long as all other tests together.
test: $(VENV)/installed-test
	OPENBLAS_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE= $(PY) -m pytest --numprocesses auto \
		--dist worksteal --ignore tests/documentation/test_notebooks.py $(ARGS)

commands: $(VENV)/installed-test
	COMPLETE_RUNS=1 $(PY) -m pytest tests/documentation/test_readme.py $(ARGS)

states: $(VENV)/installed-test
	EVERY_STEP=1 OPENBLAS_NUM_THREADS=1 $(PY) -m pytest tests/training/test_state.py $(ARGS)

textbook: $(VENV)/installed-test
	$(PY) -m tests.support.textbook $(ARGS)

test-data: $(VENV)/installed-test
	@test -d "$$NEURAL_NETWORKS_DATA" || \
		{ echo 'make test-data: set NEURAL_NETWORKS_DATA to the folder that holds the data' >&2; exit 2; }
	$(PY) -m pytest tests_real_data $(ARGS)

results: $(VENV)/installed-run
	@$(PY) -m benchmarks.presets $(ARGS)
	@$(PY) -m benchmarks.preparation

# A goal that is missed, exit status 1 of the last two, is told in the page and ends nothing.
bench: $(VENV)/installed-run
	@$(PY) -m benchmarks --write-docs $(ARGS)
	@$(PY) -m benchmarks.overhead --write-docs || test $$? -eq 1
	@$(PY) -m benchmarks.busy --write-docs || test $$? -eq 1

bench-quick: $(VENV)/installed-run
	@$(PY) -m benchmarks --quick $(ARGS)

scaling: $(VENV)/installed-run
	@$(PY) -m benchmarks.scaling $(ARGS)

notebooks: $(VENV)/installed-test
	$(PY) -m pytest tests/documentation/test_notebooks.py --verbose $(ARGS)

kits: $(VENV)/installed-test
	$(PY) -m course check
	COMPLETE_RUNS=1 OPENBLAS_NUM_THREADS=1 $(PY) -m pytest --numprocesses auto --dist worksteal \
		tests/autograder/test_round_trip.py tests/autograder/test_hostile.py $(ARGS)

# Into a folder beside this one, or OUTPUT. ARGS="--zip ../starter.zip --git" and the like go to
# generate_starter.py.
ASSIGNMENT ?= spring-2023
OUTPUT ?= ../$(ASSIGNMENT)
starter: $(VENV)/installed-course
	$(PY) generate_starter.py --assignment $(ASSIGNMENT) --output "$(OUTPUT)" $(ARGS)
	$(PY) -m course check $(ASSIGNMENT)

lint: $(VENV)/installed-lint
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(VENV)/bin/lint-imports
	$(VENV)/bin/shellcheck --severity=warning .ci/run course/autograder/image/*_* \
		course/autograder/image/*.sh tests/support/*.sh
	$(PY) -m tests.support.break_import_rules

clean:
	rm -rf $(VENV)

$(PY):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo 'Python 3.11 or newer is needed; name one with "make PYTHON=python3.12"' >&2; exit 2; }
	@echo 'Setting up .venv (once) ...'
	@$(PYTHON) -m venv $(VENV)

$(VENV)/installed-run: pyproject.toml | $(PY)
	@echo 'Installing NumPy, Matplotlib, pandas and scikit-learn (once, a minute or so) ...'
	@$(PIP) --editable .
	@touch $@

$(VENV)/installed-test: pyproject.toml | $(PY)
	@echo 'Installing what the tests need (once, a minute or so) ...'
	@$(PIP) --editable '.[test]'
	@touch $@ $(VENV)/installed-run

$(VENV)/installed-course: pyproject.toml | $(PY)
	@echo 'Installing NumPy, tqdm, LibCST, Jinja2 and gradescope-utils (once) ...'
	@$(PIP) 'numpy>=2' 'tqdm>=4.66' 'libcst>=1.8' 'jinja2>=3.1' 'gradescope-utils>=0.5'
	@touch $@

$(VENV)/installed-lint: pyproject.toml | $(PY)
	@echo 'Installing ruff, mypy, import-linter and shellcheck (once) ...'
	@$(PIP) --editable '.[lint,course]'
	@touch $@ $(VENV)/installed-run
