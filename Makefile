# Everything a person runs here. Each goal does its own set-up; `make` alone lists them.
SHELL := /bin/bash -euo pipefail
.DEFAULT_GOAL := help
.PHONY: help demo test fmt lint deny unit golden golden-check proof mutants bench pieces web

help: ## Lists these goals
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## Starts a hub with made-up data in a temporary folder
	@echo "Building the release binary: the first time takes ten minutes or so, later seconds."
	@cargo run --release --package api -- demo

test: ## Checks everything: format, lints, dependencies, all tests on SQLite and PostgreSQL, golden files
	@scripts/test

fmt: ## Formats the code
	@cargo fmt --all

lint: ## Clippy without warnings
	@cargo clippy --workspace --all-targets --quiet -- --deny warnings

deny: ## Licences, banned crates, version floors, sources
	@scripts/deny

unit: ## All tests, nothing else
	@scripts/postgres
	@cargo test --workspace

golden: ## Writes the golden files anew; look at the difference before you commit
	@scripts/golden

golden-check: ## Writes the golden files anew and wants no difference
	@scripts/golden --check

proof: ## The long versions of the tests: many rounds, 10^5 cases
	@scripts/postgres
	@PROOF=1 cargo test --profile proof --workspace
	@scripts/oidc
	@scripts/mutants

mutants: ## Takes away every guard and row rule, one at a time: a test has to miss each
	@scripts/mutants

bench: ## Measures the hub beside PostGraphile and a hand-written statement; ARGS="--help" tells the rest
	@scripts/bench $(ARGS)

pieces: ## Measures the small parts of a request by themselves
	@cargo bench --quiet --package pieces

web: ## Builds what runs in a browser (needs Node.js)
	@cd web/graphiql && npm ci --no-audit --no-fund && npm run build
