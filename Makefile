# Two commands are enough: `make demo` and `make test`. They install everything they need.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
SCREEN := -screen 0 1600x1000x24
XVFB := xvfb-run -a -s "$(SCREEN)"

# napari's newest release, also one that is not final, beside everything else as usual.
NEXT := .venv-next
NEXT_STAMP := $(NEXT)/.installed

.PHONY: demo images test test-slow test-next test-peers lint bench stress docs dist system clean help
.DEFAULT_GOAL := help

help:
	@echo "make demo       install, make the sample session, smooth it, open napari on it"
	@echo "make images     those of the documentation, made anew"
	@echo "make test       install, run ruff, the type check, npe2 validate and the tests"
	@echo "make test-slow  the tests that take minutes"
	@echo "make test-next  the tests with napari's next release, in an environment of its own"
	@echo "make test-peers what we write for other programs, read by them (environments of 4 GB)"
	@echo "make lint       the checks without the tests"
	@echo "make bench      print the tables of speed and accuracy (peers in environments of their own)"
	@echo "make stress     damage files, kill labeling and saving (MINUTES=10, SEED=0)"
	@echo "make docs       the documentation as a site, in build/site"
	@echo "make dist       a wheel, installed and tried in an environment of its own"
	@echo "make clean      remove the virtual environments and what was built"

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

# Those of the panel Models show a real training: they stay unless NAPARI_POSE3D_LITPOSE names litpose.
images: $(STAMP)
	$(XVFB) $(BIN)/python -m napari_pose3d.gui.demo --screenshots build/images
	[ -z "$$NAPARI_POSE3D_LITPOSE" ] || $(XVFB) $(BIN)/python -m tests.support.litpose.models_screenshots build/images
	$(BIN)/python -m tests.support.documents.doc_images build/images

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/npe2 validate napari_pose3d

# $(call pytest,environment,markers,after a failure). What needs no window runs first, without a display.
# Tests with windows wait for them most of the time: two processes, each with a display of its own
# (pytest-xvfb), and all tests of a file in one of them, for they share its windows.
define pytest
	$(1)/bin/python -m pytest -m "not gui and not peers and $(2)" -n 2 --no-xvfb $(3)
	$(1)/bin/python -m pytest tests/gui -m "gui and $(2)" -n 2 --dist loadfile --no-loadscope-reorder $(3)
endef

test: lint
	$(call pytest,$(VENV),not slow)

# No test of one of the two kinds (pytest's 5) is no failure.
test-slow: $(STAMP)
	$(call pytest,$(VENV),slow,|| [ $$? = 5 ])

$(NEXT_STAMP): pyproject.toml src/napari_pose3d/_version.py | system
	$(PYTHON) -m venv $(NEXT)
	$(NEXT)/bin/python -m pip install --quiet --upgrade pip
	$(NEXT)/bin/python -m pip install --quiet --editable ".[all,dev]"
	@touch $@

# napari is looked for each time: a new pre-release may be out.
test-next: $(NEXT_STAMP)
	$(NEXT)/bin/python -m pip install --quiet --upgrade --pre "napari[all]"
	$(NEXT)/bin/python -m pip list | grep -i "^napari "
	$(call pytest,$(NEXT),not slow)

# Programs that read what we write, in environments of their own; and the libraries of the formats.
# keypoint-moseq wants other versions of what the rest needs. DANNCE is no package: with
# NAPARI_POSE3D_DANNCE=.../dannce/engine/io.py it is asked, too. MORE=ENVIRONMENT adds another one, such as
# one with another movement.
PEERS := .venv-peers
MOSEQ := .venv-moseq
$(PEERS)/.installed:
	$(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet --upgrade pip
	$(PEERS)/bin/python -m pip install --quiet movement "sleap-io>=0.9" opensim ezc3d c3d pycocotools pyarrow h5py "ndx-pose>=0.4" nwbinspector
	@touch $@

$(MOSEQ)/.installed:
	$(PYTHON) -m venv $(MOSEQ)
	$(MOSEQ)/bin/python -m pip install --quiet --upgrade pip
	$(MOSEQ)/bin/python -m pip install --quiet keypoint-moseq
	@touch $@

test-peers: $(STAMP) $(PEERS)/.installed $(MOSEQ)/.installed
	$(BIN)/python -m pip install --quiet --editable ".[export,parquet,sleap]"
	NAPARI_POSE3D_PEERS=$(abspath $(PEERS)):$(abspath $(MOSEQ))$(addprefix :,$(MORE)) \
		NAPARI_POSE3D_PROOFS=$(abspath docs/interchange-proofs.json) \
		$(BIN)/python -m pytest -m peers tests/core
	$(BIN)/python -m tests.support.documents.interchange_table

bench: $(STAMP)
	@$(BIN)/python -m benchmarks

# Ten minutes; more with MINUTES=60. Inputs that show a fault are kept in build/stress.
stress: $(STAMP)
	@$(BIN)/python -m benchmarks.stress --minutes $(or $(MINUTES),10) --seed $(or $(SEED),0) \
		--keep build/stress

# A warning is an error: a link that leads nowhere, a name that is not documented.
docs: $(STAMP)
	$(BIN)/python -m pip install --quiet --editable ".[docs]"
	$(BIN)/sphinx-build -q -E -W --keep-going -b html docs build/site
	@echo "The documentation is in build/site/index.html"

# Tried as users have it: without the checkout, without what only developers install.
TRIED := build/tried
dist: $(STAMP)
	rm -rf dist $(TRIED)
	$(BIN)/python -m build --outdir dist .
	$(PYTHON) -m venv $(TRIED)/.venv
	$(TRIED)/.venv/bin/python -m pip install --quiet --upgrade pip
	$(TRIED)/.venv/bin/python -m pip install --quiet dist/*.whl
	cd $(TRIED) && .venv/bin/npe2 validate napari-pose3d
	cd $(TRIED) && .venv/bin/napari-pose3d sample sample
	cd $(TRIED) && .venv/bin/napari-pose3d smooth sample
	cd $(TRIED) && .venv/bin/napari-pose3d export sample --format tidy-csv --out exported/walk.csv
	@ls -l dist

clean:
	rm -rf $(VENV) $(NEXT) $(PEERS) $(MOSEQ) build dist src/*.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
