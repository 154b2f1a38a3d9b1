"""How the synthetic animal is built and how it moves.

A mouse of 90 mm: rigid bones hang on a pelvis that follows a path, paws stay where they were put
down until they are lifted again, and knees and elbows follow from hip and paw. Millimetres, z up,
the floor is z = 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]

KEYPOINTS = (
    "nose",
    "ear_left",
    "ear_right",
    "neck",
    "back",
    "tail_base",
    "tail_mid",
    "forepaw_left",
    "forepaw_right",
    "knee_left",
    "knee_right",
    "hindpaw_left",
    "hindpaw_right",
)
SKELETON = (
    ("nose", "ear_left"),
    ("nose", "ear_right"),
    ("ear_left", "neck"),
    ("ear_right", "neck"),
    ("neck", "back"),
    ("back", "tail_base"),
    ("tail_base", "tail_mid"),
    ("neck", "forepaw_left"),
    ("neck", "forepaw_right"),
    ("tail_base", "knee_left"),
    ("tail_base", "knee_right"),
    ("knee_left", "hindpaw_left"),
    ("knee_right", "hindpaw_right"),
)
LEFT_RIGHT = (
    ("ear_left", "ear_right"),
    ("forepaw_left", "forepaw_right"),
    ("knee_left", "knee_right"),
    ("hindpaw_left", "hindpaw_right"),
)
RIGID_PAIRS = (
    ("nose", "ear_left"),
    ("nose", "ear_right"),
    ("ear_left", "ear_right"),
    ("nose", "neck"),
    ("ear_left", "neck"),
    ("ear_right", "neck"),
    ("neck", "back"),
    ("back", "tail_base"),
    ("tail_base", "tail_mid"),
    ("knee_left", "hindpaw_left"),
    ("knee_right", "hindpaw_right"),
)
PAWS = ("forepaw_left", "forepaw_right", "hindpaw_left", "hindpaw_right")

PAW_HEIGHT = 2.0  # of the paw's centre when it stands on the floor
# How far keypoints come to lie outside the circle that the body's middle keeps to: less than the
# animal is long, since near the edge it walks along it.
BODY_REACH = 45.0
TALLEST = 90.0  # no keypoint is higher than this above the floor

_HEAD, _CHEST, _RUMP, _TAIL = 28.0, 30.0, 32.0, 38.0
_EAR = np.array([9.0, 8.5, 8.5])  # forward, sideways, up from the neck
_CENTRE = 34.0  # from the tail's base to the point that follows the path
_STANDING_HEIGHT, _REARING_HEIGHT = 20.0, 15.0  # of the tail's base
_SHOULDER = np.array([-7.0, 8.0, -8.0])  # from the neck
_HIP = np.array([8.0, 9.0, -4.0])  # from the tail's base
_ARM, _THIGH = (15.0, 17.0), (15.0, 17.0)  # upper and lower part
_STANCE = 0.62  # part of the gait's cycle that a paw spends on the floor
_STEP_HEIGHT = 8.0
_PHASE = {"hindpaw_left": 0.0, "forepaw_left": 0.25, "hindpaw_right": 0.5, "forepaw_right": 0.75}
_WALK, _BURST = (110.0, 240.0), (420.0, 560.0)  # mm/s


@dataclass(frozen=True, eq=False)
class Motion:
    """The animal at every frame.

    Attributes
    ----------
    points : mapping of str to (frame, 3) float64
        Keypoints and the joints under the skin (shoulders, elbows, hips, eyes, tail tip), mm.
    on_floor : (frame, paw) bool
        Whether each of `PAWS` stands on the floor.
    """

    points: Mapping[str, Float64]
    on_floor: NDArray[np.bool_]


def move_animal(n_frames: int, fps: float, path_radius: float, rng: np.random.Generator) -> Motion:
    """Let the animal walk, turn, pause, rear and dash about.

    Parameters
    ----------
    n_frames : int
    fps : float
        Frames per second.
    path_radius : float
        The middle of the body stays within this circle around the origin, mm.
    rng : numpy.random.Generator
        Decides everything that is left to chance.
    """
    # The head looks ahead in time and the tail drags behind, so there is motion before and after.
    pad = int(np.ceil(0.7 * fps))
    n = n_frames + 2 * pad
    speed, rearing = _plan_behaviour(n, fps, rng)
    centre, heading, turning, speed = _follow_goals(speed, fps, path_radius, rng)

    def noise(seconds: float, scale: float) -> Float64:
        return scale * _smooth_noise(n, seconds * fps, rng)

    def later(track: Float64, seconds: float) -> Float64:
        steps = np.arange(n) + round(seconds * fps)
        return np.asarray(track[np.clip(steps, 0, n - 1)])

    gait_speed = speed + 30.0 * np.abs(turning)
    phase = np.cumsum(gait_speed / (38.0 + 0.07 * gait_speed)) / fps
    stride = 2 * np.pi * phase
    moving = np.clip(_smooth(gait_speed, 0.05 * fps) / 60.0, 0.0, 1.0)

    bend = np.clip(later(heading, 0.18) - heading, -0.6, 0.6)
    glance = np.clip(later(heading, 0.4) - later(heading, 0.18), -0.5, 0.5)
    sway = 0.05 * moving * np.sin(stride)
    rump_yaw = heading + sway + noise(0.08, 0.012)
    chest_yaw = heading + bend - sway + noise(0.12, 0.04)
    head_yaw = chest_yaw + glance + noise(0.16, 0.28) + noise(0.03, 0.02)
    tail_yaw = later(heading, -0.25) + np.pi + noise(0.25, 0.25) - 3 * sway
    rump_pitch = 0.30 + 0.75 * rearing + noise(0.10, 0.015)
    chest_pitch = -0.06 + 1.15 * rearing + noise(0.10, 0.03)
    head_pitch = -0.42 + 0.45 * rearing + noise(0.14, 0.16) + noise(0.03, 0.015)
    tail_pitch = -0.12 - 0.12 * rearing + noise(0.3, 0.05)

    rump = _frames(rump_yaw, rump_pitch)
    chest = _frames(chest_yaw, chest_pitch)
    head = _frames(head_yaw, head_pitch)
    tail = _frames(tail_yaw, tail_pitch)

    p: dict[str, Float64] = {}
    height = _STANDING_HEIGHT + (_REARING_HEIGHT - _STANDING_HEIGHT) * rearing
    height = height + 0.9 * moving * np.sin(2 * stride) + noise(0.12, 0.35)
    flat_forward = _frames(rump_yaw, np.zeros(n))[:, :, 0]
    p["tail_base"] = np.c_[centre, height] - _CENTRE * flat_forward
    p["back"] = p["tail_base"] + _RUMP * rump[:, :, 0]
    p["neck"] = p["back"] + _CHEST * chest[:, :, 0]
    p["nose"] = p["neck"] + _HEAD * head[:, :, 0]
    p["tail_mid"] = p["tail_base"] + _TAIL * tail[:, :, 0]
    tip_yaw = later(heading, -0.45) + np.pi + noise(0.25, 0.35)
    p["tail_tip"] = p["tail_mid"] + _TAIL * _frames(tip_yaw, tail_pitch - 0.1)[:, :, 0]
    p["tail_tip"][:, 2] = np.maximum(p["tail_tip"][:, 2], 1.5)

    on_floor = np.empty((n, len(PAWS)), bool)
    for side, sign in (("left", 1.0), ("right", -1.0)):
        mirror = np.array([1.0, sign, 1.0])
        p[f"ear_{side}"] = p["neck"] + head @ (_EAR * mirror)
        p[f"eye_{side}"] = p["neck"] + head @ (np.array([18.0, 5.2, 3.2]) * mirror)
        p[f"shoulder_{side}"] = p["neck"] + chest @ (_SHOULDER * mirror)
        p[f"hip_{side}"] = p["tail_base"] + rump @ (_HIP * mirror)

        for paw, joint, root, yaw, ahead, aside in (
            ("forepaw", "elbow", "shoulder", chest_yaw, 3.0, 1.5),
            ("hindpaw", "knee", "hip", rump_yaw, 5.0, 5.0),
        ):
            name = f"{paw}_{side}"
            level = _frames(yaw, np.zeros(n))
            start = p[f"{root}_{side}"]
            under = start[:, :2] + (level @ np.array([ahead, sign * aside, 0.0]))[:, :2]
            target = _steps(under, phase + _PHASE[name], moving)
            if paw == "forepaw":
                # Rearing lifts the forepaws to the chest.
                tucked = start + chest @ np.array([11.0, -2.0 * sign, -15.0])
                weight = _ease(np.clip(2.5 * rearing, 0.0, 1.0))[:, None]
                target = target + weight * (tucked - target)
                lengths, pole = _ARM, level @ np.array([-1.0, 0.3 * sign, -0.3])
            else:
                lengths, pole = _THIGH, level @ np.array([1.0, 0.45 * sign, 0.25])
            p[f"{joint}_{side}"], p[name] = _two_bones(start, target, lengths, pole)
            on_floor[:, PAWS.index(name)] = p[name][:, 2] <= PAW_HEIGHT + 1e-6

    keep = slice(pad, pad + n_frames)
    return Motion({name: track[keep] for name, track in p.items()}, on_floor[keep])


def _plan_behaviour(n: int, fps: float, rng: np.random.Generator) -> tuple[Float64, Float64]:
    """Wanted speed (mm/s) and how far the animal rears (0 to 1) at every frame."""
    speed, rearing = np.zeros(n), np.zeros(n)
    at = 0
    between: list[str] = []
    while at < n:
        length = int(fps * rng.uniform(0.7, 1.4))
        speed[at : at + length] = rng.uniform(*_WALK)
        at += length
        if not between:
            # Each of them comes before any comes twice: a short video shows all.
            between = list(rng.permutation(["rear", "burst", "pause"]))
        kind = between.pop()
        if kind == "burst":
            length = int(fps * rng.uniform(0.2, 0.4))
            speed[at : at + length] = rng.uniform(*_BURST)
        elif kind == "pause":
            length = int(fps * rng.uniform(0.25, 0.6))
        else:
            length = int(fps * rng.uniform(0.9, 1.4))
            quarter = max(length // 4, 1)
            rise, fall = at + quarter, at + length - quarter
            rearing[rise:fall] = rng.uniform(0.75, 1.0)
        at += length
    return speed, np.asarray(_smooth(rearing, 0.07 * fps))


def _follow_goals(
    wanted: Float64, fps: float, radius: float, rng: np.random.Generator
) -> tuple[Float64, Float64, Float64, Float64]:
    """Steer towards one random goal after the other; position, heading, turning rate, speed."""
    n = len(wanted)
    centre, heading = np.empty((n, 2)), np.empty(n)
    turning, speed = np.empty(n), np.empty(n)
    dt = 1.0 / fps
    x, y = 0.3 * radius * rng.standard_normal(2)
    angle = rng.uniform(-np.pi, np.pi)
    v = omega = 0.0
    goal, deadline = np.zeros(2), 0
    for i in range(n):
        error = _wrapped(np.arctan2(goal[1] - y, goal[0] - x) - angle)
        if i >= deadline or np.hypot(goal[0] - x, goal[1] - y) < 0.3 * radius:
            goal, deadline = _next_goal(x, y, angle, radius, rng), i + int(1.5 * fps)
            error = _wrapped(np.arctan2(goal[1] - y, goal[0] - x) - angle)
        # An animal that stands does not turn on the spot, one that turns sharply is slow.
        wanted_turn = np.clip(5.0 * error, -4.0, 4.0) * min(1.0, wanted[i] / 60.0)
        wanted_speed = wanted[i] * (0.25 + 0.75 * max(0.0, np.cos(error)))
        # Never run out of the circle: slow down as the way ahead gets short.
        toward = x * np.cos(angle) + y * np.sin(angle)
        ahead = np.sqrt(max(toward**2 + radius**2 - x * x - y * y, 0.0)) - toward
        limit = ahead / 0.12
        omega += (wanted_turn - omega) * dt / 0.09
        v = min(v + (wanted_speed - v) * dt / 0.07, limit)
        angle += omega * dt
        x += v * np.cos(angle) * dt
        y += v * np.sin(angle) * dt
        centre[i], heading[i], turning[i], speed[i] = (x, y), angle, omega, v
    return centre, heading, turning, speed


def _next_goal(
    x: float, y: float, angle: float, radius: float, rng: np.random.Generator
) -> Float64:
    """A place that is neither too near nor behind the animal."""
    while True:
        r, a = 0.85 * radius * np.sqrt(rng.uniform()), rng.uniform(-np.pi, np.pi)
        goal = np.array([r * np.cos(a), r * np.sin(a)])
        error = _wrapped(np.arctan2(goal[1] - y, goal[0] - x) - angle)
        if np.hypot(goal[0] - x, goal[1] - y) > 0.6 * radius and abs(error) < 2.6:
            return goal


def _steps(under: Float64, cycle: Float64, moving: Float64) -> Float64:
    """Where a paw is: still while it stands, in an arc to its next place while it swings.

    Parameters
    ----------
    under : (frame, 2)
        The place on the floor where the paw would be at rest.
    cycle : (frame,)
        Phase of the gait in cycles; a paw goes down at each whole number.
    moving : (frame,)
        0 (the animal stands, so no paw is in the air) to 1.
    """
    frames = np.arange(len(cycle), dtype=float)
    number = np.floor(cycle).astype(int)
    first = number[0]
    cycles = np.arange(first, number[-1] + 2)
    # A paw is put down where it will be below the joint in the middle of its stance.
    middle = np.interp(cycles + _STANCE / 2, cycle, frames)
    places = np.stack([np.interp(middle, frames, under[:, i]) for i in range(2)], axis=-1)
    swing = np.clip((cycle - number - _STANCE) / (1 - _STANCE), 0.0, 1.0)
    here, there = places[number - first], places[number - first + 1]
    out = np.empty((len(cycle), 3))
    out[:, :2] = here + _ease(swing)[:, None] * (there - here)
    out[:, 2] = PAW_HEIGHT + _STEP_HEIGHT * moving * np.sin(np.pi * swing)
    return out


def _two_bones(
    start: Float64, target: Float64, lengths: tuple[float, float], pole: Float64
) -> tuple[Float64, Float64]:
    """Knee (or elbow) and paw of a leg that reaches from ``start`` towards ``target``.

    The joint bends to the side of ``pole``. A target out of reach is approached as far as the leg
    is long.
    """
    upper, lower = lengths
    line = target - start
    distance = np.linalg.norm(line, axis=-1, keepdims=True)
    line = line / distance
    distance = np.clip(distance, abs(upper - lower) + 0.5, upper + lower - 0.2)
    along = (distance**2 + upper**2 - lower**2) / (2 * distance)
    aside = pole - np.sum(pole * line, axis=-1, keepdims=True) * line
    aside = aside / np.linalg.norm(aside, axis=-1, keepdims=True)
    joint = start + along * line + np.sqrt(upper**2 - along**2) * aside
    return joint, start + distance * line


def _frames(yaw: Float64, pitch: Float64) -> Float64:
    """Axes of a body part, ``(frame, 3, 3)``: columns forward, left and up."""
    cy, sy, cp, sp = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch)
    zero = np.zeros_like(yaw)
    forward, left = (cy * cp, sy * cp, sp), (-sy, cy, zero)
    up = (-cy * sp, -sy * sp, cp)
    return np.stack([np.stack(axis, axis=-1) for axis in (forward, left, up)], axis=-1)


def _ease(x: Float64) -> Float64:
    return np.asarray(x * x * (3 - 2 * x))


def _wrapped(angle: Any) -> float:
    return float((angle + np.pi) % (2 * np.pi) - np.pi)


def _kernel(sigma: float) -> Float64:
    half = int(np.ceil(4 * sigma))
    weights = np.exp(-0.5 * (np.arange(-half, half + 1) / max(sigma, 1e-9)) ** 2)
    return np.asarray(weights / weights.sum())


def _smooth(track: Float64, sigma: float) -> Float64:
    """Gaussian smoothing over time; ``sigma`` in frames."""
    weights = _kernel(sigma)
    padded = np.pad(track, len(weights) // 2, mode="edge")
    return np.convolve(padded, weights, mode="valid")


def _smooth_noise(n: int, sigma: float, rng: np.random.Generator) -> Float64:
    """Noise of unit variance that changes over some ``sigma`` frames."""
    weights = _kernel(sigma)
    white = rng.standard_normal(n + len(weights) - 1)
    return np.convolve(white, weights, mode="valid") / np.sqrt(np.sum(weights**2))
