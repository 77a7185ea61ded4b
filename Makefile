# make run    the portal with everything around it, at http://localhost:8000
# make test   every check and test
# make bench  measure, and write docs/performance.md
# make pages  measure every page with 1,000 and with 100,000 invoices, on SQLite and on PostgreSQL
# make load   measure pages and an upload beside 50 people at work
# make attack try to break in and to break things, in every way that is known
# make chaos  post 2,000 invoices while everything breaks, on SQLite and on PostgreSQL
# make update update the release before to this one while 1,000 invoices are posted, on SQLite and on PostgreSQL
# make screenshots  look at every page in a browser, in both themes and both widths
# make drill  kill, stop, fill and restore everything in turn, and write how long it takes to recover
.DEFAULT_GOAL := help
.PHONY: help run test attack bench pages load audit chaos update drill screenshots lint format types lock secrets chromium tools clean
SHELL := /bin/sh

VENV := .venv
BIN := $(VENV)/bin
# The tool that installs the lock; pip, slower, does the same where it cannot.
UV := uv==0.13.9

# One process more than there are processors, four at most: half of a test's time it waits for others.
TESTERS := $(shell n=$$(nproc); [ "$$n" -lt 4 ] && echo $$((n + 1)) || echo 4)

help:
	@sed -n 's/^# //p' $(MAKEFILE_LIST) | sed -n '1,10p'

# Secrets come from the folder var/ (made at the first start) unless .env or the environment has them.
run: $(VENV)/.runtime
	@exec $(BIN)/python -m c3portal.launch

test: $(VENV)/.tests chromium tools lint types
	@echo "Tests"
	@$(BIN)/python -m pytest --numprocesses $(TESTERS) --dist loadfile --no-loadscope-reorder

# ATTACK=whole tries every combination; `make test` has a part of each attack. No attack goes on for longer than this.
attack: $(VENV)/.tests tools
	@ATTACK=whole timeout --signal=INT 30m $(BIN)/python -m pytest -m attack --numprocesses $(TESTERS) --dist loadfile --no-loadscope-reorder

# Both against the sandbox, with processes of their own; bench writes docs/performance.md.
bench: $(VENV)/.tests
	@$(BIN)/python -m bench
	@$(BIN)/python -m bench.readback
	@$(BIN)/python -m bench.undo

# Its section too; what is filled for it takes 3 GB for the time being.
pages: $(VENV)/.tests
	@$(BIN)/python -m bench.pages --postgres --write

# Its section of docs/performance.md is written anew; everything listens on this machine alone.
load: $(VENV)/.tests
	@$(BIN)/python -m bench.load

chaos: $(VENV)/.tests
	@$(BIN)/python -m bench.chaos --invoices "$(or $(INVOICES),2000)"
	@$(BIN)/python -m bench.chaos --invoices "$(or $(INVOICES),2000)" --postgres

# Needs the history, in which the release before stands.
update: $(VENV)/.tests
	@$(BIN)/python -m bench.update --invoices "$(or $(INVOICES),1000)"
	@$(BIN)/python -m bench.update --invoices "$(or $(INVOICES),1000)" --postgres

# Leaves pictures and an index.html in var/screenshots; ONLY="home running" takes some of them.
screenshots: $(VENV)/.tests chromium
	@$(BIN)/python -m bench.screenshots $(if $(ONLY),--only $(ONLY))

# Needs a quarter of an hour and more: its waits are production's. As root it can fill a disk too.
drill: $(VENV)/.tests tools
	@$(BIN)/python -m bench.drill --write

lint: $(VENV)/.tests
	@echo "Lint"
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/djangofmt --check --indent-width 2 templates xero_sandbox/templates c3_sandbox/templates

format: $(VENV)/.tests
	@$(BIN)/ruff format .
	@$(BIN)/djangofmt --indent-width 2 templates xero_sandbox/templates c3_sandbox/templates

# No secret of anyone's is needed to look at the code: with DEBUG on the settings fall back to stand-ins.
types: export DEBUG := 1
types: $(VENV)/.tests
	@echo "Types, migrations and system checks"
	@$(BIN)/mypy
	@$(BIN)/python manage.py makemigrations --check --dry-run
	@$(BIN)/python manage.py check

# The lock from the short lists; names no index, works for uv and pip alike.
COMPILE = $(BIN)/uv --system-certs pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.12
lock: $(VENV)/.tests
	$(COMPILE) requirements.in --output-file requirements.txt
	$(COMPILE) requirements-dev.in --output-file requirements-dev.txt

# Known holes in what the locks name; needs the network, and says so where it cannot reach it.
audit: $(VENV)/.tests
	@$(BIN)/uv --system-certs tool run pip-audit --strict --disable-pip --require-hashes \
		--requirement requirements.txt --requirement requirements-dev.txt

secrets: $(VENV)/.runtime
	@$(BIN)/python -m c3portal.launch.environment

# The browser of the tests. Where it cannot be installed, the tests that need it are skipped and say so.
chromium:
	@scripts/install-chromium

# What tells the alarms' rules true, and clocks that are wrong on purpose: single files, nothing is installed.
tools: $(VENV)/.tests
	@scripts/fetch-debian-files prometheus $(VENV)/tools usr/bin/promtool
	@scripts/fetch-debian-files libfaketime $(VENV)/tools libfaketime.so.1 libfaketimeMT.so.1

clean:
	rm -rf $(VENV) staticfiles test-results .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/.python:
	@scripts/make-venv $(VENV) '$(UV)'
	@touch $@

$(VENV)/.runtime: $(VENV)/.python requirements.txt
	@scripts/install-locked $(VENV) requirements.txt
	@touch $@

$(VENV)/.tests: $(VENV)/.runtime requirements-dev.txt
	@scripts/install-locked $(VENV) requirements.txt requirements-dev.txt
	@touch $@
