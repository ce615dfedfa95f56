# What a person types here, and what CI runs, are the same lines.

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: demo dev check test certify bench llama docs clean

demo: .venv/models.done  ## trace a shipped text, leave demo.html
	$(BIN)/entropist trace examples/lighthouse.txt --html demo.html
	@echo "Open demo.html in a browser: every token can be touched."

dev: .venv/dev.done  ## everything a contributor needs, and the commit hook
	$(BIN)/pre-commit install

check: .venv/dev.done  ## lint, types, floors
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: .venv/dev.done check  ## everything, campaigns at 1/20 of their size; a process a core, a thread each
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder

certify: .venv/dev.done  ## campaigns at full size; writes certificates/
	ENTROPIST_CAMPAIGN=1 $(BIN)/python -m pytest --certify

bench: .venv/dev.done  ## ratios, measured in one run
	for script in benchmarks/*.py; do $(BIN)/python $$script || exit 1; done

llama: .venv/dev.done  ## llama.cpp's tools and binding, built once into a cache; tests that need them run then
	tools/llama.sh

docs: .venv/dev.done  ## the documentation, into site/
	$(BIN)/sphinx-build -W --keep-going -q docs site
	@echo "Open site/index.html in a browser."

.venv/models.done: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(PIP) install -c constraints.txt -e '.[models]'
	@touch $@

.venv/dev.done: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(PIP) install -c constraints.txt -e '.[dev]'
	@touch $@ .venv/models.done

clean:
	rm -rf .venv build dist site demo.html
