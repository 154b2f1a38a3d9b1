"""What was done about a session, so that it is not done again: ``batch/<session>.json``.

Notes
-----
A step is done when the program's version, its settings and its inputs are those that are written
down, and what it wrote is still there as it was. Inputs count by what they hold; a file whose size
and time have not changed is not read again for that. The record is written after the files of
the step: killed between the two, the step is done once more.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from napari_pose3d._version import __version__
from napari_pose3d.core.projects.project_toml import OWN_FOLDER
from napari_pose3d.core.storage.atomic_files import FileGroup
from napari_pose3d.core.storage.input_files import input_errors, open_input, read_text
from napari_pose3d.core.storage.safe_names import refuse_unsafe_names
from napari_pose3d.errors import Cancelled, PoseDataError
from napari_pose3d.settings import IsCancelled

FOLDER = "batch"
_BLOCK = 1 << 22


class StepRecord:
    """The record of one session, read when it is made.

    Parameters
    ----------
    project : path
    session : str

    Raises
    ------
    PoseDataError
        The session's name cannot be the name of a file.
    """

    def __init__(self, project: Path, session: str) -> None:
        refuse_unsafe_names([session], "session")
        self.project = project
        self.path = project / OWN_FOLDER / FOLDER / f"{session}.json"
        self._steps = _steps_of(self.path)

    @property
    def finished(self) -> tuple[str, ...]:
        """The steps whose files are there as a batch left them.

        Whether inputs and settings are still the same is not looked at.
        """
        return tuple(step for step in self._steps if self._has_outputs(step))

    def numbers(self, step: str) -> dict[str, Any]:
        """The figures that were written down for a step."""
        found = self._steps.get(step, {}).get("numbers")
        return found if isinstance(found, dict) else {}

    def key(
        self,
        step: str,
        settings: object,
        inputs: Iterable[Path],
        facts: object = None,
        cancelled: IsCancelled | None = None,
    ) -> dict[str, Any]:
        """What a step depends on, to be compared and written down.

        Parameters
        ----------
        settings : object
            What JSON can hold.
        inputs : iterable of Path
            Files; one that is not there counts, too.
        facts : object, optional
            Inputs that are no whole files, by their ``repr``.
        cancelled : callable, optional

        Raises
        ------
        PoseDataError
            A file cannot be read.
        Cancelled
        """
        before = self._steps.get(step, {}).get("key", {}).get("inputs", {})
        return {
            "version": __version__,
            # Through text and back, as it will be when it is read.
            "settings": json.loads(json.dumps(settings)),
            "inputs": {
                self._name(path): _stamp(path, before.get(self._name(path)), cancelled)
                for path in sorted(set(inputs))
            },
            "facts": hashlib.sha256(repr(facts).encode()).hexdigest(),
        }

    def is_done(self, step: str, key: Mapping[str, Any]) -> bool:
        """Whether a step was done like this, and its files are as it left them."""
        found = self._steps.get(step)
        if found is None or _comparable(found.get("key")) != _comparable(key):
            return False
        return self._has_outputs(step)

    def add(
        self,
        step: str,
        key: Mapping[str, Any],
        outputs: Iterable[Path],
        numbers: Mapping[str, Any],
    ) -> None:
        """Write down that a step was done."""
        self._steps[step] = {
            "key": dict(key),
            "outputs": {self._name(path): _size_and_time(path) for path in outputs},
            "numbers": dict(numbers),
        }
        with FileGroup(overwrite=True) as group:
            stream = group.open(self.path)
            stream.write(json.dumps({"steps": self._steps}, indent=1) + "\n")

    def _has_outputs(self, step: str) -> bool:
        outputs = self._steps[step].get("outputs")
        return isinstance(outputs, dict) and all(
            _size_and_time(self.project / name) == stamp for name, stamp in outputs.items()
        )

    def _name(self, path: Path) -> str:
        """Relative to the project, where it lies there: a project may be moved."""
        absolute = path.absolute()
        if absolute.is_relative_to(self.project):
            return absolute.relative_to(self.project).as_posix()
        return str(absolute)


def _steps_of(path: Path) -> dict[str, Any]:
    """The steps in a record; none where it is not there or damaged."""
    try:
        text = read_text(path)
        with input_errors(path):
            content = json.loads(text)
    except PoseDataError:
        return {}
    steps = content.get("steps") if isinstance(content, dict) else None
    if not isinstance(steps, dict):
        return {}
    return {
        name: step
        for name, step in steps.items()
        if isinstance(step, dict)
        and isinstance(step.get("key"), dict)
        and isinstance(step["key"].get("inputs"), dict)
    }


def _comparable(key: Any) -> Any:
    """Without the times of the inputs."""
    if not isinstance(key, Mapping) or not isinstance(key.get("inputs"), dict):
        return None
    digests = {
        name: stamp.get("sha256") if isinstance(stamp, dict) else None
        for name, stamp in key["inputs"].items()
    }
    return {**key, "inputs": digests}


def _stamp(path: Path, before: Any, cancelled: IsCancelled | None) -> dict[str, Any] | None:
    found = _size_and_time(path)
    if found is None:
        return None
    size, modified = found
    if isinstance(before, dict) and [before.get("bytes"), before.get("time")] == found:
        return before
    digest = hashlib.sha256()
    with open_input(path) as stream, input_errors(path):
        while block := stream.read(_BLOCK):
            if cancelled is not None and cancelled():
                raise Cancelled
            digest.update(block)
    return {"bytes": size, "time": modified, "sha256": digest.hexdigest()}


def _size_and_time(path: Path) -> list[int] | None:
    try:
        found = path.stat()
    except (OSError, ValueError):  # such as a name with a NUL
        return None
    return [found.st_size, found.st_mtime_ns]
