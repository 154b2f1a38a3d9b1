"""The compiled Kalman filter and smoother of damped motion, observed by calibrated cameras.

Notes
-----
State: position and step ``(x, u)`` of a point, three coordinates each::

    x' = x + rho u + n_x        cov(n_x, n_u) = q z_t [[1/3, 1/2], [1/2, 1]] (x) I
    u' =     rho u + n_u

which is the integrated Wiener process for ``rho = 1`` and a random walk for ``rho = 0``; ``z_t``
scales the process noise of single frames. Between rows that are another time than a frame apart,
the numbers are those of `motion.motion_steps`. The cameras are linearised about a given track, so
that one pass is exactly linear and the passes can be iterated. Importing this module imports numba.

References
----------
Bar-Shalom, Li & Kirubarajan, "Estimation with Applications to Tracking and Navigation", 2001, 6.2
(process model). Bryson & Frazier 1963; Durbin & Koopman, "Time Series Analysis by State Space
Methods", 2nd ed., 2012, 4.4 and 4.5 (smoother in adjoint form).
"""

from __future__ import annotations

import math
from typing import Any

import numba

from napari_pose3d.core.cameras.projection import project

from .small_matrices import (
    Symmetric,
    Vector,
    added,
    added_upper,
    between,
    divided,
    dot,
    factored,
    full,
    lower_transposed,
    matrix,
    positive,
    scaled,
    scaled_upper,
    solved_lower,
    solved_upper,
    store,
    symmetric,
    times,
    times_upper,
    times_vector,
    transposed,
    upper,
    with_diagonal,
    with_diagonal_upper,
)

_jit = numba.njit(cache=True, nogil=True, error_model="numpy")
_inline = numba.njit(cache=True, nogil=True, error_model="numpy", forceinline=True)

_LOG_2PI = math.log(2.0 * math.pi)
# Numbers that the filter keeps per frame, and that the smoother carries from frame to frame.
N_KEPT, N_ADJOINT = 18, 63


@_jit
def linearise(cams: Any, track: Any, pixels: Any, jacobian: Any) -> None:
    """Projection of ``track (frame, 3)`` and its derivative; NaN where a camera cannot see it.

    ``pixels (frame, view, 2)``, ``jacobian (frame, view, 2, 3)``.
    """
    for t in range(track.shape[0]):
        X, Y, Z = track[t, 0], track[t, 1], track[t, 2]
        for c in range(cams.shape[0]):
            _, u, v, ux, uy, uz, vx, vy, vz = project(cams[c], X, Y, Z)
            pixels[t, c, 0], pixels[t, c, 1] = u, v
            d = jacobian[t, c]
            d[0, 0], d[0, 1], d[0, 2] = ux, uy, uz
            d[1, 0], d[1, 1], d[1, 2] = vx, vy, vz


@_jit
def gather(y: Any, variance: Any, pixels: Any, jacobian: Any, information: Any) -> None:
    """Information vector and matrix of each frame's position, from all its observations.

    With the Jacobian H of the linearised cameras and the residual e at the point of linearisation,
    these are ``b = H^T R^-1 e`` and ``A = H^T R^-1 H``: the cost of the filter per frame does not
    depend on the number of views.

    Parameters
    ----------
    y : (frame, view, 2)
        Observations in px.
    variance : (frame, view)
        Their variance in px^2; NaN or infinite: not used.
    pixels, jacobian :
        As `linearise` left them.
    information : (frame, 10)
        Becomes A (xx, xy, xz, yy, yz, zz), b, and ``e^T R^-1 e + log det(2 pi R)``.
    """
    for t in range(y.shape[0]):
        for i in range(10):
            information[t, i] = 0.0
        for c in range(y.shape[1]):
            r = variance[t, c]
            if not (math.isfinite(r) and math.isfinite(y[t, c, 0] + pixels[t, c, 0])):
                continue
            w = 1.0 / r
            information[t, 9] += 2.0 * (_LOG_2PI + math.log(r))
            for row in range(2):
                e = y[t, c, row] - pixels[t, c, row]
                h0, h1, h2 = jacobian[t, c, row, 0], jacobian[t, c, row, 1], jacobian[t, c, row, 2]
                w0, w1, w2 = w * h0, w * h1, w * h2
                information[t, 0] += w0 * h0
                information[t, 1] += w0 * h1
                information[t, 2] += w0 * h2
                information[t, 3] += w1 * h1
                information[t, 4] += w1 * h2
                information[t, 5] += w2 * h2
                information[t, 6] += w0 * e
                information[t, 7] += w1 * e
                information[t, 8] += w2 * e
                information[t, 9] += w * e * e


