"""What labels need a person for: what was left over, what others changed, what is out of step."""

from __future__ import annotations

from functools import partial

from napari.utils.notifications import show_error
from qtpy.QtCore import QObject
from qtpy.QtWidgets import QMessageBox, QWidget

from napari_pose3d.core.labels.files.label_files import LabelFiles
from napari_pose3d.core.labels.files.table_changes import add_visible, repair, visible_issue
from napari_pose3d.core.labels.files.view_files import LabelsChanged
from napari_pose3d.core.labels.labeling import Labeling
from napari_pose3d.core.labels.merge import Prefer, difference
from napari_pose3d.core.projects.project_toml import read_own_project, update_own_project
from napari_pose3d.errors import PoseDataError
from napari_pose3d.wording import counted, verb

from ..control.label_controller import LabelController
from ..control.label_saver import LabelSaver
from ..panel.label_board import LabelBoard

# Kept with the project's layout, which is the widgets' own.
_VISIBLE = "visible_column"
_NOT_WANTED = "not wanted"


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
        """Ask about labels of runs that ended badly, then about the label files."""
        labeling, board = self._labeling, self._board
        n = labeling.recoverable
        damage = labeling.journal_issues
        if n:
            board.notice.ask(
                f"{counted(n, 'label')} of an earlier run {verb(n, 'was', 'were')} not saved: "
                f"napari ended before. Take {verb(n, 'it', 'them')} over?"
                + "".join(f"\n\n{issue}" for issue in damage),
                {"Take them over": self._recover, "Do without them": self._discard},
            )
        elif damage:
            board.notice.ask(
                "\n\n".join(map(str, damage)),
                {"Keep for later": self._ask_about_files, "Do not show again": self._discard},
            )
        else:
            self._ask_about_files()

    def _ask_about_files(self) -> None:
        """Ask about label files that are out of step, then offer what they lack."""
        files, board = self._labeling.files, self._board
        issues = [p for p in files.issues if p.severity != "note"]
        offer = visible_issue(files)
        if issues:
            more = f" (and {len(issues) - 1} more)" if len(issues) > 1 else ""
            board.notice.ask(
                f"{issues[0].where}: {issues[0].what}{more}. Lightning Pose pairs the views by "
                "row number, so these files would be misread.",
                {"Repair the label files": self._repair, "Leave them": lambda: None},
            )
        elif offer is not None and self._wants_visible():
            board.notice.ask(
                f"{offer.what[:1].upper()}{offer.what[1:]}.",
                {
                    "Add the column": self._add_visible,
                    "Not now": lambda: None,
                    "Never": self._decline_visible,
                },
                {
                    "Add the column": f"{offer.todo}.",
                    "Not now": "Ask again when this session is labeled the next time.",
                    "Never": "Do not ask again in this project.",
                },
            )

    def _wants_visible(self) -> bool:
        try:
            layout = read_own_project(self._labeling.files.folder).layout
        except PoseDataError as error:
            show_error(str(error))
            return False
        return layout.get(_VISIBLE) != _NOT_WANTED

    def _decline_visible(self) -> None:
        try:
            update_own_project(self._labeling.files.folder, layout={_VISIBLE: _NOT_WANTED})
        except PoseDataError as error:
            show_error(str(error))

    def _add_visible(self) -> None:
        try:
            add_visible(self._labeling.files)
        except LabelsChanged as changed:
            self._ask_about_others(changed)
            return
        except PoseDataError as error:
            show_error(str(error))
            return
        self._tell(
            "The label files of all views have the column visible; copies of the old ones are in "
            "napari-pose3d/labels/last-good."
        )
        self._refresh()

    def _recover(self) -> None:
        damage = self._labeling.journal_issues
        try:
            n = self._labeling.recover()
        except PoseDataError as error:
            show_error(str(error))
            return
        self._tell(
            f"{counted(n, 'label')} {verb(n, 'was', 'were')} taken over; Undo takes this back."
            + "".join(f" {issue.what[0].upper()}{issue.what[1:]}." for issue in damage)
        )
        self._refresh()
        self._ask_about_files()

    def _discard(self) -> None:
        try:
            self._labeling.discard_leftovers()
        except PoseDataError as error:
            show_error(str(error))
            return
        self._ask_about_files()

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


def ask_to_close(labeling: Labeling, saver: LabelSaver | None, parent: QWidget) -> bool:
    """Ask whether to close although labels are not in the label files.

    The question ends by itself when they are saved meanwhile.

    Returns
    -------
    bool
        Whether to close.
    """
    frames = counted(len(labeling.unsaved), "labeled frame")
    if saver is not None and saver.is_extracting:
        what = f"The images of {frames} are still being written; napari closes when they are."
    else:
        why = f" ({saver.problem})" if saver is not None and saver.problem else ""
        what = f"The labels of {frames} could not be written to the label files{why}."
    yes, no = QMessageBox.StandardButton.Yes, QMessageBox.StandardButton.No
    box = QMessageBox(
        QMessageBox.Icon.Question,
        "Labels are not saved",
        f"{what} The labels are in the journal and will be offered when this project is labeled "
        "again.\n\nClose all the same?",
        yes | no,
        parent,
    )

    def end() -> None:
        if not labeling.unsaved:
            box.done(yes.value)

    if saver is not None:
        saver.saved.connect(end)
    try:
        return QMessageBox.StandardButton(box.exec()) == yes
    finally:
        if saver is not None:
            saver.saved.disconnect(end)
