# Two commands: `make demo` counts people in a real video, `make test` runs the tests. Each makes .venv first.

PYTHON ?= $(shell for name in python3.11 python3.12 python3.13 python3; do \
	$$name -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && echo $$name && break; done)
VENV := .venv
BENCH := .venv-bench
PEERS := .venv-peers
MESOPIC := .venv-mesopic
READY := $(VENV)/.ready
DEMO := demo/output
LIVE := demo/output-live

# Packages are installed uncompiled: where nothing may be compiled later either, each start of Python takes three times as long.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo live test flink faults soak lint types smoke smoke-one bench accuracy privacy-report lock schema clean

demo: $(READY)
	rm -rf demo/clips $(DEMO)
	$(VENV)/bin/silhouette cut demo/one-by-one.mp4 --output demo/clips \
		--site example-library --camera reading-table --start 2026-01-05T09:00:00Z
	$(VENV)/bin/silhouette run --site demo/site.yaml --clips demo/clips --output $(DEMO)

# Cameras, Pub/Sub, job and counts on this machine until Ctrl-C, or LIVE_SECONDS=90 after the first counts.
live: $(READY)
	rm -rf $(LIVE)
	$(VENV)/bin/python -m demo.live --output $(LIVE) $(if $(LIVE_SECONDS),--seconds $(LIVE_SECONDS))

# Each file's tests run in one of three processes: on two cores, for the long files wait for Flink, Pub/Sub and cameras.
test: $(READY)
	$(VENV)/bin/pytest -n 3 --dist loadfile --no-loadscope-reorder

# What is lost, and counted twice, when parts of the live job are taken away. Needs gcloud's Pub/Sub emulator and Java.
faults: $(READY)
	$(VENV)/bin/python -m benchmarks.faults

# State and memory over a long simulated stream on a real Flink, and what an on-time clip costs. Needs Java.
soak: $(READY)
	$(VENV)/bin/python -m benchmarks.soak

# The demo's clips on a real Flink cluster on this machine, which stays until Ctrl-C.
flink: $(READY)
	rm -rf demo/clips $(DEMO)
	$(VENV)/bin/silhouette cut demo/one-by-one.mp4 --output demo/clips \
		--site example-library --camera reading-table --start 2026-01-05T09:00:00Z
	$(VENV)/bin/python -m tests.flink.demo demo/clips $(DEMO)

lint: $(READY)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

types: $(READY)
	$(VENV)/bin/mypy

# The supported Pythons that are here, by their names or where pyenv keeps them: the package as it would be installed, on two clips of the demo.
smoke: $(READY)
	for version in 3.11 3.12 3.13; do \
		found=; \
		for python in python$$version "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/$$version*/bin/python$$version; do \
			$$python -c 'import venv, ensurepip' 2>/dev/null && found=$$python && break; \
		done; \
		test -n "$$found" || { echo "Python $$version is not here"; continue; }; \
		$(MAKE) --no-print-directory smoke-one SMOKE=$$found || exit 1; \
	done

smoke-one:
	$(SMOKE) -m venv --clear .venv-smoke
	.venv-smoke/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes --no-compile \
		-r requirements.lock
	.venv-smoke/bin/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation .
	rm -rf .venv-smoke/demo
	.venv-smoke/bin/silhouette cut demo/one-by-one.mp4 --output .venv-smoke/demo/clips \
		--site example-library --camera reading-table --start 2026-01-05T09:00:00Z
	cd .venv-smoke && bin/silhouette run --site ../demo/site.yaml --output demo/output \
		--clips demo/clips/reading-table-20260105T0900[01]0*.mp4
	cd .venv-smoke && bin/silhouette inspect demo/output/records/footfall >/dev/null

# What is installed is what requirements.lock names, by hash; `make lock` writes it anew from pyproject.toml.
# --no-deps: the lock is whole, and pip would look for a newer release of a package that another asks for with an extra.
$(READY): pyproject.toml requirements.lock
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 with venv and ensurepip (Debian: python3-venv) is needed: install it, or name it with PYTHON=..."; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes --no-compile \
		-r requirements.lock
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

# Figures, each target also as reports/TARGET.json; in an environment of their own, for what they compare with.
bench: $(BENCH)/.ready
	$(BENCH)/bin/python -m benchmarks.bench

# What the promises are worth: guard, model admission, pixels, suppression, redaction beside deface.
privacy-report: $(BENCH)/.ready
	$(BENCH)/bin/python -m benchmarks.privacy

# How well people are followed and counted, beside others: these get the same boxes, each in an environment of its own.
accuracy: $(READY) $(PEERS)/.ready $(MESOPIC)/.ready
	$(VENV)/bin/python -m benchmarks.accuracy

# --no-deps: supervision asks for opencv-python, which would overwrite opencv-python-headless.
$(BENCH)/.ready: pyproject.toml benchmarks/requirements.lock
	$(PYTHON) -m venv --clear $(BENCH)
	$(BENCH)/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes --no-compile \
		-r benchmarks/requirements.lock
	$(BENCH)/bin/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

$(PEERS)/.ready: benchmarks/accuracy/peers/requirements.lock
	$(PYTHON) -m venv --clear $(PEERS)
	$(PEERS)/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes --no-compile -r $<
	touch $@

# Python 3.12, by its name or where pyenv keeps it; without it, mesopic is left out of the comparison.
$(MESOPIC)/.ready: benchmarks/accuracy/peers/mesopic.lock
	rm -rf $(MESOPIC)
	mkdir $(MESOPIC)
	for python in python3.12 "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/3.12*/bin/python3.12; do \
		$$python -c 'import venv, ensurepip' 2>/dev/null || continue; \
		$$python -m venv $(MESOPIC) || exit 1; \
		$(MESOPIC)/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes --no-compile -r $< || exit 1; \
		break; \
	done
	touch $@

lock:
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --extra dev --extra build --upgrade \
		pyproject.toml -o requirements.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --extra build --upgrade \
		--constraint requirements.lock pyproject.toml -o templates/requirements.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --extra build --upgrade \
		--override benchmarks/overrides.txt --constraint requirements.lock pyproject.toml benchmarks/requirements.in \
		-o benchmarks/requirements.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --upgrade \
		--override benchmarks/accuracy/peers/overrides.txt benchmarks/accuracy/peers/requirements.in \
		-o benchmarks/accuracy/peers/requirements.lock
	uv pip compile --universal --python-version 3.12 --generate-hashes --no-header --upgrade \
		benchmarks/accuracy/peers/mesopic.in -o benchmarks/accuracy/peers/mesopic.lock

# What is made from the code and kept beside it; tests hold them equal.
schema: $(READY)
	$(VENV)/bin/python -m schemas.site > schemas/site.schema.json
	$(VENV)/bin/python -m schemas.seals > schemas/evidence.schema.json
	$(VENV)/bin/python -m pipeline.warehouse.templates templates/bigquery
	$(VENV)/bin/python -m pipeline.submit.template > templates/dataflow/metadata.json

clean:
	rm -rf $(VENV) .venv-* demo/clips $(DEMO) $(LIVE) reports build *.egg-info
