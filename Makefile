# make demo    the main job on real data: results and a picture in demo-output/
# make test    everything, Python and R
# make docs    the pages; make bench    the comparison; make test-trixie    the suite on Debian 13
# make test-oldest, make test-newest    the Python suite with the oldest versions that pyproject.toml allows, and the newest
# All install what is missing and reuse what is there.

PY := .venv/bin/python
.PHONY: demo test test-python test-r test-trixie test-oldest test-newest setup setup-r lint docs bench

demo: setup
	$(PY) -m itclust demo demo-output

test: test-python test-r

test-python: setup-r
	$(PY) -m ruff check .
	$(PY) -m pytest -n 2 --dist loadfile

test-r: setup-r
	RETICULATE_PYTHON=$(CURDIR)/$(PY) tools/check-r.sh

setup:
	@tools/setup-python.sh

setup-r:
	@tools/setup-r.sh chromium
	@tools/setup-python.sh --r

lint: setup
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

docs: setup-r
	docs/build.sh

bench: setup
	benchmarks/setup-peers.sh
	$(PY) benchmarks/run.py
	$(PY) benchmarks/figures.py

test-trixie:
	tools/test-trixie.sh

test-oldest test-newest: test-%:
	tools/test-versions.sh $*
