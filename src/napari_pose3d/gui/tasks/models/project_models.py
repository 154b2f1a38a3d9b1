"""What the sections of the panel share: the project, its networks, and the program that trains."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from qtpy.QtCore import QObject, QTimer, Signal

from napari_pose3d.core.formats.projects.project_yaml import find_project
from napari_pose3d.core.models.installation.litpose_facts import (
    Gpu,
    LitposeFacts,
    litpose_facts,
    machine_gpus,
)
from napari_pose3d.core.models.installation.litpose_search import (
    Installation,
    find_installations,
    remember_place,
)
from napari_pose3d.core.models.listing.model_list import (
    Network,
    NetworkEnsemble,
    list_ensembles,
    list_networks,
)
from napari_pose3d.core.models.runs.training_start import MODELS
from napari_pose3d.errors import PoseDataError
from napari_pose3d.gui.qt.jobs import Job, JobSlot
from napari_pose3d.gui.session.current_session import NO_SESSION, CurrentSession, OpenSession
from napari_pose3d.settings import IsCancelled, Progress

NO_PROJECT = (
    "The open session is of no Lightning Pose project, so there are no labels to train on. Make a "
    "project of it first (tab Session, New…)."
)
NO_PROGRAM = "litpose is needed for that; see Program."
FINISHED_STAYS = "what was finished stays"
# While something is trained, and otherwise: others may train here, too.
_BUSY_MS, _QUIET_MS = 1500, 5000

Stamp = tuple[tuple[str, int], ...]


@dataclass(frozen=True, eq=False)
class Program:
    """The ``litpose`` that is used.

    Attributes
    ----------
    installation : Installation or None
        None where none was found.
    others : int
        How many more were found.
    facts : LitposeFacts or None
        None where its environment did not answer.
    problem : str
        Why it cannot be used; "" for no problem.
    machine_gpus : tuple of Gpu
        That this machine has, whether or not torch can use them.
    """

    installation: Installation | None = None
    others: int = 0
    facts: LitposeFacts | None = None
    problem: str = ""
    machine_gpus: tuple[Gpu, ...] = ()

    @property
    def works(self) -> bool:
        """Whether it can train."""
        return self.facts is not None and self.facts.version is not None


class ProjectModels(QObject):
    """The networks of the open project, read again as they change, and the program.

    Parameters
    ----------
    current : CurrentSession

    Signals: ``project_changed`` when another project is open, ``networks_changed`` when networks
    or their states are others, ``program_changed`` when another program was found, or none.
    """

    project_changed = Signal()
    networks_changed = Signal()
    program_changed = Signal()

    def __init__(self, current: CurrentSession, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._current = current
        self.folder: Path | None = None
        self.networks: tuple[Network, ...] = ()
        self.ensembles: tuple[NetworkEnsemble, ...] = ()
        self.program: Program | None = None
        self._stamp: Stamp | None = None
        self._reading, self._asking = JobSlot(), JobSlot()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.refresh)
        current.changed.connect(self._on_session)
        self.destroyed.connect(self._reading.abandon)
        self.destroyed.connect(self._asking.abandon)
        self._on_session()

    @property
    def open(self) -> OpenSession | None:
        """The session that is open."""
        return self._current.open

    @property
    def current(self) -> CurrentSession:
        return self._current

    @property
    def obstacle(self) -> str:
        """Why there are no networks; "" where there is a project for them."""
        if self._current.open is None:
            return NO_SESSION
        return "" if self.folder is not None else NO_PROJECT

    @property
    def root(self) -> Path | None:
        """The folder of the networks."""
        return None if self.folder is None else self.folder / MODELS

    @property
    def is_asking(self) -> bool:
        """Whether the program is looked for."""
        return self._asking.job is not None

    def network(self, name: str) -> Network | None:
        """A network by name."""
        return next((each for each in self.networks if each.name == name), None)

    def free_name(self, stem: str) -> str:
        """A name that no networks have: the stem, or ``<stem>-2``, ``<stem>-3``, ..."""
        taken = {network.name for network in self.networks}
        name, n = stem, 2
        while any(each.startswith(f"{name}-seed") for each in taken):
            name, n = f"{stem}-{n}", n + 1
        return name

    # ------------------------------------------------------------------ networks

    def refresh(self) -> None:
        """Look whether the networks are others now."""
        self._timer.stop()
        if self.folder is None:
            return
        busy = any(not each.state.state.is_over for each in self.networks)
        job = Job(partial(_read, self.folder, None if busy else self._stamp))
        job.succeeded.connect(self._on_read)
        job.failed.connect(lambda _: self._wait())
        job.stopped.connect(self._wait)
        self._reading.start(job)

    def _on_read(
        self, found: tuple[Stamp, tuple[Network, ...], tuple[NetworkEnsemble, ...]] | None
    ) -> None:
        if found is not None:
            before = _shown(self.networks)
            first = self._stamp is None
            self._stamp, self.networks, self.ensembles = found
            if first or _shown(self.networks) != before:
                self.networks_changed.emit()
        self._wait()

    def _wait(self) -> None:
        self._reading.abandon()
        busy = any(not each.state.state.is_over for each in self.networks)
        self._timer.start(_BUSY_MS if busy else _QUIET_MS)

    def _on_session(self) -> None:
        opened = self._current.open
        project = None if opened is None else _project_folder(opened)
        if project == self.folder and project is not None:
            return
        self.folder = project
        self._reading.abandon()
        self._timer.stop()
        self.networks, self.ensembles, self._stamp = (), (), None
        self.project_changed.emit()
        self.networks_changed.emit()
        self.refresh()

    # ------------------------------------------------------------------ program

    def ask_program(self, place: Path | None = None) -> None:
        """Find the program and ask what its environment holds, in a thread.

        Parameters
        ----------
        place : Path, optional
            An environment or executable, remembered from now on.
        """
        job = Job(partial(_ask, place))
        job.succeeded.connect(self._on_asked)
        job.failed.connect(lambda message: self._on_asked(Program(problem=message)))
        self._asking.start(job)
        self.program_changed.emit()

    def _on_asked(self, program: Program) -> None:
        self._asking.abandon()
        before = self.program
        if program.installation is None and before is not None and before.works and program.problem:
            # A wrong choice does not take the right one away.
            program = Program(
                before.installation,
                before.others,
                before.facts,
                program.problem,
                before.machine_gpus,
            )
        self.program = program
        self.program_changed.emit()


def _project_folder(opened: OpenSession) -> Path | None:
    found = find_project(opened.project.folder)
    return None if found is None else found.folder.absolute()


def _ask(place: Path | None, progress: Progress, cancelled: IsCancelled) -> Program:
    progress("looking for litpose", 0, 0)
    if place is not None:
        remember_place(place)
    gpus = machine_gpus()
    found = find_installations(None)
    if not found:
        return Program(machine_gpus=gpus)
    try:
        facts, problem = litpose_facts(found[0]), ""
    except PoseDataError as error:
        facts, problem = None, str(error)
    return Program(found[0], len(found) - 1, facts, problem, gpus)


def _read(
    folder: Path, before: Stamp | None, progress: Progress, cancelled: IsCancelled
) -> tuple[Stamp, tuple[Network, ...], tuple[NetworkEnsemble, ...]] | None:
    """The networks; None where no file has changed since they were read."""
    stamp = _stamp_of(folder / MODELS)
    if stamp == before:
        return None
    return stamp, list_networks(folder), list_ensembles(folder)


def _stamp_of(root: Path) -> Stamp:
    """What is in the folders of networks, and since when."""
    found: list[tuple[str, int]] = []
    waiting = [(str(root), 0)]
    while waiting:
        folder, depth = waiting.pop()
        try:
            entries = list(os.scandir(folder))
        except OSError:
            # Not there, or taken away in this moment.
            continue
        for entry in entries:
            try:
                found.append((entry.path, entry.stat().st_mtime_ns))
            except OSError:
                continue
            if depth < 2 and entry.is_dir():
                waiting.append((entry.path, depth + 1))
    return tuple(sorted(found))


def _shown(networks: Sequence[Network]) -> list[tuple[object, ...]]:
    """What is shown of networks."""
    return [
        (
            each.name,
            each.state.describe(),
            str(each.state.checkpoint),
            str(each.state.failure),
            each.sessions,
            len(each.errors),
            len(each.held_out),
            each.problem,
        )
        for each in networks
    ]
