"""The audit of a session's labels: what is wrong with them, and what would be right.

Notes
-----
What explains most comes first, and counts as corrected in what follows: views exchanged, sides
exchanged in a view, a view one frame off; then single labels. With two views that contradict each
other, or three of which two explanations are as good, it is open which label is wrong, and all of
them are named.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.labels.geometry.keypoint_priors import learn_distances
from napari_pose3d.core.labels.geometry.label_projection import Projection, project_labels
from napari_pose3d.core.poses.arrays import observed_mask

from .expectation import Expectation
from .findings import AuditInput, LabelFault, LabelFinding, Place
from .label_explanation import (
    click_noise,
    exchanged_sides,
    exchanged_views,
    fit_labels,
)
from .pose_audit import pose_findings

Float64 = NDArray[np.float64]

# An exchange must save so much cost, and leave at most this part of it.
_EXCHANGE_SAVES = 30.0
_EXCHANGE_LEAVES = 0.4
# One label that belongs to the other side.
_MOVE_SAVES = 18.0
# A view's sides are wanted exchanged by predictions.
_WANTED = 8.0
# A side that is exchanged saves at least this, beside what the next best explanation saves.
_CLEARLY = 12.0
# One frame off: how much likelier (-2 log) it must be.
_OFF_SAVES = 14.0
_OFF_MARGIN = -1.5
# Rows with fewer labels may be equal by chance.
_FEWEST_EQUAL = 3
# In standard deviations of a click: labels of two names so near each other are one; further than
# this from its reprojection a label is wrong.
_SAME = 4.0
_WRONG = 8.0
# The probability from which on one label is blamed alone.
_BLAMED = 0.9


@dataclass(frozen=True, eq=False)
class _Steps:
    """Of one view, for each frame: what the better of two steps saves, which, and how far it is."""

    saved: Float64
    step: NDArray[np.int64]
    moved: Float64


def audit_labels(given: AuditInput) -> list[LabelFinding]:
    """Everything that the geometry of a session's labels shows to be wrong.

    Parameters
    ----------
    given : AuditInput

    Returns
    -------
    list of LabelFinding
        By frame.
    """
    return _Audit(given).run()


class _Audit:
    """The rounds of an audit; ``xy`` holds the labels as corrected so far."""

    def __init__(self, given: AuditInput) -> None:
        self.given = given
        self.xy = given.xy.copy()
        self.findings: list[LabelFinding] = []
        self.sd = 1.0
        self.expected = Expectation(given, self.sd)

    def run(self) -> list[LabelFinding]:
        self._outside_and_zero()
        self._identical_rows()
        self.sd = click_noise(self.given.rig, self.xy)
        self.expected = Expectation(self.given, self.sd)
        self._exchanged_views()
        self._exchanged_sides()
        self.sd = click_noise(self.given.rig, self.xy)
        self.expected = Expectation(self.given, self.sd)
        self._one_frame_off()
        self._single_labels()
        order = list(LabelFault)
        self.findings.sort(key=lambda f: (f.frame, order.index(f.kind), f.views, f.keypoints))
        return self.findings

    # ------------------------------------------------------------------ single values

    def _outside_and_zero(self) -> None:
        given = self.given
        for v, camera in enumerate(given.rig.cameras):
            at_zero = (self.xy[v] == 0).all(axis=-1)
            outside = np.zeros(at_zero.shape, bool)
            if camera.size is not None:
                with np.errstate(invalid="ignore"):
                    outside = (self.xy[v] < -0.5).any(axis=-1)
                    outside |= (self.xy[v] > np.array(camera.size) - 0.5).any(axis=-1)
            for kind, mask in ((LabelFault.AT_ZERO, at_zero), (LabelFault.OUTSIDE, outside)):
                for n, k in zip(*np.nonzero(mask), strict=True):
                    x, y = self.xy[v, n, k]
                    self._add(kind, n, [v], [k], f"at {x:.1f}, {y:.1f}", 1e3, {(v, k): None})
                    self.xy[v, n, k] = np.nan

    def _identical_rows(self) -> None:
        """Nobody clicks the same fractions of a pixel twice: a row was copied.

        Of both frames it is wrong in that where the other views fit it less; there it counts as
        corrected in what follows.
        """
        given = self.given
        for v in range(len(given.views)):
            first: dict[bytes, int] = {}
            for n in range(len(given.frames)):
                seen = observed_mask(self.xy[v, n])
                if seen.sum() < _FEWEST_EQUAL:
                    continue
                row = np.where(seen[:, None], self.xy[v, n], np.nan).tobytes()
                other = first.setdefault(row, n)
                if other != n:
                    self._copied_row(v, other, n, np.flatnonzero(seen))

    def _copied_row(self, v: int, first: int, second: int, found: NDArray[np.intp]) -> None:
        given = self.given
        both = [first, second]
        expected = self._by_other_views(v, both)
        misfit = np.linalg.norm(self.xy[v, both] - expected, axis=-1)[:, found]
        typical = [
            float(np.median(m[np.isfinite(m)])) if np.isfinite(m).any() else 0.0 for m in misfit
        ]
        wrong = int(typical[0] > max(typical[1], _WRONG * self.sd)) ^ 1
        n, other = both[wrong], both[wrong ^ 1]
        correction: dict[tuple[int, int], Place | None] = {}
        evidence = f"equal in all digits to frame {given.frames[other]}"
        if typical[wrong] > _WRONG * self.sd:
            evidence += f", and {typical[wrong]:.1f} px from where the other views put them"
            correction = {(v, k): self._place(expected[wrong, k]) for k in found.tolist()}
        self._add(LabelFault.IDENTICAL_ROWS, n, [v], found, evidence, 1e3, correction)
        if correction:
            self.xy[v, n, found] = expected[wrong, found]

    def _by_other_views(self, v: int, frames: Sequence[int]) -> Float64:
        """Where the labels of the other views put a view's keypoints, ``(frame, keypoint, 2)``."""
        others = self.xy[:, frames].copy()
        others[v] = np.nan
        xyz = fit_labels(self.given.rig, others, self.sd).xyz
        return np.asarray(self.given.rig.subset((self.given.views[v],)).project(xyz)[0])

    # ------------------------------------------------------------------ exchanges

    def _exchanged_views(self) -> None:
        given = self.given
        now = self._frame_costs(self.xy)
        options = list(combinations(range(len(given.views)), 2))
        if not options or not len(now):
            return
        costs = np.stack([self._frame_costs(exchanged_views(self.xy, a, b)) for a, b in options])
        best = costs.argmin(axis=0)
        for n in range(len(now)):
            after = costs[best[n], n]
            saved = now[n] - after
            if saved < _EXCHANGE_SAVES or after > _EXCHANGE_LEAVES * now[n]:
                continue
            a, b = options[best[n]]
            both = observed_mask(self.xy[[a, b], n]).any(axis=0)
            correction: dict[tuple[int, int], Place | None] = {}
            for k in np.flatnonzero(both).tolist():
                correction[(a, k)], correction[(b, k)] = self._at(b, n, k), self._at(a, n, k)
            self._add(
                LabelFault.VIEWS_EXCHANGED,
                n,
                [a, b],
                np.flatnonzero(both),
                f"exchanging them leaves {after / now[n]:.0%} of the misfit",
                saved,
                correction,
            )
            self.xy[[a, b], n] = self.xy[[b, a], n]

    def _frame_costs(self, xy: Float64, keypoints: object = slice(None)) -> Float64:
        """How badly labels of some keypoints fit each other and predictions, ``(frame,)``."""
        fit = fit_labels(self.given.rig, xy, self.sd).cost.sum(axis=1)
        return np.asarray(fit + self.expected.cost(xy, keypoints).sum(axis=(0, 2)))

    def _exchanged_sides(self) -> None:
        given = self.given
        for _ in range(2):
            found = False
            for pair in given.pairs:
                found |= self._exchanged_pair(tuple(pair))  # type: ignore[arg-type]
            if not found:
                break

    def _exchanged_pair(self, pair: tuple[int, int]) -> bool:
        given = self.given
        both = list(pair)
        part = self.xy[:, :, both]
        now = self._frame_costs(part, both)
        seen = observed_mask(part)
        # Predictions that want every view exchanged are for the pose to judge.
        wanted = self.expected.saved_by_exchange(self.xy, pair) > _WANTED
        everywhere = (wanted | ~seen.any(axis=2)).all(axis=0) & (wanted.sum(axis=0) > 1)
        # A label moves to the other name only where that name has others to agree with.
        costs = np.full((len(given.views), len(now)), np.inf)
        for v in range(len(given.views)):
            after = self._frame_costs(exchanged_sides(part, v, (0, 1)), both)
            others = np.delete(seen, v, axis=0).sum(axis=0)
            useful = seen[v].any(axis=1) & ((others >= 1) | ~seen[v][:, ::-1]).all(axis=1)
            costs[v] = np.where(useful & ~everywhere, after, np.inf)
        order = np.argsort(costs, axis=0, kind="stable")
        found = False
        for n in range(len(now)):
            best = int(order[0, n])
            saved = now[n] - costs[best, n]
            here = [k for j, k in enumerate(pair) if seen[best, n, j]]
            if not saved >= (_EXCHANGE_SAVES if len(here) == 2 else _MOVE_SAVES):
                continue
            second = int(order[1, n]) if len(order) > 1 else best
            open_question = costs[second, n] - costs[best, n] < _CLEARLY
            views = sorted({best, second}) if open_question else [best]
            correction = {(best, pair[j]): self._at(best, n, pair[1 - j]) for j in range(2)}
            self._add(
                LabelFault.SIDES_EXCHANGED,
                n,
                views,
                pair if len(here) == 2 else here,
                f"exchanging them leaves {costs[best, n] / now[n]:.0%} of the misfit",
                saved,
                {} if open_question else correction,
                certain=not open_question,
            )
            left, right = pair
            self.xy[best, n, [left, right]] = self.xy[best, n, [right, left]]
            found = True
        return found

    # ------------------------------------------------------------------ time

    def _one_frame_off(self) -> None:
        if self.given.steps is None:
            return
        # What is common in a session needs less evidence in a frame of it.
        needed = _OFF_SAVES
        open_frames = np.arange(len(self.given.frames))
        n_off = 0
        for round_ in range(3):
            tried = [self._steps_of(v) for v in range(len(self.given.views))]
            saved = np.stack([each.saved for each in tried])[:, open_frames]
            found = []
            for i, n in enumerate(open_frames):
                order = np.argsort(-saved[:, i], kind="stable")
                best = int(order[0])
                if saved[best, i] < needed:
                    continue
                rivals = [int(v) for v in order if saved[best, i] - saved[v, i] < _CLEARLY / 2]
                self._off(int(n), best, sorted({best, *rivals}), tried[best])
                found.append(int(n))
            n_off += len(found)
            if round_ == 0:
                chances = 2 * len(self.given.views) * (len(self.given.frames) + 1)
                rate = (n_off + 0.1) / chances
                needed = min(needed, 2 * np.log((1 - rate) / rate) + _OFF_MARGIN)
            elif not found:
                break
            else:
                # Corrected in one view, another view of the frame may be off as well.
                open_frames = np.array(found)

    def _steps_of(self, view: int) -> _Steps:
        """How much better a view's labels fit the others when taken for those a frame away."""
        given = self.given
        assert given.steps is not None
        others = self.xy.copy()
        others[view] = np.nan
        fit = fit_labels(given.rig, others, self.sd)
        camera = given.rig.subset((given.views[view],))
        # The point of few other views is hardly more certain than a click.
        n_others = np.maximum(fit.right.sum(axis=0), 1)
        by_others = camera.project(fit.xyz)[0]
        here, variance = self.expected.joined(view, by_others, 1.5 * self.sd**2 / n_others)
        variance = variance + self.sd**2
        xyz = (
            fit.xyz if given.track is None else np.where(np.isfinite(fit.xyz), fit.xyz, given.track)
        )
        origin = camera.project(xyz)[0]
        limit = _WRONG**2
        misfit = self.xy[view] - here
        before = np.minimum((misfit**2).sum(axis=-1) / variance, limit)
        out = _Steps(np.full(len(here), -np.inf), np.zeros(len(here), int), np.zeros_like(here))
        for s in range(2):
            moved = camera.project(xyz + given.steps[s])[0] - origin
            rest = np.minimum(((misfit - moved) ** 2).sum(axis=-1) / variance, limit)
            gain = np.nansum(before - rest, axis=1)
            enough = np.isfinite(rest).sum(axis=1) >= 3
            better = enough & (gain > out.saved)
            out.saved[better], out.step[better] = gain[better], s
            out.moved[better] = moved[better]
        return out

    def _off(self, n: int, view: int, views: list[int], steps: _Steps) -> None:
        moved = steps.moved[n]
        known = np.isfinite(moved).all(axis=-1) & observed_mask(self.xy[view, n])
        typical = float(np.median(np.linalg.norm(moved[known], axis=1)))
        certain = len(views) == 1
        correction: dict[tuple[int, int], Place | None] = {}
        if certain:
            correction = {
                (view, k): self._place(self.xy[view, n, k] - moved[k])
                for k in np.flatnonzero(known).tolist()
            }
        name = ("before", "after")[int(steps.step[n])]
        self._add(
            LabelFault.ONE_FRAME_OFF,
            n,
            views,
            np.flatnonzero(known),
            f"the labels fit the frame {name}, {typical:.1f} px away",
            float(steps.saved[n]),
            correction,
            certain=certain,
        )
        self.xy[view, n, known] -= moved[known]

    # ------------------------------------------------------------------ single labels

    def _single_labels(self) -> None:
        given = self.given
        fit = fit_labels(given.rig, self.xy, self.sd)
        distances = learn_distances(fit.xyz)
        found = []
        for n in range(len(given.frames)):
            labels = self.xy[:, n]
            found.append(project_labels(given.rig, labels, click_sd=self.sd, distances=distances))
            self._disagreeing(n, labels, found[-1])
        blamed = {(f.frame, name) for f in self.findings for name in f.keypoints}
        self.findings += pose_findings(given, self.xy, found, distances, blamed, self.expected)

    def _disagreeing(self, n: int, labels: Float64, found: Projection) -> None:
        given, sd = self.given, self.sd
        seen = observed_mask(labels)
        for k in range(len(given.keypoints)):
            views = np.flatnonzero(seen[:, k])
            if len(views) < 2:
                continue
            if len(views) == 2:
                if found.misfit[k] > _WRONG / 2:
                    self._blame(n, views, k, labels, found, float(found.misfit[k]), certain=False)
                continue
            wrong = [int(v) for v in views if not found.used[v, k]]
            if not wrong:
                continue
            far = max(float(found.residual[v, k]) for v in wrong)
            if far < _WRONG / 2 * sd:
                continue
            doubt = found.doubt[views, k]
            if len(wrong) == 1 and found.doubt[wrong[0], k] < _BLAMED:
                open_ones = [int(v) for v, d in zip(views, doubt, strict=True) if d > 1 - _BLAMED]
                self._blame(n, open_ones, k, labels, found, far / sd, certain=False)
            else:
                self._blame(n, wrong, k, labels, found, far / sd, certain=True)

    def _blame(
        self,
        n: int,
        views: Sequence[int] | NDArray[np.integer],
        k: int,
        labels: Float64,
        found: Projection,
        score: float,
        *,
        certain: bool,
    ) -> None:
        """A label, or one of several, is wrong: perhaps since it lies on another keypoint."""
        for v in views:
            gaps = np.linalg.norm(labels[v] - labels[v, k], axis=-1)
            gaps[k] = np.nan
            if np.isfinite(gaps).any() and np.nanmin(gaps) < _SAME * self.sd:
                other = int(np.nanargmin(gaps))
                self._add(
                    LabelFault.DUPLICATE,
                    n,
                    [int(v)],
                    [k, other],
                    f"{gaps[other]:.1f} px apart, and {self.given.keypoints[k]} does not fit "
                    "the other views",
                    score,
                    {(int(v), k): self._place(found.reprojection[v, k])},
                )
                return
        reach = ", ".join(
            f"{self.given.views[v]} {found.residual[v, k]:.1f} px"
            for v in views
            if np.isfinite(found.residual[v, k])
        )
        correction = {}
        if certain:
            correction = {(int(v), k): self._place(found.reprojection[v, k]) for v in views}
        self._add(
            LabelFault.DISAGREES,
            n,
            views,
            [k],
            f"distance from the point of the others: {reach}",
            score,
            correction,
            certain=certain,
        )

    # ------------------------------------------------------------------

    def _at(self, v: int, n: int, k: int) -> Place | None:
        return self._place(self.xy[v, n, k])

    @staticmethod
    def _place(xy: Float64) -> Place | None:
        return (float(xy[0]), float(xy[1])) if np.isfinite(xy).all() else None

    def _add(
        self,
        kind: LabelFault,
        n: int,
        views: Sequence[int] | NDArray[np.integer],
        keypoints: Sequence[int] | NDArray[np.integer],
        evidence: str,
        score: float,
        correction: dict[tuple[int, int], Place | None],
        *,
        certain: bool = True,
    ) -> None:
        given = self.given
        self.findings.append(
            LabelFinding(
                kind,
                given.session,
                int(given.frames[n]),
                tuple(given.views[v] for v in views),
                tuple(given.keypoints[k] for k in keypoints),
                certain,
                evidence,
                float(score),
                {(given.views[v], given.keypoints[k]): at for (v, k), at in correction.items()},
            )
        )
