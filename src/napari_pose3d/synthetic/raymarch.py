"""Compiled functions that draw the animal: a smooth body of round bones, and its shadow.

The body is a signed distance field (negative inside): bones are segments with a radius at either
end, blended into each other. Each pixel's ray walks along the distance until it meets the skin.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

Float64 = NDArray[np.float64]
Float32 = NDArray[np.float32]

# Columns of the table of bones: one end, the way to the other end, 1 / its squared length, the
# radius and its change towards the other end, grey, width of the blend with earlier bones, gloss.
AX, AY, AZ, UX, UY, UZ, INVERSE, RADIUS, TAPER, SHADE, BLEND, GLOSS = range(12)
N_COLUMNS = 12

# Not the whole of fastmath: pixels without floor are NaN.
_compiled = njit(cache=True, nogil=True, fastmath={"contract", "arcp", "nsz", "reassoc"})


@_compiled
def _bone_distance(bones: Float64, i: int, x: float, y: float, z: float) -> tuple[float, float]:
    """Distance to one bone's skin, and where along the bone (0 to 1)."""
    ux, uy, uz = bones[i, UX], bones[i, UY], bones[i, UZ]
    px, py, pz = x - bones[i, AX], y - bones[i, AY], z - bones[i, AZ]
    h = min(max((px * ux + py * uy + pz * uz) * bones[i, INVERSE], 0.0), 1.0)
    dx, dy, dz = px - h * ux, py - h * uy, pz - h * uz
    radius = bones[i, RADIUS] + h * bones[i, TAPER]
    return np.sqrt(dx * dx + dy * dy + dz * dz) - radius, h


@_compiled
def _blended(distance: float, d: float, blend: float) -> tuple[float, float]:
    """Smooth minimum of two distances, and the part that the second has in it."""
    h = 0.5 + 0.5 * (distance - d) / blend
    if h <= 0.0:
        return distance, 0.0
    if h >= 1.0:
        return d, 1.0
    return distance + h * (d - distance) - blend * h * (1.0 - h), h


@_compiled
def _body_distance(
    bones: Float64, chosen: NDArray[Any], n: int, x: float, y: float, z: float
) -> float:
    """Distance to the blended skin of the chosen bones."""
    distance = 1e9
    for j in range(n):
        d, _ = _bone_distance(bones, chosen[j], x, y, z)
        distance, _ = _blended(distance, d, bones[chosen[j], BLEND])
    return distance


@_compiled
def _skin(
    bones: Float64, chosen: NDArray[Any], n: int, x: float, y: float, z: float
) -> tuple[float, float, int]:
    """Grey and gloss of the skin at a point, and the nearest bone."""
    distance, shade, gloss = 1e9, 0.0, 0.0
    nearest, nearest_distance = -1, 1e9
    for j in range(n):
        i = chosen[j]
        d, _ = _bone_distance(bones, i, x, y, z)
        if d < nearest_distance:
            nearest, nearest_distance = i, d
        distance, h = _blended(distance, d, bones[i, BLEND])
        shade += h * (bones[i, SHADE] - shade)
        gloss += h * (bones[i, GLOSS] - gloss)
    return shade, gloss, nearest


@_compiled
def _hash(i: int, j: int, k: int) -> float:
    """A number from 0 to 1 that looks random and depends on three integers."""
    n = (i * 374761393 + j * 668265263 + k * 1274126177) & 0xFFFFFFFF
    n = ((n ^ (n >> 13)) * 1274126177) & 0xFFFFFFFF
    return ((n ^ (n >> 16)) & 0xFFFF) / 65535.0


