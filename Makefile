# Everything sets itself up: a fresh clone needs Python >= 3.11, make and a package index.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
export OMP_NUM_THREADS ?= 1
# Where Python may not keep bytecode, every process would compile torch and mlflow anew: ten seconds each.
COMPILE := $(if $(PYTHONDONTWRITEBYTECODE),--compile-bytecode)

.PHONY: demo test test-services fuzz faults check docs findings format bench lock plotlyjs wheel clean secrets backup restore

demo: $(READY)  ## train the quickstart on real digits and print the overthinking table
	$(BIN)/overthink run experiments/quickstart.yaml --jobs 0

SERVICES := process or server or cluster or browser
# Bytecode of the package and of the tests is kept in __pycache__ here, as that of libraries is.
PYTEST = env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m pytest -n 2 --dist worksteal --durations=10

test: $(READY)  ## all tests that need no server, cluster, browser or kill; offline
	$(PYTEST) -m "not ($(SERVICES))"

test-services: $(READY)  ## the others: MLflow servers, PostgreSQL, nginx, Chromium, Ray, SLURM, kills; skipped where missing
	$(PYTEST) -m "$(SERVICES)"

fuzz: $(READY)  ## seeded fuzz runs in full, an hour or two; make fuzz SEED=1 for another
	PYTHONPATH=tests $(BIN)/python -m fuzz definitions --count 10000 --seed $(or $(SEED),0)
	PYTHONPATH=tests $(BIN)/python -m fuzz stores --count 1000 --seed $(or $(SEED),0)

faults: $(READY)  ## kills and races by the hundred, each compared with an undisturbed run, about an hour
	PYTHONPATH=tests $(BIN)/python -m faults --seed $(or $(SEED),0)

check: $(READY)  ## formatter, linter, import rule, strict types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports --no-logo
	$(BIN)/mypy

docs: $(READY)  ## the documentation as a site in site/, for reading without a network
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	! grep -rnoE '<(script|link|img|iframe|source)[^>]* (src|href)="(https?:)?//[^"]*' site --include='*.html'
	! grep -rnoE "(url\(|@import) *['\"]?(https?:)?//[^)]*" site --include='*.css'

findings: $(READY)  ## docs/findings.md from the store; what it lacks is trained first, which takes hours
	$(BIN)/python -m findings --train --jobs 0

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(READY)  ## benchmarks; figures go to docs/log.md with the machine they were made on
	$(BIN)/python -m benchmarks

lock: $(READY)  ## pin anew what pyproject.toml allows
	$(BIN)/uv pip compile -q --universal --generate-hashes --no-header --python-version 3.11 --extra ray --extra onnx \
	  --extra server --group dev pyproject.toml -o requirements.lock
	echo "uv==$$($(BIN)/uv --version | cut -d' ' -f2)" | $(BIN)/uv pip compile -q --universal --generate-hashes \
	  --no-header --python-version 3.11 - -o .ci/uv.lock

PLOTLYJS := platform/overthink/report/plotlyjs
plotlyjs: $(READY)  ## the small plotly.js of pages, of the version that plotly.py has; needs npm
	version=$$($(BIN)/python -c 'import plotly.offline as o; print(o.get_plotlyjs_version())') && folder=$$(mktemp -d) && \
	npm pack --silent --pack-destination $$folder plotly.js-cartesian-dist-min@$$version && tar -xzf $$folder/*.tgz -C $$folder && \
	gzip -9nc $$folder/package/plotly-cartesian.min.js > $(PLOTLYJS)/plotly-cartesian.min.js.gz && \
	cp $$folder/package/LICENSE $(PLOTLYJS)/LICENSE && rm -r $$folder

wheel: $(READY)
	$(BIN)/python -m hatchling build -t wheel

secrets:  ## a group's server: passwords in .env and a certificate (docs/server.md)
	@server/secrets

backup:  ## a group's server: databases and artifacts to backups/
	@server/backup

restore:  ## a group's server: make restore FROM=backups/...
	@server/restore

clean:
	rm -rf $(VENV) dist site .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(READY): requirements.lock .ci/uv.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "overthink needs Python >= 3.11; say make PYTHON=...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r .ci/uv.lock
	$(BIN)/uv pip sync --quiet $(COMPILE) --require-hashes --python $(BIN)/python requirements.lock .ci/uv.lock
	$(BIN)/uv pip install --quiet --no-deps --no-build-isolation --python $(BIN)/python -e .
	touch $@