@_inline
def _updated(information: Any, track: Any, mean: Vector, P: Symmetric) -> tuple[Any, ...]:
    """Measurement update of a frame's predicted position, ``mean`` and ``P``.

    With ``P = L D L^T`` everything follows from ``M = D^-1 + L^T A L``, a sum of positive parts:
    nothing is subtracted from P, which after a long gap would lose all digits.

    Returns
    -------
    g, Pf : Vector, Symmetric
        The mean moves by ``Pf g``; the filtered covariance, ``L M^-1 L^T``.
    C : Matrix
        ``(I + A P)^-1 = P^-1 Pf``.
    factors : Factors
        L and D.
    squared, grown : float
        Twice the frame's negative log-likelihood is ``squared + log(grown)``;
        ``det S = det R det(D M)``, the latter being ``grown``, at least 1.
    """
    A = symmetric(information, 0)
    L = factored(P)
    if not A[0] + A[3] + A[5] > 0.0:
        identity = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
        return (0.0, 0.0, 0.0), P, identity, L, 0.0, 1.0
    M = between(L, A)
    R = factored((M[0] + L[6], M[1], M[2], M[3] + L[7], M[4], M[5] + L[8]))
    half = solved_lower(R, lower_transposed(L))
    Pf = times_upper(transposed(half), divided(R, half))
    C = solved_upper(L, solved_upper(R, half))
    d = mean[0] - track[0], mean[1] - track[1], mean[2] - track[2]
    Ad = times_vector(full(A), d)
    b = information[6], information[7], information[8]
    g = b[0] - Ad[0], b[1] - Ad[1], b[2] - Ad[2]
    squared = information[9] - dot(d, b) - dot(d, g) - dot(g, times_vector(full(Pf), g))
    return g, Pf, C, L, squared, (L[3] * R[3]) * (L[4] * R[4]) * (L[5] * R[5])


@_jit
def forward(
    information: Any,
    track: Any,
    mean: Any,
    cov: Any,
    begin: bool,
    steps: Any,
    q: float,
    bursts: Any,
    kept: Any,
) -> float:
    """Filter some frames in a row; returns their negative log-likelihood.

    Parameters
    ----------
    information : (frame, 10)
        From `gather`.
    track : (frame, 3)
        Where the cameras were linearised.
    mean, cov : (6,), (6, 6)
        Moments of the frame before; become those of the last frame.
    begin : bool
        Whether they are the prior of the first frame itself.
    steps : (frame or 1, 5)
        From `motion.motion_steps`: of the step that leads to frame t, or of all of them.
    bursts : (frame,)
        ``z_t`` of the step that leads to frame t.
    kept : (frame, N_KEPT)
        Filled with what `backward` needs of each frame's prediction, unless it holds no frame: the
        position's mean, its covariance, and that with the step.
    """
    keep = kept.shape[0] > 0
    x = mean[0], mean[1], mean[2]
    step = mean[3], mean[4], mean[5]
    xx = cov[0, 0], cov[0, 1], cov[0, 2], cov[1, 1], cov[1, 2], cov[2, 2]
    uu = cov[3, 3], cov[3, 4], cov[3, 5], cov[4, 4], cov[4, 5], cov[5, 5]
    xu = (
        cov[0, 3],
        cov[0, 4],
        cov[0, 5],
        cov[1, 3],
        cov[1, 4],
        cov[1, 5],
        cov[2, 3],
        cov[2, 4],
        cov[2, 5],
    )
    # Of the determinants the logarithm of their product is taken before it overflows.
    distance, product = 0.0, 1.0
    steady = steps.shape[0] == 1
    for t in range(information.shape[0]):
        if t > 0 or not begin:
            noise = q * bursts[t]
            i = 0 if steady else t
            rho, reach, q11, q12, q22 = (
                steps[i, 0],
                steps[i, 1],
                steps[i, 2] * noise,
                steps[i, 3] * noise,
                steps[i, 4] * noise,
            )
            x = x[0] + reach * step[0], x[1] + reach * step[1], x[2] + reach * step[2]
            step = rho * step[0], rho * step[1], rho * step[2]
            both = added_upper(upper(xu), upper(transposed(xu)))
            moved_upper = added_upper(scaled_upper(reach, both), scaled_upper(reach * reach, uu))
            xx = with_diagonal_upper(added_upper(xx, moved_upper), q11)
            xu = with_diagonal(scaled(rho, added(xu, scaled(reach, full(uu)))), q12)
            uu = with_diagonal_upper(scaled_upper(rho * rho, uu), q22)
        if keep:
            store(x, kept[t], 0)
            store(xx, kept[t], 3)
            store(xu, kept[t], 9)
        g, filtered, _, L, squared, grown = _updated(information[t], track[t], x, xx)
        distance += squared
        product *= grown
        if product > 1e50:
            distance += math.log(product)
            product = 1.0
        # The step follows the position: K = P_ux P^-1, and what is left of it does not change.
        Kt = solved_upper(L, solved_lower(L, xu))
        rest = added_upper(uu, scaled_upper(-1.0, times_upper(transposed(Kt), xu)))
        moved = times_vector(full(filtered), g)
        x = x[0] + moved[0], x[1] + moved[1], x[2] + moved[2]
        moved = times_vector(transposed(Kt), moved)
        step = step[0] + moved[0], step[1] + moved[1], step[2] + moved[2]
        xx = filtered
        xu = times(full(xx), Kt)
        uu = added_upper(rest, times_upper(transposed(Kt), xu))
    store(x, mean, 0)
    store(step, mean, 3)
    xx9, uu9 = full(xx), full(uu)
    for i in range(3):
        for j in range(3):
            cov[i, j] = xx9[3 * i + j]
            cov[3 + i, 3 + j] = uu9[3 * i + j]
            cov[i, 3 + j] = cov[3 + j, i] = xu[3 * i + j]
    return 0.5 * (distance + math.log(product))


