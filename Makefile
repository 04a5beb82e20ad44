# Two commands do everything on a machine with Python 3.11 and make:
#     make demo    set up, run the demo offline on the CPU, print where the report is
#     make test    set up, run the whole test suite
# Both resume where they stopped.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
CORES ?= 2
KILLS ?= 30
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready
PINS := envs/requirements.txt envs/dev.txt envs/docs.txt envs/no-deps.txt envs/constraints.txt

.PHONY: help setup demo test check docs bench soak scale lock clean

help:
	@sed -n '1,4p' Makefile

setup: $(STAMP)

$(STAMP): $(PINS)
	@echo "Setting up $(VENV) with $(PYTHON): some minutes, about 2.5 GB"
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "Sonoscope needs Python 3.11 or later, found " + sys.version.split()[0] + "; name one with: make PYTHON=python3.11")'
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check -r envs/requirements.txt -r envs/dev.txt -r envs/docs.txt -c envs/constraints.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps -r envs/no-deps.txt
	@echo "$(CURDIR)/workflow_scripts" > "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/sonoscope.pth"
	@touch $(STAMP)

demo: $(STAMP)
	@PATH="$(CURDIR)/$(BIN):$$PATH" snakemake --cores $(CORES) $$(test -t 1 && echo --logger rich)

test: $(STAMP)
	@$(BIN)/python -m pytest --numprocesses $(CORES) --dist loadfile --no-loadscope-reorder

# What continuous integration runs besides the tests.
check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/snakefmt --check Snakefile rules
	PATH="$(CURDIR)/$(BIN):$$PATH" snakemake --lint
	$(MAKE) docs

# The documentation as a site that opens from disk; a warning is an error.
docs: $(STAMP)
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict
	@echo "documentation: results/documentation/index.html"

bench: $(STAMP)
	@OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 SONOSCOPE_BENCHMARKS=docs/measured/benchmarks $(BIN)/python -m pytest tests/benchmarks
	@$(BIN)/python workflow_scripts/docs/write_benchmarks_page.py

# Kill the whole of preset tiny thirty times at random moments; KILLS=3 for a taste. About an hour on two cores.
soak: $(STAMP)
	@SOAK_KILLS=$(KILLS) SONOSCOPE_ROWS=docs/measured/scale.json $(BIN)/python -m pytest tests/soak -s

# The tests that say whether Sonoscope holds at scale, and what full scale would cost on a machine like this one.
scale: $(STAMP)
	@SONOSCOPE_ROWS=docs/measured/scale.json $(BIN)/python -m pytest tests/slurm tests/end_to_end/test_kills.py
	@OMP_NUM_THREADS=1 $(BIN)/python workflow_scripts/docs/measure_constants.py
	@$(BIN)/python workflow_scripts/docs/write_scale_page.py
	@$(BIN)/python workflow_scripts/docs/write_benchmarks_page.py

# Write the versions that are installed now as the lock.
# Lock with the oldest Python 3.11 at hand: a newer one pins packages that an older one (Debian 12 has 3.11.2) cannot install.
lock: $(STAMP)
	@{ sed -n '1p' envs/constraints.txt; \
	   $(BIN)/pip freeze | sed 's/+cpu$$//' | grep -vE '^(audiocraft|tinysoundfont)==' | grep -v ' @ '; } > envs/constraints.new
	@mv envs/constraints.new envs/constraints.txt

clean:
	@rm -rf $(VENV) .snakemake .pytest_cache .mypy_cache .ruff_cache
