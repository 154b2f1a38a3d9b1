"""The folder of a sample: made whole or not at all, and known again by its stamp."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from napari_pose3d.core.storage.user_folders import user_cache_folder
from napari_pose3d.errors import PoseDataError

STAMP = Path("napari-pose3d") / "sample.json"


def made_folder(
    folder: str | os.PathLike[str] | None,
    name: str,
    recipe_hash: str,
    recipe_version: int,
    fill: Callable[[Path], None],
    *,
    force: bool = False,
) -> Path:
    """A folder that `fill` has filled; one that is there already is returned at once.

    If some of its files are gone, only these are made again and all others stay as they are.

    Parameters
    ----------
    folder : path, optional
        Where to put it: a new or an empty folder. Default: `name` in the user's cache.
    recipe_hash, recipe_version
        Equal for equal files.
    fill : callable
        Gets an empty folder, and leaves ``napari-pose3d/`` in it.
    force : bool
        Make a sample anew that is there already.

    Raises
    ------
    PoseDataError
        The folder holds something else, or cannot be written.
    """
    target = (
        user_cache_folder() / f"{name}-{recipe_hash}"
        if folder is None
        else Path(os.path.abspath(Path(folder).expanduser()))
    )
    stamp = read_stamp(target)
    _check_target(target, stamp, recipe_hash, force)
    if stamp is not None and not force and not _absent_files(target, stamp):
        return target

    draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    new_folders = [parent for parent in draft.parents if not parent.exists()]
    try:
        draft.mkdir(parents=True)
        fill(draft)
        made = sorted(
            path.relative_to(draft).as_posix() for path in draft.rglob("*") if path.is_file()
        )
        new = {"recipe_version": recipe_version, "recipe_hash": recipe_hash, "files": made}
        (draft / STAMP).write_text(json.dumps(new, indent=1) + "\n", encoding="utf-8")
        _put_in_place(draft, target, force)
    except OSError as error:
        raise PoseDataError(
            f"the sample cannot be written here ({error.strerror or error})",
            file=target,
            todo="Choose another folder, or free some 40 MB of space",
        ) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
        if not target.exists():
            _remove_empty(new_folders)
    return target


def read_stamp(folder: Path) -> dict[str, Any] | None:
    """The record of our own sample; None for any other folder."""
    try:
        stamp = json.loads((folder / STAMP).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    is_ours = isinstance(stamp, dict) and isinstance(stamp.get("files"), list)
    return stamp if is_ours and "recipe_hash" in stamp else None


def _absent_files(folder: Path, stamp: dict[str, Any]) -> list[str]:
    return [name for name in stamp["files"] if not (folder / str(name)).is_file()]


def _check_target(
    target: Path, stamp: dict[str, Any] | None, recipe_hash: str, force: bool
) -> None:
    """Refuse to touch what we may not."""
    if not target.exists():
        return
    if not target.is_dir():
        raise PoseDataError(
            "this is a file", file=target, expected="a folder", todo="Choose another name"
        )
    if stamp is None:
        if any(target.iterdir()):
            raise PoseDataError(
                "the folder holds other files; nothing was changed",
                file=target,
                expected="a new or an empty folder",
                todo="Choose another folder for the sample",
            )
    elif stamp["recipe_hash"] != recipe_hash and not force:
        raise PoseDataError(
            "the folder holds the sample of another version; nothing was changed",
            file=target,
            todo="Choose another folder, or remove this one first",
        )


def _remove_empty(folders: list[Path]) -> None:
    """Remove folders, innermost first, up to one that holds something."""
    for folder in folders:
        try:
            folder.rmdir()
        except OSError:
            return


def _put_in_place(draft: Path, target: Path, force: bool) -> None:
    """Rename the finished draft to its place, or take from it what the place lacks."""
    stamp = read_stamp(target)
    if stamp is not None and not force:
        for name in [*_absent_files(target, stamp), STAMP.as_posix()]:
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            os.replace(draft / name, target / name)
        return
    if stamp is None:
        if target.exists():
            target.rmdir()  # fails when somebody put a file there in the meantime
        os.rename(draft, target)
        return
    old = target.with_name(f".{target.name}.{secrets.token_hex(4)}.old")
    os.rename(target, old)
    try:
        os.rename(draft, target)
    finally:
        # However it failed, the old one stays.
        if not target.exists():
            os.rename(old, target)
    shutil.rmtree(old, ignore_errors=True)
