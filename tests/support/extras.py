"""Tests of what needs an optional library are skipped where that is not installed."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from napari_pose3d.core.pipeline.exchange.format_table import FORMATS


def needs(key: str) -> pytest.MarkDecorator:
    """Skip a test of a format whose library is not there."""
    command = FORMATS[key].install_command
    return pytest.mark.skipif(bool(command), reason=command)


def of_formats(keys: Iterable[str]) -> list[object]:
    """Values for ``parametrize``, one for each format."""
    return [pytest.param(key, marks=needs(key)) for key in keys]
