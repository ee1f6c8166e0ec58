# Every target does its own set-up. PYTHON is the interpreter that the virtual environment is made with (3.11 or newer).
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV   := .venv
BIN    := $(VENV)/bin
PINS   := pyproject.toml constraints.txt

.PHONY: setup demo test lint types tests test-containers bench clean show-airflow
.DEFAULT_GOAL := setup

# Compiled modules are written here and now: with PYTHONDONTWRITEBYTECODE set, every command would compile them anew.
setup: $(VENV)/.setup.stamp
	@$(BIN)/python -m compileall -q mlopsc grammar/mlopsc_grammar backends

$(VENV)/.setup.stamp: $(PINS)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[run]'
	touch $@

$(VENV)/.test.stamp: $(VENV)/.setup.stamp $(PINS)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[run,postgres,boosting,s3,test]'
	touch $@

# Airflow never lives in the steps' environment: each release has one of its own, of exactly the packages listed. uv takes
# seconds; pip is there for a machine whose package index only pip is told of.
.venv-airflow%/.stamp: constraints-airflow%.txt $(VENV)/.test.stamp
	test -x $(@D)/bin/python || $(BIN)/uv venv --quiet --python $(BIN)/python $(@D)
	UV_SYSTEM_CERTS=1 $(BIN)/uv pip install --quiet --python $(@D)/bin/python -r $< \
	  || $(BIN)/python -m pip --python $(@D)/bin/python install --quiet --disable-pip-version-check --no-deps -r $<
	touch $@

demo: setup
	@$(BIN)/python scripts/demo.py $(BIN)/mlopsc

# Airflow 3, live on loopback, and a picture of its Graph view: needs Debian's chromium and chromium-driver.
show-airflow: $(VENV)/.test.stamp .venv-airflow3/.stamp
	$(BIN)/python scripts/airflow_show.py examples/churn/churn.mlops docs/images/airflow-graph.png

test: lint types tests

lint: $(VENV)/.test.stamp
	$(BIN)/ruff check .

types: $(VENV)/.test.stamp
	$(BIN)/mypy

tests: $(VENV)/.test.stamp .venv-airflow3/.stamp .venv-airflow2/.stamp
	$(BIN)/python -m pytest -n 2 --durations=10 $(PYTEST_ARGS)

# Real containers: root, podman, runc and debootstrap (apt-get install --no-install-recommends), some minutes the first time.
test-containers: $(VENV)/.test.stamp
	$(BIN)/python -m pytest -n 0 tests/containers/containers.py

bench: $(VENV)/.test.stamp .venv-airflow3/.stamp
	$(BIN)/python bench/bench.py
	$(BIN)/python bench/airflow.py

clean:
	rm -rf build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
