# make run    starts the dashboard (PORT=8501, HOST=127.0.0.1)
# make test   lint, types, import contracts, all tests; make format  puts Python, JavaScript and CSS in shape
# make check  the same without Chromium, processes of their own and what takes long: two minutes
# make bench  speed figures beside their baselines; make soak  kills and drops, many rounds
# make calibrate  how often verdicts and votes are right, by simulation
# make pictures  README's pictures and the example show of docs/, anew
PYTHON ?= python3
PORT ?= 8501
HOST ?= 127.0.0.1
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python .ci/install.py
COMPILE := $(BIN)/python .ci/compile.py

# Every worker and child process of the tests imports the same files: they are compiled once, whatever the system says.
check test tests bytecode: export PYTHONDONTWRITEBYTECODE :=

.PHONY: run test check setup setup-dev venv bytecode lint format types imports tests bench calibrate soak pictures clean

run: setup
	@if [ "$(HOST)" != "127.0.0.1" ] && [ "$(HOST)" != "localhost" ]; then \
	  echo "WARNING: $(HOST) lets other machines open this dashboard, and whoever opens it can spend your credits."; \
	  echo "         Set RIVYA_READ_ONLY=1 to show clips without the means to spend, and RIVYA_ALLOWED_HOSTS to the names used."; \
	fi
	@[ -e $(VENV)/.compiled ] || { ($(COMPILE) rest http://127.0.0.1:$(PORT)/healthz && touch $(VENV)/.compiled) >/dev/null 2>&1 & }; \
	exec $(BIN)/python -m streamlit run app.py --server.port $(PORT) --server.address $(HOST)

test: setup-dev bytecode lint types imports tests

check: setup-dev bytecode lint types imports
	$(BIN)/python -m pytest -n auto --ignore tests/browser -m "not process and not slow and not soak and not calibration"

setup: venv
	@$(MAKE) --silent --no-print-directory $(VENV)/.run-ready

setup-dev: venv
	@$(MAKE) --silent --no-print-directory $(VENV)/.dev-ready

# Looked at each time: one that was interrupted, moved or made by another Python is made again, and what stood in it installed.
venv:
	@if [ -x $(BIN)/python ]; then reason=$$($(BIN)/python .ci/venv_is_whole.py 2>&1) && exit 0; else reason="it has no Python"; fi; \
	reason=$$(echo "$$reason" | tail -n 1); \
	if [ -L $(VENV) ] || [ -f $(VENV) ]; then echo "$(VENV) cannot be used: $$reason. Remove it and run make again."; exit 1; fi; \
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Rivya Lab needs Python 3.11 or newer; set PYTHON=python3.11")' || exit 1; \
	if [ -d $(VENV) ]; then echo "Making $(VENV) again: $$reason."; fi; \
	$(PYTHON) -m venv --clear $(VENV) && $(BIN)/python .ci/venv_is_whole.py || { \
	  echo "$(VENV) could not be made. On Debian and Ubuntu: apt install python3-venv. Then run make again."; exit 1; }

$(VENV)/.run-ready: requirements.txt
	@echo "Getting what the dashboard needs (once) ..."
	@$(INSTALL) requirements.txt
	@rm -f $(VENV)/.compiled; $(COMPILE) first
	@touch $@

$(VENV)/.dev-ready: .ci/requirements-dev.txt requirements.txt
	@echo "Getting what the tests need (once) ..."
	@$(INSTALL) .ci/requirements-dev.txt
	@$(COMPILE) first && $(COMPILE) rest && touch $(VENV)/.compiled
	@touch $@ $(VENV)/.run-ready

# In the background, while types are looked at: pytest's own form of the tests too, which takes longer than they do to load.
bytecode:
	@$(BIN)/python -m pytest --collect-only -qq tests >/dev/null 2>&1 &

lint:
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/oxfmt --check pages rivya_core tests
	$(BIN)/oxlint pages rivya_core tests

format: setup-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/oxfmt pages rivya_core tests

types:
	$(BIN)/mypy

imports:
	$(BIN)/lint-imports

tests:
	$(BIN)/python -m pytest -n auto --ignore tests/browser
	$(BIN)/python -m pytest tests/browser -n auto --dist loadfile -m "not alone and not soak"
	$(BIN)/python -m pytest tests/browser -m alone

bench: setup-dev
	$(BIN)/python -m tests.bench

calibrate: setup-dev
	$(BIN)/python -m tests.bench --calibrate
	$(BIN)/python -m pytest -m calibration tests/lab -n auto

soak: setup-dev
	$(BIN)/python -m pytest -m soak tests/flow tests/browser -n 1

pictures: setup-dev
	$(BIN)/python -m tests.docs

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
