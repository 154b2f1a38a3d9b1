# Two commands are enough: `make demo` and `make test`. Everything they need is installed here.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
SCREEN := -screen 0 1600x1000x24
XVFB := xvfb-run -a -s "$(SCREEN)"

.PHONY: demo test lint bench system clean help
.DEFAULT_GOAL := help

help:
	@echo "make demo   install, make the sample session, smooth it, open napari on it"
	@echo "make test   install, run ruff, the type check, npe2 validate and all tests"
	@echo "make lint   the checks without the tests"
	@echo "make bench  print the tables of speed and accuracy (peers in a venv of their own)"
	@echo "make clean  remove the virtual environment and what was built"

# System libraries: installed when we may, else the exact command is printed.
system:
	@./.ci/system-libraries "$(PYTHON)"

$(STAMP): pyproject.toml src/napari_pose3d/_version.py | system
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable ".[all,dev]"
	@touch $@

# Without a display the window lives in Xvfb and images of it are written.
demo: $(STAMP)
	@if [ -n "$$DISPLAY$$WAYLAND_DISPLAY" ] || [ "$$(uname -s)" != Linux ]; then \
		$(BIN)/python -m napari_pose3d.gui.demo; \
	else \
		$(XVFB) $(BIN)/python -m napari_pose3d.gui.demo --screenshots build/demo; \
	fi

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/npe2 validate napari_pose3d

# Tests that open windows run in one process of their own: software OpenGL is greedy.
test: lint
	$(BIN)/python -m pytest -m "not gui" -n 2
	@if [ -n "$$DISPLAY$$WAYLAND_DISPLAY" ]; then $(BIN)/python -m pytest -m gui; \
	else $(XVFB) $(BIN)/python -m pytest -m gui; fi

bench: $(STAMP)
	@$(BIN)/python benchmarks/run_all.py

clean:
	rm -rf $(VENV) build dist src/*.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