@_compiled
def _fur(bones: Float64, i: int, x: float, y: float, z: float) -> float:
    """Streaks along the bone that stay on the skin as it moves, -1 to 1."""
    _, h = _bone_distance(bones, i, x, y, z)
    ux, uy, uz = bones[i, UX], bones[i, UY], bones[i, UZ]
    length = np.sqrt(ux * ux + uy * uy + uz * uz) + 1e-9
    flat = np.sqrt(ux * ux + uy * uy) + 1e-9
    side = ((y - bones[i, AY]) * ux - (x - bones[i, AX]) * uy) / flat
    up = z - (bones[i, AZ] + h * uz)
    around = np.arctan2(side, up) * (bones[i, RADIUS] + 0.5 * bones[i, TAPER]) / 1.6
    along = h * length / 4.0
    a, b = int(np.floor(along)), int(np.floor(around))
    fa, fb = along - a, around - b
    fa, fb = fa * fa * (3 - 2 * fa), fb * fb * (3 - 2 * fb)
    low = _hash(a, b, i) * (1 - fa) + _hash(a + 1, b, i) * fa
    high = _hash(a, b + 1, i) * (1 - fa) + _hash(a + 1, b + 1, i) * fa
    return 2.0 * (low * (1 - fb) + high * fb) - 1.0


@_compiled
def _off_outline(outlines: Float64, i: int, u: float, v: float) -> float:
    """Distance of a pixel from the line that a bone is in the image."""
    ux, uy = outlines[i, 2] - outlines[i, 0], outlines[i, 3] - outlines[i, 1]
    px, py = u - outlines[i, 0], v - outlines[i, 1]
    h = min(max((px * ux + py * uy) / (ux * ux + uy * uy + 1e-9), 0.0), 1.0)
    dx, dy = px - h * ux, py - h * uy
    return np.sqrt(dx * dx + dy * dy)


@_compiled
def draw_shadow(
    image: Float32, floor: Float32, box: NDArray[Any], bones: Float64, light: Float64
) -> None:
    """Darken the floor under and beside the animal.

    Parameters
    ----------
    image : (height, width) float32
        Changed in place.
    floor : (height, width, 2) float32
        Where on the floor each pixel is, mm; NaN where no floor is.
    box : (4,) int
        x, y of the first pixel and one past the last.
    bones : (bone, column) float64
    light : (3,) float64
        Direction towards the light.
    """
    n = len(bones)
    slope_x, slope_y = light[0] / light[2], light[1] / light[2]
    # It is soft: one value for 2 x 2 pixels is enough.
    for v in range(box[1], box[3], 2):
        for u in range(box[0], box[2], 2):
            x, y = floor[v, u, 0], floor[v, u, 1]
            if np.isnan(x):
                continue
            bright = 1.0
            for i in range(n):
                # The bone's shadow on the floor is a segment, the softer the higher the bone is.
                ax = bones[i, AX] - slope_x * bones[i, AZ]
                ay = bones[i, AY] - slope_y * bones[i, AZ]
                ux = bones[i, UX] - slope_x * bones[i, UZ]
                uy = bones[i, UY] - slope_y * bones[i, UZ]
                h = ((x - ax) * ux + (y - ay) * uy) / (ux * ux + uy * uy + 1e-9)
                h = min(max(h, 0.0), 1.0)
                dx, dy = x - ax - h * ux, y - ay - h * uy
                radius = bones[i, RADIUS] + h * bones[i, TAPER]
                height = bones[i, AZ] + h * bones[i, UZ]
                width = radius + 0.35 * height
                d2 = (dx * dx + dy * dy) / (width * width)
                if d2 < 4.0:
                    dark = radius / (radius + 0.55 * height)
                    bright *= 1.0 - 0.5 * dark * np.exp(-1.3 * d2)
            image[v : v + 2, u : u + 2] *= np.float32(max(bright, 0.25))


