"""What other panels ask of labeling, done as soon as the session's labels are open."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from qtpy.QtCore import QObject, QTimer, Signal

from napari_pose3d.core.labels.label_corrections import Place, accept_correction
from napari_pose3d.core.labels.store.label import LabelKey
from napari_pose3d.wording import counted, verb

from .label_controller import LabelController
from .label_saver import Proposals

_AGAIN_MS = 60

PutFrames = Callable[[Mapping[int, str], Proposals | None], None]
"""Adds frames to the queue, each for a reason, with what is proposed for them."""


class LabelRequests(QObject):
    """Keeps requests until there are labels to act on.

    Signals: ``done`` with the `LabelController` when a frame was shown, and something done there.
    """

    done = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._control: LabelController | None = None
        self._put: PutFrames | None = None
        self._to_queue: list[tuple[Mapping[int, str], Proposals | None]] = []
        # Of a frame to go to, and what is done there; the newest only.
        self._to_show: tuple[int, LabelKey, Callable[[LabelController], object] | None] | None
        self._to_show = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_AGAIN_MS)
        self._timer.timeout.connect(self._show)

    def begin(self, control: LabelController, put: PutFrames) -> None:
        """Labels are open now."""
        self._control, self._put = control, put
        # At once, before the user can have gone on to another frame.
        control.panel.shown.connect(self._show)
        self._queue()
        self._show()

    def end(self) -> None:
        """They are closed; what was asked for waits."""
        if self._control is not None:
            self._control.panel.shown.disconnect(self._show)
        self._control = self._put = None
        self._timer.stop()

    def forget(self) -> None:
        """Another session is open: nothing of what was asked for is about it."""
        self._to_queue, self._to_show = [], None

    # ------------------------------------------------------------------ requests

    def queue_frames(self, reasons: Mapping[int, str], proposals: Proposals | None = None) -> None:
        """Add frames to the queue.

        Parameters
        ----------
        reasons : mapping of frame to str
            Why, in a few words.
        proposals : callable, optional
            Gives the predictions of a frame that go into the queue with it; not given: those of
            the layers.
        """
        self._to_queue.append((dict(reasons), proposals))
        self._queue()

    def show_label(self, frame: int, label_key: LabelKey) -> None:
        """Go to a frame, and choose a keypoint and a view; the view may be empty."""
        self._to_show = (frame, label_key, None)
        self._show()

    def mend(self, frame: int, label_key: LabelKey, proposals: Proposals) -> None:
        """Go to a label in a frame that begins with predictions.

        Parameters
        ----------
        proposals : callable
            Gives the predictions of a frame.
        """
        self._to_show = (frame, label_key, lambda c: c.start_from_predictions(proposals))
        self._show()

    def accept(
        self,
        frame: int,
        label_key: LabelKey,
        places: Mapping[tuple[str, str], Place | None],
        text: str,
    ) -> None:
        """Go to a label, and put labels where a suggestion has them (see `accept_correction`)."""

        def put(control: LabelController) -> None:
            n = accept_correction(control.labeling, frame, places, text)
            control.show_message(
                f"{counted(n, 'label')} {verb(n, 'was', 'were')} corrected; Ctrl+Z takes it back."
            )

        self._to_show = (frame, label_key, put)
        self._show()

    # ------------------------------------------------------------------ inside

    def _queue(self) -> None:
        if self._put is not None:
            waiting, self._to_queue = self._to_queue, []
            for reasons, proposals in waiting:
                self._put(reasons, proposals)

    def _show(self, _: int = -1) -> None:
        control = self._control
        if control is None or self._to_show is None:
            return
        frame, label_key, then = self._to_show
        editing = control.labeling.store.is_editing
        if control.panel.frame != frame or not control.panel.is_settled or editing:
            if 0 < control.panel.scene.n_frames <= frame:
                self._to_show = None
                control.show_message(f"The videos have no frame {frame:,}.")
                return
            control.panel.go_to(frame)
            self._timer.start()
            return
        self._to_show = None
        self._timer.stop()
        control.choose(label_key.keypoint, label_key.view)
        if then is not None:
            then(control)
        self.done.emit(control)
