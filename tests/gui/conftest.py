"""What all tests with napari have in common."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module", autouse=True)
def _imports() -> Iterator[None]:
    """What a first panel would import in the middle of a test."""
    import napari_pose3d.core.labels.labeling
    import napari_pose3d.core.pipeline.file_run  # noqa: F401

    yield
    # What a module's own fixtures made has gone, and is collected now.
    gc.unfreeze()
    gc.collect()


@pytest.fixture(autouse=True)
def _short_collections(_imports: None) -> None:
    """Leave what was made before a test out of garbage collection.

    napari collects each time a layer is removed and several times for each window; going through
    the objects of all modules was a fifth of the time of these tests.
    """
    gc.collect()
    gc.freeze()
