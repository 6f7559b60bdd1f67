# Every target sets up what it needs in .venv by itself. Python 3.11 or newer, make and a C compiler are all it takes.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
BENCH_INSTALLED := $(VENV)/.installed-bench
WHEEL_INSTALLED := $(VENV)/.installed-wheel
NATIVE := src/gexlake/importers/snapshots/decoding/_native.c src/gexlake/importers/snapshots/decoding/_tokens.h \
  src/gexlake/importers/snapshots/writing/_pages.c src/gexlake/importers/snapshots/writing/_page_reader.h \
  src/gexlake/importers/snapshots/writing/_mapped.h src/gexlake/importers/snapshots/writing/_lz4.h \
  src/gexlake/services/store/_render.c

NATIVE_TESTS := tests/unit/importers/snapshots/decoding/test_native.py tests/unit/importers/snapshots/writing/test_ladder_file.py \
  tests/unit/importers/snapshots/writing/test_mapped_file.py tests/unit/importers/snapshots/writing/test_lz4.py \
  tests/unit/services/store/test_ladder_rows.py tests/unit/services/store/test_render.py tests/unit/services/store/test_records.py

SAMPLE ?= sample
LAKE ?= data
SESSIONS ?= 3
SECONDS ?= 60
TESTS_AT_ONCE ?= $(shell expr $$(nproc) + 1)# one more than there are processors: some wait

.DEFAULT_GOAL := help
.PHONY: help demo serve live-demo test lint format docs examples proto web screenshots wheel bench bench-import bench-live bench-service fuzz fuzz-files kills \
  test-native clean

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

demo: $(INSTALLED) ## generate synthetic history, import it, report
	test -d $(SAMPLE) || { \
	  $(BIN)/gexlake sample $(SAMPLE) --sessions $(SESSIONS) && \
	  $(BIN)/gexlake sample $(SAMPLE)/types --category gamma_zero --category orderflow --sessions 1 --snapshots 2000; }
	$(BIN)/gexlake import $(SAMPLE) --lake $(LAKE)
	$(BIN)/gexlake status --lake $(LAKE)
	$(BIN)/gexlake gaps --lake $(LAKE)

serve: $(INSTALLED) ## a sample lake worth looking at, served with its dashboard at http://127.0.0.1:8765/
	test -d $(SAMPLE) || $(BIN)/gexlake sample $(SAMPLE) --sessions $(SESSIONS)
	test -d $(SAMPLE)/more || { \
	  $(BIN)/gexlake sample $(SAMPLE)/more --start 2025-11-17 --sessions 1 --snapshots 9000 --quiet && \
	  $(BIN)/gexlake sample $(SAMPLE)/more --start 2025-11-19 --sessions 1 --quiet && \
	  $(BIN)/gexlake sample $(SAMPLE)/more --ticker SPX --category gex_full --start 2025-11-19 --sessions 1 --quiet && \
	  $(BIN)/gexlake sample $(SAMPLE)/more --package state --start 2025-11-19 --sessions 1 --quiet && \
	  $(BIN)/gexlake sample $(SAMPLE)/more --category gamma_zero --category orderflow --start 2025-11-19 --sessions 1 --quiet; }
	$(BIN)/gexlake import $(SAMPLE) --lake $(LAKE)
	$(BIN)/gexlake serve --lake $(LAKE) --import-root $(abspath $(SAMPLE))

live-demo: $(INSTALLED) ## a live day without a key: a replay as the vendor, get and live against it, the dashboard following
	$(BIN)/python tools/live_demo.py

test: $(INSTALLED) ## all tests; as root it installs the Chromium that they need
	tools/install_browser.sh
	$(BIN)/python -m pytest -n $(TESTS_AT_ONCE) --dist loadfile --no-loadscope-reorder

lint: $(INSTALLED) ## style, types, generated docs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python tools/make_docs.py --check

format: $(INSTALLED) ## rewrite in the house style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(INSTALLED) ## rewrite the generated pages of docs/
	$(BIN)/python tools/make_docs.py

examples: $(INSTALLED) ## run the notebooks of examples/ and write what they show
	$(BIN)/python tools/make_examples.py

proto: $(INSTALLED) ## write the Python code of the protobuf schemas anew
	$(BIN)/python -m grpc_tools.protoc -I src --python_out=src --pyi_out=src src/gexlake/vendor/wire/*.proto

web: ## check, test and build the dashboard into the package; needs Node 20
	npm --prefix web ci --no-audit --no-fund
	npm --prefix web run check
	npm --prefix web test
	npm --prefix web run build

screenshots: $(INSTALLED) ## draw the pictures of README.md and docs/dashboard.md anew
	tools/install_browser.sh
	$(BIN)/python tools/make_screenshots.py

wheel: $(WHEEL_INSTALLED) ## a wheel for every Python from 3.11 on, in dist/: installs without a C compiler
	rm -rf build
	$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-build-isolation --no-deps --wheel-dir build/wheel .
	$(BIN)/abi3audit --strict build/wheel/*.whl
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/auditwheel repair --wheel-dir dist build/wheel/*.whl

bench: bench-import bench-service ## both benchmarks, most of an hour

bench-import: $(BENCH_INSTALLED) ## speed and memory against named peers; prints the tables of docs/benchmarks.md
	$(BIN)/python -m bench

bench-live: $(INSTALLED) ## from the socket to an answer, and what recording costs; a row of the table in docs/benchmarks-service.md
	$(BIN)/python -m bench.live

bench-service: $(BENCH_INSTALLED) ## the HTTP service under load (needs wrk), beside a naive app and roapi: the tables of docs/benchmarks-service.md
	$(BIN)/python -m bench.serving

fuzz: $(INSTALLED) ## mutated records and any numbers against sanitized builds of the native modules; needs gcc
	$(BIN)/python tools/fuzz_native.py --sanitize

kills: $(INSTALLED) ## kill imports at random moments for SECONDS, and compare what comes of it
	PYTHONPATH=tests $(BIN)/python tools/kill_imports.py --seconds $(SECONDS)

fuzz-files: $(INSTALLED) ## whole files, mutated in text and packing, against all that reads a source
	$(BIN)/python tools/fuzz_files.py --seconds $(SECONDS)
	$(BIN)/python tools/fuzz_typed.py --seconds $(SECONDS)

test-native: $(INSTALLED) ## the tests of the C modules on sanitized builds (needs gcc), and 100,000 rounds that must not leak
	$(BIN)/python tools/sanitized.py -m pytest -p no:cacheprovider $(NATIVE_TESTS)
	$(BIN)/python tools/leak_loop.py

clean: ## remove everything that can be made again, the sample and its lake included
	rm -rf $(VENV) build dist src/*.egg-info $(SAMPLE) $(LAKE) bench/work .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find src -name '*.so' -delete
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "gexlake needs Python 3.11 or newer")'
	$(PYTHON) -m venv $(VENV)

$(INSTALLED): $(VENV)/bin/python requirements.txt pyproject.toml $(NATIVE)
	$(BIN)/python tools/build_backend.py
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps -e .
	touch $@

$(WHEEL_INSTALLED): $(VENV)/bin/python requirements-wheel.txt
	$(BIN)/python tools/build_backend.py
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-wheel.txt
	touch $@

$(BENCH_INSTALLED): $(INSTALLED) requirements-bench.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-bench.txt
	touch $@