@_jit
def backward(
    information: Any,
    track: Any,
    kept: Any,
    steps: Any,
    q: float,
    bursts: Any,
    adjoint: Any,
    xyz: Any,
    covs: Any,
    activity: Any,
    ahead: Any,
) -> None:
    """Smooth some frames in a row, from what `forward` kept of them.

    In adjoint form (see the references of this module): r and N accumulate the information of
    later frames, and with the filtered m and P ``x = m + P r``, ``V = P - P N P``;
    ``n_t = Q r``. No 6 x 6 matrix is solved.

    Parameters
    ----------
    information, track, kept, steps, q, bursts
        As `forward` had and left them.
    adjoint : (N_ADJOINT,)
        r and N of the frame behind the last one, carried to it: zero behind the end. Become those
        that are carried to the frame before the first.
    xyz, covs : (frame, 3), (frame, 3, 3)
        Filled with the smoothed position.
    activity : (frame,)
        Becomes ``E[n_t^T Q0^-1 n_t] / q``, the squared size of the step that led to frame t in
        units of its expected size at ``z_t = 1``; 6 on average where the model is right.
        Undefined for the recording's first frame.
    ahead : (frame, 2, 3, 3)
        Filled with the smoothed covariance of the position with those one and two frames later,
        unless it holds no frame; undefined where there is no such frame.

    Notes
    -----
    The covariance of frames t < j is ``P_t L_t^T ... L_{j-1}^T (I - N_j P_j)``, with the predicted
    covariances P, what leads from one prediction's error to the next one's, L, and N at the
    prediction of j (Durbin & Koopman, 4.7).
    """
    keep = ahead.shape[0] > 0
    # (I - N P) of a frame's position, upper and lower half, carried to the frame at hand: of the
    # frame behind it, and of the one behind that.
    one_x, one_u = matrix(adjoint, 27), matrix(adjoint, 36)
    two_x, two_u = matrix(adjoint, 45), matrix(adjoint, 54)
    rx, ru = (adjoint[0], adjoint[1], adjoint[2]), (adjoint[3], adjoint[4], adjoint[5])
    xx, xu, uu = symmetric(adjoint, 6), matrix(adjoint, 12), symmetric(adjoint, 21)
    steady = steps.shape[0] == 1
    for t in range(information.shape[0] - 1, -1, -1):
        m = kept[t, 0], kept[t, 1], kept[t, 2]
        P = symmetric(kept[t], 3)
        Pxu = matrix(kept[t], 9)
        Pux = transposed(Pxu)
        g, filtered, C, _, _, _ = _updated(information[t], track[t], m, P)
        # The position from the filtered moments: where the prediction is wide open, as in the first
        # frame, its own would lose all digits.
        Pf, Pfux = full(filtered), times(Pux, C)
        Pfxu = transposed(Pfux)
        a, b, d = times_vector(Pf, g), times_vector(Pf, rx), times_vector(Pfxu, ru)
        xyz[t, 0] = m[0] + a[0] + b[0] + d[0]
        xyz[t, 1] = m[1] + a[1] + b[1] + d[1]
        xyz[t, 2] = m[2] + a[2] + b[2] + d[2]
        first = added(times(full(xx), Pf), times(xu, Pfux))
        second = added(times(transposed(xu), Pf), times(full(uu), Pfux))
        gone = added_upper(times_upper(Pf, first), times_upper(Pfxu, second))
        smoothed = added_upper(filtered, scaled_upper(-1.0, gone))
        # Later information only narrows it: where that is lost in rounding, as in a gap of many
        # thousand frames, the filtered covariance is an upper bound.
        V = full(smoothed if positive(smoothed) else filtered)
        for i in range(3):
            for j in range(3):
                covs[t, i, j] = V[3 * i + j]

        # Through the update, L = [[C^T, 0], [-G, 1]]: r = L^T r + (u, 0), N = L^T N L + (W, 0).
        W = times_upper(C, full(symmetric(information[t], 0)))
        u = times_vector(C, g)
        G = times(Pux, full(W))
        Gt, Ct = transposed(G), transposed(C)
        a, b = times_vector(C, rx), times_vector(Gt, ru)
        rx = u[0] + a[0] - b[0], u[1] + a[1] - b[1], u[2] + a[2] - b[2]
        upper_left = added(times(full(xx), Ct), scaled(-1.0, times(xu, G)))
        ux = added(times(transposed(xu), Ct), scaled(-1.0, times(full(uu), G)))
        xx = added_upper(
            W, added_upper(times_upper(C, upper_left), scaled_upper(-1.0, times_upper(Gt, ux)))
        )
        xu = transposed(ux)

        if keep:
            # Through the update of this frame, L^T = [[C, -G^T], [0, 1]].
            one_x = added(times(C, one_x), scaled(-1.0, times(Gt, one_u)))
            two_x = added(times(C, two_x), scaled(-1.0, times(Gt, two_u)))
            near = added(times(full(P), one_x), times(Pxu, one_u))
            across = added(times(full(P), two_x), times(Pxu, two_u))
            for i in range(3):
                for j in range(3):
                    ahead[t, 0, i, j] = near[3 * i + j]
                    ahead[t, 1, i, j] = across[3 * i + j]
            two_x, two_u = one_x, one_u
            one_x = with_diagonal(
                scaled(-1.0, added(times(full(xx), full(P)), times(xu, Pux))), 1.0
            )
            one_u = scaled(-1.0, added(times(ux, full(P)), times(full(uu), Pux)))

        # Q0 = [[q11, q12], [q12, q22]] (x) I
        z, i = bursts[t], 0 if steady else t
        rho, reach, q11, q12, q22 = steps[i, 0], steps[i, 1], steps[i, 2], steps[i, 3], steps[i, 4]
        traces = (
            q11 * (xx[0] + xx[3] + xx[5])
            + 2.0 * q12 * (ux[0] + ux[4] + ux[8])
            + q22 * (uu[0] + uu[3] + uu[5])
        )
        squares = q11 * dot(rx, rx) + 2.0 * q12 * dot(rx, ru) + q22 * dot(ru, ru)
        activity[t] = z * (6.0 + q * z * (squares - traces))

        # To the frame before, F = [[1, reach], [0, rho]]: F^T r, F^T N F.
        ru = (
            reach * rx[0] + rho * ru[0],
            reach * rx[1] + rho * ru[1],
            reach * rx[2] + rho * ru[2],
        )
        both = added_upper(upper(xu), upper(ux))
        uu = added_upper(
            scaled_upper(reach * reach, xx),
            added_upper(scaled_upper(reach * rho, both), scaled_upper(rho * rho, uu)),
        )
        xu = added(scaled(reach, full(xx)), scaled(rho, xu))
        if keep:
            one_u = added(scaled(reach, one_x), scaled(rho, one_u))
            two_u = added(scaled(reach, two_x), scaled(rho, two_u))
    store(rx, adjoint, 0)
    store(ru, adjoint, 3)
    store(xx, adjoint, 6)
    store(xu, adjoint, 12)
    store(uu, adjoint, 21)
    store(one_x, adjoint, 27)
    store(one_u, adjoint, 36)
    store(two_x, adjoint, 45)
    store(two_u, adjoint, 54)