@_compiled
def draw_body(
    image: Float32,
    rays: Float32,
    eye: Float64,
    pixel: float,
    box: NDArray[Any],
    bones: Float64,
    outlines: Float64,
    light: Float64,
) -> None:
    """Draw the animal over the image, nearest parts in front, edges smooth.

    Parameters
    ----------
    image : (height, width) float32
        Changed in place.
    rays : (height, width, 3) float32
        Direction in space of each pixel, of length 1.
    eye : (3,) float64
        The camera's place, mm.
    pixel : float
        Width of a pixel at a distance of 1.
    box : (4,) int
        x, y of the first pixel and one past the last.
    bones : (bone, column) float64
    outlines : (bone, 5) float64
        The bones in the image: x, y of both ends and the largest radius, px.
    light : (3,) float64
        Direction towards the light.
    """
    n = len(bones)
    nearby, chosen = np.empty(n, np.int64), np.empty(n, np.int64)
    for tile in range(((box[2] - box[0] + 7) // 8) * ((box[3] - box[1] + 7) // 8)):
        # Most bones are far from most pixels: sort them out for 8 x 8 pixels at a time.
        across = (box[2] - box[0] + 7) // 8
        u0, v0 = box[0] + 8 * (tile % across), box[1] + 8 * (tile // across)
        k = 0
        for i in range(n):
            if _off_outline(outlines, i, u0 + 3.5, v0 + 3.5) < outlines[i, 4] + 5.0:
                nearby[k] = i
                k += 1
        if k == 0:
            continue
        for pixel_number in range(64):
            u, v = u0 + pixel_number % 8, v0 + pixel_number // 8
            if u >= box[2] or v >= box[3]:
                continue
            m = 0
            for j in range(k):
                i = nearby[j]
                if _off_outline(outlines, i, u, v) < outlines[i, 4]:
                    chosen[m] = i
                    m += 1
            if m == 0:
                continue
            rx, ry, rz = float(rays[v, u, 0]), float(rays[v, u, 1]), float(rays[v, u, 2])
            t, leave = 1e9, -1e9
            for j in range(m):
                i = chosen[j]
                along = (
                    (bones[i, AX] - eye[0]) * rx
                    + (bones[i, AY] - eye[1]) * ry
                    + (bones[i, AZ] - eye[2]) * rz
                )
                ahead = bones[i, UX] * rx + bones[i, UY] * ry + bones[i, UZ] * rz
                thick = bones[i, RADIUS] + max(bones[i, TAPER], 0.0)
                t = min(t, along + min(ahead, 0.0) - thick - 4.0)
                leave = max(leave, along + max(ahead, 0.0) + thick)
            # How much of the pixel is covered, from the nearest miss.
            best, best_t = 1e9, t
            for _ in range(96):
                d = _body_distance(
                    bones, chosen, m, eye[0] + t * rx, eye[1] + t * ry, eye[2] + t * rz
                )
                if d < best:
                    best, best_t = d, t
                if d < 0.04 or t > leave:
                    break
                t += 0.95 * d
            width = pixel * best_t
            cover = min(max(1.0 - best / width, 0.0), 1.0)
            if cover <= 0.0:
                continue
            x, y, z = eye[0] + best_t * rx, eye[1] + best_t * ry, eye[2] + best_t * rz
            shade, gloss, nearest = _skin(bones, chosen, m, x, y, z)
            e = 0.35
            nx = _body_distance(bones, chosen, m, x + e, y, z) - best
            ny = _body_distance(bones, chosen, m, x, y + e, z) - best
            nz = _body_distance(bones, chosen, m, x, y, z + e) - best
            norm = np.sqrt(nx * nx + ny * ny + nz * nz) + 1e-12
            nx, ny, nz = nx / norm, ny / norm, nz / norm
            facing = nx * light[0] + ny * light[1] + nz * light[2]
            # Light comes from above, some from everywhere, little from the floor.
            direct = max(0.25 + 0.75 * facing, 0.0)
            around = 0.30 + 0.22 * (nz + 1.0)
            lit = 0.62 * direct + around * min(1.0, 0.55 + z / 40.0)
            edge = 1.0 + (nx * rx + ny * ry + nz * rz)
            hx, hy, hz = light[0] - rx, light[1] - ry, light[2] - rz
            half = np.sqrt(hx * hx + hy * hy + hz * hz)
            mirror = max((nx * hx + ny * hy + nz * hz) / half, 0.0)
            fur = _fur(bones, nearest, x, y, z)
            bright = shade * lit * (1.0 + 0.16 * fur * (1.0 - gloss))
            # Fur is lighter where it is seen against the light, eyes and nose shine.
            bright += 0.05 * (1.0 - gloss) * edge * edge * edge
            bright += 0.05 * (1.0 - gloss) * mirror**8 + 0.9 * gloss * mirror**40
            image[v, u] += cover * (255.0 * bright - image[v, u])
