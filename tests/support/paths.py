"""Where this checkout lies."""

from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
RECORDED_LITPOSE = REPO / "tests" / "data" / "litpose_run"
"""Trainings of the real litpose, recorded by tests/support/litpose/record_litpose.py."""
