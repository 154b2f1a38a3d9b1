"""What labels need a person for: what was left over, what others changed, what is out of step."""

from __future__ import annotations

from functools import partial

from napari.utils.notifications import show_error
from qtpy.QtCore import QObject

from napari_pose3d.core.labels.files.label_files import LabelFiles
from napari_pose3d.core.labels.files.table_changes import repair
from napari_pose3d.core.labels.files.view_files import LabelsChanged
from napari_pose3d.core.labels.labeling import Labeling
from napari_pose3d.core.labels.merge import Prefer, difference
from napari_pose3d.errors import PoseDataError

from ..control.label_controller import LabelController
from ..control.label_saver import LabelSaver
from ..panel.label_board import LabelBoard


class Questions(QObject):
    """Asks in the board's notice, and does what is answered.

    Parameters
    ----------
    labeling : Labeling
    control : LabelController
    saver : LabelSaver
    board : LabelBoard
    """

    def __init__(
        self, labeling: Labeling, control: LabelController, saver: LabelSaver, board: LabelBoard
    ) -> None:
        super().__init__(board)
        self._labeling, self._control = labeling, control
        self._saver, self._board = saver, board
        saver.changed_by_others.connect(self._ask_about_others)

    def ask_what_is_left(self) -> None:
        """Ask about labels of runs that ended badly, then about files that are out of step."""
        labeling, board = self._labeling, self._board
        n = labeling.recoverable
        if n:
            board.notice.ask(
                f"{n} labels of an earlier run were not saved: napari ended before. "
                "Take them over?",
                {"Take them over": self._recover, "Do without them": self._discard},
            )
            return
        issues = [p for p in labeling.files.issues if p.severity != "note"]
        if issues:
            more = f" (and {len(issues) - 1} more)" if len(issues) > 1 else ""
            board.notice.ask(
                f"{issues[0].where}: {issues[0].what}{more}. Lightning Pose pairs the views by "
                "row number, so these files would be misread.",
                {"Repair the label files": self._repair, "Leave them": lambda: None},
            )

    def _recover(self) -> None:
        try:
            n = self._labeling.recover()
        except PoseDataError as error:
            show_error(str(error))
            return
        self._tell(f"{n} labels were taken over; Undo takes them back.")
        self._refresh()
        self.ask_what_is_left()

    def _discard(self) -> None:
        try:
            self._labeling.discard_leftovers()
        except PoseDataError as error:
            show_error(str(error))
            return
        self.ask_what_is_left()

    def _repair(self) -> None:
        try:
            repair(self._labeling.files)
        except PoseDataError as error:
            show_error(str(error))
            return
        self._tell(
            "The label files are in step again; copies of the old ones are in "
            "napari-pose3d/labels/last-good."
        )
        self._refresh()

    def _ask_about_others(self, changed: LabelsChanged) -> None:
        labeling, board = self._labeling, self._board
        try:
            new = LabelFiles(labeling.files.project, labeling.files.key)
            found = difference(labeling.store, labeling.files, new)
        except PoseDataError as error:
            show_error(str(error))
            return
        if not found.conflicts:
            text, answers = "Both can be kept.", {"Merge": partial(self._merge, new, "ours")}
        else:
            text = "Where both of you changed a label, one of the two has to go."
            answers = {
                "Merge, mine first": partial(self._merge, new, "ours"),
                "Merge, theirs first": partial(self._merge, new, "theirs"),
            }
        names = ", ".join(path.name for path in changed.files)
        board.notice.ask(
            f"Somebody else changed {names} meanwhile: {found.describe()}. {text}",
            {**answers, "Overwrite with mine": self._overwrite},
        )

    def _merge(self, new: LabelFiles, prefer: Prefer) -> None:
        found = self._labeling.merge(new, prefer)
        self._tell(f"Merged: {found.describe()}.")
        self._saver.save()
        self._refresh()

    def _overwrite(self) -> None:
        self._saver.save(overwrite=True)

    def _tell(self, text: str) -> None:
        self._control.show_message(text)

    def _refresh(self) -> None:
        self._control.changed.emit()
        self._board.show_frames()
