# `make help` lists the commands. They need nothing but Python 3.11 or newer (PYTHON=… chooses one).

.DEFAULT_GOAL := help
.PHONY: help run demo test samples browser check bench chaos fuzz mutants lock clean

VENV := .venv
PY := $(VENV)/bin/python

# Stamps carry the lock's checksum in their names: a changed lock is installed, a touched one is not.
checksum = $(shell cksum < $(1) | cut -d ' ' -f 1)
RUNTIME := $(VENV)/installed-$(call checksum,requirements.txt)
DEVELOPMENT := $(VENV)/installed-dev-$(call checksum,requirements-dev.txt)

help:
	@echo 'make run      start everything on http://127.0.0.1:8000, with demo data (PORT=…, DATABASE_URL=…)'
	@echo 'make demo     tell the main story by HTTP against real processes, and check it (URL=… of a running server)'
	@echo 'make test     all tests on SQLite, and those with a database on PostgreSQL too (ARGS=… for pytest, COVERAGE=1)'
	@echo 'make samples  a few minutes of chaos, fuzz and bench each, as CI runs them'
	@echo 'make browser  every admin page in a real Chromium: accessibility, narrow windows, keyboard (CHROMIUM=…, ARGS=…)'
	@echo 'make check    format, lint, types, import rules, migrations, deployment files'
	@echo 'make bench    how fast the outbox is, beside a raw loop (ARGS="--only drain", ARGS=--quick, ARGS=--help)'
	@echo 'make chaos    kill, cut off and freeze everything, and check that nothing is lost (ARGS=--quick, ARGS=--help)'
	@echo 'make fuzz     made-up and hostile requests by every kind of user, and a look at each answer (ARGS=--quick)'
	@echo 'make mutants  take each guarantee out of a copy of the code, and demand that somebody notices (ARGS=--help)'
	@echo 'make lock     pin requirements*.in again (UPGRADE=1 takes newer versions)'
	@echo 'make clean    remove .venv and caches; the embedded database in var/ stays'

$(RUNTIME):
	@.ci/make-venv requirements.txt
	@touch $@

# The development lock holds every pin of the runtime lock.
$(DEVELOPMENT):
	@.ci/make-venv requirements-dev.txt
	@touch $@ $(RUNTIME)

run: $(RUNTIME)
	@$(PY) -m dev.run

demo: $(RUNTIME)
	@$(PY) -m dev.demo $(if $(URL),--url $(URL))

test: $(DEVELOPMENT)
	@echo 'tests on SQLite'
	@$(PY) -m pytest -q --durations=10 $(if $(COVERAGE),--cov --cov-report=) $(ARGS)
	@$(if $(COVERAGE),echo "coverage of the product on SQLite: $$($(PY) -m coverage report --format=total) % of its lines")
	@echo 'tests on PostgreSQL'
	@$(PY) -m pytest -q --durations=10 --postgres --with-database $(ARGS)

samples: $(DEVELOPMENT)
	@$(PY) -m pytest -q --durations=10 --postgres -n 2 -m laboratory lab $(ARGS)

browser: $(DEVELOPMENT)
	@CHROMIUM="$(CHROMIUM)" $(PY) -m pytest -q --durations=5 -m browser -n 2 lab/browser $(ARGS)

check: $(DEVELOPMENT)
	@$(PY) -m dev.check

chaos: $(DEVELOPMENT)
	@$(PY) -m lab.chaos $(ARGS)

fuzz: $(DEVELOPMENT)
	@$(PY) -m lab.fuzz $(ARGS)

mutants: $(DEVELOPMENT)
	@$(PY) -m lab.mutants $(ARGS)

bench: $(DEVELOPMENT)
	@$(PY) -m lab.bench $(ARGS)

# With extras: pip takes a pin of coverage for none of coverage[toml], and fails when a newer one comes out.
UV = $(shell command -v uv || echo $(VENV)/bin/uv)
COMPILE = $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-strip-extras --no-emit-index-url --no-header

lock: $(DEVELOPMENT)
	@command -v uv >/dev/null || $(PY) -m pip install --quiet --disable-pip-version-check uv
	@$(COMPILE) $(if $(UPGRADE),--upgrade) requirements.in --output-file requirements.txt
	@$(COMPILE) $(if $(UPGRADE),--upgrade) requirements-dev.in --output-file requirements-dev.txt
	@$(COMPILE) $(if $(UPGRADE),--upgrade) requirements-s3.in --output-file requirements-s3.txt
	@$(COMPILE) $(if $(UPGRADE),--upgrade) requirements-tracing.in --output-file requirements-tracing.txt

clean:
	@rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage var/static var/metrics
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
