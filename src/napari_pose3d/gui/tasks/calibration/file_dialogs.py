"""Asking for files: the one way of this widget."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtWidgets import QFileDialog, QWidget

from napari_pose3d.core.projects.naming.file_names import VIDEO_SUFFIXES

VIDEOS = f"Videos ({' '.join(f'*{suffix}' for suffix in VIDEO_SUFFIXES)})"
TOML = "TOML (*.toml)"
CSV = "CSV (*.csv)"
HTML = "HTML (*.html)"
PDF = "PDF (*.pdf)"
ANY = "All files (*)"


def ask_file(parent: QWidget, title: str, kind: str, folder: Path | None = None) -> Path | None:
    """A file that exists, or None."""
    path, _ = QFileDialog.getOpenFileName(parent, title, str(folder or ""), f"{kind};;{ANY}")
    return Path(path) if path else None


def ask_files(parent: QWidget, title: str, kind: str) -> list[Path]:
    """Files that exist."""
    paths, _ = QFileDialog.getOpenFileNames(parent, title, "", f"{kind};;{ANY}")
    return [Path(path) for path in paths]


def ask_folder(parent: QWidget, title: str) -> Path | None:
    """A folder, or None."""
    path = QFileDialog.getExistingDirectory(parent, title)
    return Path(path) if path else None


def ask_target(parent: QWidget, title: str, proposed: Path, kind: str) -> Path | None:
    """A file to write, with the suffix of the proposed one if the user gave none; or None.

    The dialog has asked whether to replace one that is there.
    """
    path, _ = QFileDialog.getSaveFileName(parent, title, str(proposed), f"{kind};;{ANY}")
    if not path:
        return None
    chosen = Path(path)
    return chosen if chosen.suffix else chosen.with_suffix(proposed.suffix)
