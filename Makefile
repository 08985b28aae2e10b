# Short names for what one types often. `make help` lists them.
VENV := .venv/bin
COMPILE := uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-annotate --no-header

.DEFAULT_GOAL := help
.PHONY: help up test check fmt migrate requirements

help: ## show this list
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  \1|/' | column -t -s '|'

up: ## install when needed, start everything, Ctrl-C stops it
	./tradebotctl up

test: ## run everything that CI checks
	./tradebotctl test

check: ## quick look at the code alone: lint, types, import contracts
	$(VENV)/ruff check .
	$(VENV)/mypy .
	$(VENV)/lint-imports

fmt: ## format the code and fix what can be fixed by itself
	$(VENV)/ruff format .
	$(VENV)/ruff check --fix .

migrate: ## make and apply database migrations (needs a running `up`)
	./tradebotctl manage makemigrations
	./tradebotctl manage migrate

requirements: ## pin requirements*.in anew, with hashes
	$(VENV)/$(COMPILE) requirements.in -o requirements.txt
	$(VENV)/$(COMPILE) requirements-dev.in -o requirements-dev.txt
