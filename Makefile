# Everything a developer does here, from a fresh checkout, with nothing to activate.

SHELL := /bin/sh
PYTHON := .venv/bin/python
NOX := $(PYTHON) -m nox --session
REQUIREMENTS := requirements.txt requirements-dev.txt tests/integration/requirements.txt
.DEFAULT_GOAL := help

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' Makefile

.PHONY: venv
venv: .venv/ready ## Make .venv: ansible-core, nox, pytest and what the plugins need

# Also links this checkout into it, where Ansible and Python find it as ansible_collections.flotilla.lxd.
.venv/ready: $(REQUIREMENTS)
	python=$$(.ci/find-python) && "$$python" -m venv --clear .venv
	$(PYTHON) -m pip install -qq --requirement requirements-dev.txt
	site=$$(echo .venv/lib/python3*/site-packages) \
	  && mkdir -p "$$site/ansible_collections/flotilla" \
	  && ln -sfn ../../../../../.. "$$site/ansible_collections/flotilla/lxd"
	touch $@

.PHONY: lab lab-down
lab: venv ## Bring up the lab: LXD and Incus daemons on this machine (as root)
	$(PYTHON) -m lab up
	@$(MAKE) --silent .venv/lxc

# Python's side of classic LXC is built against the libraries that the lab installs.
.venv/lxc: .venv/ready tests/integration/requirements-lxc.txt
	$(PYTHON) -m pip install -qq --requirement tests/integration/requirements-lxc.txt
	touch $@

lab-down: venv ## Take the lab down, and those beside it
	$(PYTHON) -m lab down

.PHONY: lint types sanity unit integration faults build
lint: venv ## Check style: ruff, ansible-lint, changelog fragments
	$(NOX) lint

types: venv ## Check types: mypy --strict
	$(NOX) types

sanity: venv ## Run ansible-test sanity, nothing ignored
	$(NOX) sanity

unit: venv ## Run the unit tests with every supported ansible-core
	$(NOX) unit

integration: lab ## Run the integration tests against the lab, and others beside it
	$(NOX) integration

faults: venv ## Break migrations between daemons of a lab of its own: make faults ROUNDS=100
	$(PYTHON) -m tests.faults $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(SEED),--seed $(SEED))

build: venv ## Build the archive for Galaxy and check it
	$(NOX) build

.PHONY: test checks
test: checks integration ## Run every check and test

# Side by side, and each one's output in one piece.
checks: venv
	@$(MAKE) --jobs=$$(nproc) --output-sync=target --no-print-directory lint types sanity unit

.PHONY: demo bench
demo: lab ## Show what the collection does
	PATH="$(CURDIR)/.venv/bin:$$PATH" playbooks/demo.sh

bench: lab ## Measure side by side with what else there is
	$(PYTHON) -m benchmarks

.PHONY: clean
clean: ## Remove what the targets made, except the lab (lab-down does that)
	rm -rf .venv .nox .bench .ansible .mypy_cache .pytest_cache .ruff_cache dist tests/output
