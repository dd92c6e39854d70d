VENV = .venv
PYTHON = $(VENV)/bin/python
INSTALLED = $(VENV)/.installed
APT = DEBIAN_FRONTEND=noninteractive apt-get
PAIRS = apertium apertium-eng-spa
DEBIAN = $(PAIRS) bubblewrap
# Most tests wait for servers to start and stop.
WORKERS = 4

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' Makefile

setup: $(INSTALLED) packages ## virtual environment, locked dependencies, Debian packages

run: setup ## serve the REST API (PORT=8000)
	@exec $(PYTHON) -m app serve

demo: setup ## dub a sample through the API, or VIDEO=path TO=xx FROM=xx
	@exec $(PYTHON) -m app demo $${VIDEO:+"$$VIDEO"} --to "$${TO:-es}" --from "$${FROM:-auto}"

doctor: setup ## what works, what is missing and how to get it
	@exec $(PYTHON) -m app doctor

test: setup ## the tests (ARGS="-k name"); with .ci/postgres before it, those on PostgreSQL too
	@exec $(PYTHON) -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

lint: $(INSTALLED) ## ruff, mypy --strict, import-linter
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

format: $(INSTALLED) ## mend what ruff can mend
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

bench: setup ## speed and memory against bare FFmpeg and cp (ARGS="upload --long")
	@exec $(PYTHON) -m tests.benchmarks $(ARGS)

chaos: setup ## kill the server again and again while it dubs, and compare (ten minutes at most; root or mount)
	@exec $(PYTHON) -m tests.chaos $(ARGS)

audit: $(INSTALLED) ## known vulnerabilities of the locked dependencies
	$(VENV)/bin/pip-audit --require-hashes --disable-pip -r requirements.lock

lock: ## resolve the dependencies anew (needs uv)
	uv pip compile --upgrade --quiet --generate-hashes --no-emit-index-url --universal \
		--python-version 3.11 --group dev pyproject.toml -o requirements.lock

clean: ## remove the virtual environment and caches, but no data
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find app tests alembic -name __pycache__ -type d -prune -exec rm -rf {} +

$(INSTALLED): requirements.lock pyproject.toml
	@set -e; \
	for python in python3 python3.13 python3.12 python3.11 none; do \
		"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && break; \
	done; \
	if [ "$$python" = none ]; then echo "Install Python 3.11 or later." >&2; exit 1; fi; \
	if ! "$$python" -c 'import ensurepip, venv' 2>/dev/null; then \
		package="$$("$$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')"; \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; \
		then $(APT) update -qq && $(APT) install -y -qq "$$package" >/dev/null; \
		else echo "Install $$package (apt-get install $$package)." >&2; exit 1; fi; \
	fi; \
	[ -x $(PYTHON) ] || "$$python" -m venv $(VENV); \
	echo "Installing the locked dependencies into $(VENV)"; \
	$(PYTHON) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock; \
	touch $@

# They have no wheels. Everything but translation without a key and the sandbox works without them.
packages:
	@if dpkg -s $(DEBIAN) >/dev/null 2>&1; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "Installing $(DEBIAN)"; \
		{ $(APT) update -qq && $(APT) install -y -qq $(DEBIAN) >/dev/null; } \
		|| echo "Could not install $(DEBIAN): translation needs them, or OPENAI_API_KEY." >&2; \
	else echo "To translate without a key, and decode in a sandbox: apt-get install $(DEBIAN)" >&2; fi

.PHONY: help setup run demo doctor test lint format bench chaos audit lock clean packages
