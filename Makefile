# Two commands do everything: `make` and `make test`.
PYTHON ?= python3
SCALE ?= demo
PAPER ?= all
CORES ?= $(shell nproc)
BENCHMARKS ?= rsa hierarchical_ot sparse_positive maps training topographic audit parsing study true_size
export PATH := $(CURDIR)/.venv/bin:$(PATH)
unexport PYTHONPATH

# The engine, uv and Matplotlib keep caches below HOME; the engine ends with a traceback where it may not.
CACHES = $(if $(XDG_CACHE_HOME),$(XDG_CACHE_HOME),$(HOME)/.cache)/snakemake
ifneq ($(shell test -z "$$HOME" || { mkdir -p "$(CACHES)" && test -w "$(CACHES)"; } 2>/dev/null || echo no),)
export XDG_CACHE_HOME := $(CURDIR)/.snakemake/caches
export MPLCONFIGDIR := $(XDG_CACHE_HOME)/matplotlib
$(info HOME (or XDG_CACHE_HOME) cannot be written: caches are kept in .snakemake/caches)
endif

# Said quietly, it names each of its files no more, nor a fault: then it is asked again aloud.
REPORT = --config scale=$(SCALE) run=$(PAPER) --report results/$(SCALE)/report.html

.DEFAULT_GOAL := study
.PHONY: study demo small rehearsal full env test test-all coverage bench lint format docs site lock schemas readme study-text graph clean

study: env
	@snakemake --cores $(CORES) --config scale=$(SCALE) run=$(PAPER)
	@test results/$(SCALE)/report.html -nt results/$(SCALE)/scorecard/claims.csv || \
	    snakemake --quiet all $(REPORT) || snakemake $(REPORT)
	@python -m replicortex summary --scale $(SCALE)

demo small rehearsal full:
	@$(MAKE) --no-print-directory study SCALE=$@

env: .venv/complete

# uv comes from the lock too, then installs the rest in seconds. Compiled once, for some machines never keep
# what Python compiles, and each job would spend seconds on it.
.venv/complete: requirements.lock pyproject.toml
	@echo "Installing the environment (about 6 GB, once)"
	@test -x .venv/bin/python || $(PYTHON) -m venv .venv
	@sed -n '/^uv==/,/^[a-tv-z]/{/^uv==/p;/^    --hash/p}' requirements.lock > .venv/uv.lock
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r .venv/uv.lock
	@.venv/bin/uv pip sync --quiet --compile-bytecode --python .venv/bin/python --require-hashes requirements.lock
	@.venv/bin/uv pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation -e .
	@touch $@

test: env
	@python -m pytest -m "not slow" -n 2 --dist loadgroup --durations 15

test-all: env
	@python -m pytest -n 2 --dist loadgroup

# Of `make test`, in half as much time again: Python before 3.12 counts lines slowly.
coverage: env
	@python -m pytest -m "not slow" -n 2 --dist loadgroup --cov=workflow --cov-report=xml

# One after the other, for they measure time; a minute to half an hour each.
bench: env
	@for each in $(BENCHMARKS); do \
	    echo "$$each"; PYTHONPATH=workflow python benchmarks/$$each.py || exit 1; \
	done
	@python -m replicortex readme

lint: env
	ruff check .
	ruff format --check .
	snakefmt --check Snakefile workflow
	snakemake --lint
	mypy

format: env
	ruff check --fix .
	ruff format .
	snakefmt Snakefile workflow

docs: env
	@sphinx-build --quiet --fail-on-warning --keep-going --fresh-env docs docs/html
	@echo "docs/html/index.html"

# STUDY.md, scorecards, galleries, lineage and the library, in docs/site: needs no server.
site: env
	@python -m replicortex site
	@echo "docs/site/index.html"

lock: env
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --extra test pyproject.toml -o requirements.lock
	python -m replicortex environments

schemas: env
	python -m replicortex schemas

readme: env
	python -m replicortex readme

# Texts in which results stand: templates filled from the kept runs.
study-text: env
	@python -m replicortex study-text

graph: env
	python -m replicortex graph

clean:
	rm -rf .venv .snakemake results/demo logs/demo
