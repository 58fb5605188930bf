.DEFAULT_GOAL := help
.PHONY: help setup demo test lint bench dist

# e.g. make test ARGS="packages/capsa -k search"
ARGS ?=
PACKAGES := capsa afterimage stoic_emperor
READY := venv/.ready

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / && $$1 != "help" { printf "make %-6s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(READY) ## make venv/ with everything, for use and for work

demo: $(READY) ## carry a small memory to PostgreSQL and search it, in about a minute
	@venv/bin/python scripts/demo.py $(ARGS)

test: $(READY) ## all tests but the slow ones; those with ARGS="-m slow"
	venv/bin/python -m pytest --numprocesses auto --dist loadfile $(ARGS)

lint: $(READY) ## style, types and who may import whom
	venv/bin/ruff check .
	venv/bin/ruff format --check .
	venv/bin/mypy
	venv/bin/lint-imports --no-cache

bench: $(READY) ## measure, each figure beside its floor or peer
	venv/bin/python -m benchmarks $(ARGS)

dist: $(READY) ## the packages as wheels in dist/
	@for package in $(PACKAGES); do venv/bin/python -m build --quiet --wheel --outdir dist packages/$$package || exit 1; done
	@ls dist

# Rewritten only when a requirement changes, so make setup is done at once the second time. What is there is kept, if it
# works: another Python, or one that was updated, would make half of it anew.
$(READY): requirements.txt requirements-dev.txt $(PACKAGES:%=packages/%/pyproject.toml)
	@venv/bin/python -m pip --version >/dev/null 2>&1 || { python=$$(scripts/find_python) && "$$python" -m venv --clear venv; }
	@echo "Installing into venv/; the first time takes a minute or two."
	@venv/bin/python -m pip install -qq --disable-pip-version-check -r requirements-dev.txt
	@touch $@
