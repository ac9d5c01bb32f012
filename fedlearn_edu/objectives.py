"""Objectives whose answer is known: N quadratic participants with a closed-form optimum."""

from dataclasses import dataclass, field

import numpy as np

from .aggregation import (
    normalised_weights,
    sample_weights,
)
from .checks import real_array, real_number, whole_number

REGIMES = ("one step", "converging", "slow", "oscillating", "edge", "diverging")


@dataclass(frozen=True, eq=False, repr=False)
class Quadratics:
    """N participants, each with the loss f_i(θ) = ½ (θ − θ_i*)ᵀ H_i (θ − θ_i*).

    Parameters
    ----------
    curvatures : array_like, shape (N,), (N, d) or (N, d, d)
        H_i, symmetric positive definite: one number for all directions, one a coordinate, or
        the whole matrix.  Kept as (N, d, d).
    optima : array_like, shape (N, d)
        θ_i*, each participant's own optimum.
    counts : array_like, shape (N,), optional
        n_i, examples of each participant; 1 each if left out.

    Attributes
    ----------
    participants, dimension : int
        N and d.
    weights : ndarray, shape (N,)
        w_i = n_i / Σ n.  The pooled loss is Σ w_i f_i.
    axis_curvatures : ndarray, shape (N, d)
        Eigenvalues of each H_i, ascending.
    axes : ndarray, shape (N, d, d)
        Its eigenvectors, in columns.

    Raises
    ------
    ValueError
        If shapes do not fit, a matrix is not symmetric positive definite, or a value is NaN
        or infinite.
    TypeError
        If the input is not real numbers.

    Notes
    -----
    Wherever a method takes `weights`, None stands for w_i = n_i / Σ n; others are normalised
    by their sum.  Pooled loss: McMahan et al. 2017, arXiv 1602.05629, equation 1.

    Examples
    --------
    >>> problem = Quadratics([1, 3], [[0, 0], [4, 0]])
    >>> problem
    Quadratics(participants=2, dimension=2)
    >>> problem.optimum()
    array([3., 0.])
    """

    curvatures: np.ndarray
    optima: np.ndarray
    counts: np.ndarray | None = None
    weights: np.ndarray = field(init=False)
    axis_curvatures: np.ndarray = field(init=False)
    axes: np.ndarray = field(init=False)

    def __post_init__(self):
        optima = np.array(real_array(self.optima, "optima", "participant"), dtype=np.float64)
        if optima.ndim != 2:
            raise ValueError(f"optima has shape {optima.shape}; expected (N, d)")
        hessians = _hessians(self.curvatures, *optima.shape)
        counts = _counts(self.counts, len(optima))
        values, vectors = np.linalg.eigh(hessians)
        least = len(hessians[0]) * np.finfo(np.float64).eps * values[:, -1]
        if (values[:, 0] <= np.maximum(least, 0)).any():
            worst = int(np.argmin(values[:, 0] - least))
            raise ValueError(
                f"curvatures[{worst}] has the eigenvalue {values[worst, 0]:.6g}; "
                "expected > 0, and not 0 to rounding"
            )
        for name, array in {
            "curvatures": hessians,
            "optima": optima,
            "counts": counts,
            "weights": sample_weights(counts),
            "axis_curvatures": values,
            "axes": vectors,
        }.items():
            array.flags.writeable = False
            object.__setattr__(self, name, array)

    def __repr__(self):
        return f"Quadratics(participants={self.participants}, dimension={self.dimension})"

    @property
    def participants(self):
        """Number of participants, N."""
        return self.optima.shape[0]

    @property
    def dimension(self):
        """Number of parameters, d."""
        return self.optima.shape[1]

    def weights_or(self, weights):
        """Return the weights normalised by their sum, or w_i = n_i / Σ n for None.

        Parameters
        ----------
        weights : array_like, shape (N,), or None
            w_i ≥ 0 in any unit.

        Returns
        -------
        ndarray, shape (N,)

        Raises
        ------
        ValueError, TypeError
            As `weighted_mean`.

        Examples
        --------
        >>> Quadratics([1, 3], [[0, 0], [4, 0]], counts=[1, 4]).weights_or(None)
        array([0.2, 0.8])
        """
        if weights is None:
            return self.weights
        return normalised_weights(weights, self.participants, "the problem")

    def local_losses(self, theta):
        """Return f_i(θ) of every participant.

        Parameters
        ----------
        theta : array_like, shape (d,) or (..., d)
            θ; leading axes, such as the rounds of a history, are kept.

        Returns
        -------
        ndarray, shape (N,) or (..., N)

        Raises
        ------
        ValueError, TypeError
            If the shape does not fit or a value is not a finite real number.

        Examples
        --------
        >>> Quadratics([1, 3], [[0, 0], [4, 0]]).local_losses([1, 0])
        array([ 0.5, 13.5])
        """
        offset = self._theta(theta)[..., None, :] - self.optima
        return 0.5 * (offset * np.einsum("nij,...nj->...ni", self.curvatures, offset)).sum(axis=-1)

    def gradients(self, theta):
        """Return g_i = H_i (θ − θ_i*) of every participant.

        Parameters
        ----------
        theta : array_like, shape (d,) or (N, d)
            θ, the same for all, or one θ_i for each participant.

        Returns
        -------
        ndarray, shape (N, d)

        Raises
        ------
        ValueError, TypeError
            If the shape does not fit or a value is not a finite real number.

        Examples
        --------
        >>> Quadratics([1, 3], [[0, 0], [4, 0]]).gradients([1, 0])
        array([[ 1.,  0.],
               [-9.,  0.]])
        """
        theta = self._theta(theta)
        if theta.ndim > 1 and theta.shape != self.optima.shape:
            raise ValueError(
                f"theta has shape {theta.shape}; "
                f"expected ({self.dimension},) or {self.optima.shape}"
            )
        return (self.curvatures @ (theta - self.optima)[..., None])[..., 0]

    def loss(self, theta, weights=None):
        """Return the pooled loss Σ w_i f_i(θ).

        Parameters
        ----------
        theta : array_like, shape (d,) or (..., d)
            θ; leading axes are kept.
        weights : array_like, shape (N,), optional
            w_i.

        Returns
        -------
        float or ndarray, shape (...)

        Raises
        ------
        ValueError, TypeError
            If a shape does not fit or a value is not a finite real number.

        Examples
        --------
        >>> Quadratics([1, 3], [[0, 0], [4, 0]]).loss([3, 0])
        3.0
        """
        losses = self.local_losses(theta) @ self.weights_or(weights)
        return float(losses) if losses.ndim == 0 else losses

    def gradient(self, theta, weights=None):
        """Return the gradient of the pooled loss, Σ w_i g_i.

        Parameters
        ----------
        theta : array_like, shape (d,)
            θ.
        weights : array_like, shape (N,), optional
            w_i.

        Returns
        -------
        ndarray, shape (d,)

        Raises
        ------
        ValueError, TypeError
            If a shape does not fit or a value is not a finite real number.

        Examples
        --------
        >>> Quadratics([1, 3], [[0, 0], [4, 0]]).gradient([1, 0])
        array([-4.,  0.])
        """
        return self.weights_or(weights) @ self.gradients(theta)

    def curvature(self, weights=None):
        """Return the Hessian of the pooled loss, Σ w_i H_i.

        Parameters
        ----------
        weights : array_like, shape (N,), optional
            w_i.

        Returns
        -------
        ndarray, shape (d, d)

        Raises
        ------
        ValueError, TypeError
            If the weights do not fit.

        Examples
        --------
        >>> Quadratics([1, 3], [[0, 0], [4, 0]]).curvature()
        array([[2., 0.],
               [0., 2.]])
        """
        return np.tensordot(self.weights_or(weights), self.curvatures, axes=1)

    def eigenvalues(self, weights=None):
        """Return the curvatures h of the pooled loss along its principal axes, ascending.

        Parameters
        ----------
        weights : array_like, shape (N,), optional
            w_i.

        Returns
        -------
        ndarray, shape (d,)

        Raises
        ------
        ValueError, TypeError
            If the weights do not fit.

        Examples
        --------
        >>> Quadratics([[1, 4], [3, 4]], [[0, 0], [4, 0]]).eigenvalues()
        array([2., 4.])
        """
        return np.linalg.eigvalsh(self.curvature(weights))

    def optimum(self, weights=None):
        """Return the exact minimiser of the pooled loss, (Σ w_i H_i)⁻¹ Σ w_i H_i θ_i*.

        Parameters
        ----------
        weights : array_like, shape (N,), optional
            w_i.

        Returns
        -------
        ndarray, shape (d,)

        Raises
        ------
        ValueError, TypeError
            If the weights do not fit.

        Examples
        --------
        >>> Quadratics([1, 1], [[0, 0], [4, 0]], counts=[3, 1]).optimum()
        array([1., 0.])
        """
        w = self.weights_or(weights)
        pull = w @ (self.curvatures @ self.optima[..., None])[..., 0]
        return np.linalg.solve(np.tensordot(w, self.curvatures, axes=1), pull)

    def step_multipliers(self, alpha, scale=1.0, weights=None):
        """Return the signed factors 1 − αλh of the error along the principal axes.

        Parameters
        ----------
        alpha : float
            Learning rate α ≥ 0.
        scale : float
            λ ≥ 0, the effective scale of the step (`effective_scale`).
        weights : array_like, shape (N,), optional
            w_i.

        Returns
        -------
        ndarray, shape (d,)
            In the order of `eigenvalues`; `regime` names what they mean.

        Raises
        ------
        ValueError, TypeError
            If α or λ is negative or not finite, or the weights do not fit.

        Notes
        -----
        One step of gradient descent on a quadratic multiplies the error along an axis of
        curvature h by 1 − αλh: Nocedal and Wright, Numerical Optimization, section 3.3.

        Examples
        --------
        >>> Quadratics([[1, 4], [1, 4]], [[0, 0], [4, 0]]).step_multipliers(0.5)
        array([ 0.5, -1. ])
        """
        rate = real_number(alpha, "alpha", least=0) * real_number(scale, "scale", least=0)
        return 1 - rate * self.eigenvalues(weights)

    def step_factor(self, alpha, scale=1.0, weights=None):
        """Return |1 − αλh| for each axis, ascending; the last governs the convergence.

        Parameters
        ----------
        alpha, scale, weights
            As in `step_multipliers`.

        Returns
        -------
        ndarray, shape (d,)

        Raises
        ------
        ValueError, TypeError
            As `step_multipliers`.

        Examples
        --------
        >>> Quadratics([[1, 4], [1, 4]], [[0, 0], [4, 0]]).step_factor(0.5)
        array([0.5, 1. ])
        """
        return np.sort(np.abs(self.step_multipliers(alpha, scale, weights)))

    def fedavg_multipliers(self, alpha, local_steps, scale=1.0, weights=None, mu=0.0):
        """Return the signed factors of the error in one round of FedAvg, with μ > 0 of FedProx.

        Parameters
        ----------
        alpha : float
            Learning rate α > 0 of the local steps.
        local_steps : int
            E ≥ 1, full-batch gradient steps in a round.
        scale : float
            λ ≥ 0, the effective scale of the server's step.
        weights : array_like, shape (N,), optional
            w_i.
        mu : float
            μ ≥ 0 of FedProx.

        Returns
        -------
        ndarray, shape (d,)
            Eigenvalues of I − λ Σ w_i A_i, descending, with A_i as in `fedavg_fixed_point`; with
            E = 1 they are the step multipliers, whatever μ is.

        Raises
        ------
        ValueError, TypeError
            If an argument is out of its range or the powers overflow.

        Examples
        --------
        >>> Quadratics([1, 1], [[0, 0], [4, 0]]).fedavg_multipliers(0.5, local_steps=2)
        array([0.25, 0.25])
        """
        scale = real_number(scale, "scale", least=0)
        progress = self._progress(alpha, local_steps, mu)
        total = np.tensordot(self.weights_or(weights), progress, axes=1)
        return 1 - scale * np.linalg.eigvalsh(total)

    def fedavg_factor(self, alpha, local_steps, scale=1.0, weights=None, mu=0.0):
        """Return the spectral radius of one round of FedAvg or FedProx, max |eigenvalue|.

        Parameters
        ----------
        alpha, local_steps, scale, weights, mu
            As in `fedavg_multipliers`.

        Returns
        -------
        float
            The distance to the fixed point shrinks by this factor a round (below 1), or
            grows (above 1).

        Raises
        ------
        ValueError, TypeError
            As `fedavg_multipliers`.

        Examples
        --------
        >>> Quadratics([1, 1], [[0, 0], [4, 0]]).fedavg_factor(0.5, local_steps=2)
        0.25
        """
        return float(np.abs(self.fedavg_multipliers(alpha, local_steps, scale, weights, mu)).max())

    def fedavg_fixed_point(self, alpha, local_steps, weights=None, mu=0.0):
        """Return the point at which FedAvg, with μ > 0 FedProx, comes to rest.

        Parameters
        ----------
        alpha : float
            Learning rate α > 0 of the local steps.
        local_steps : int
            E ≥ 1; with E = 1 the fixed point is the optimum.
        weights : array_like, shape (N,), optional
            w_i.
        mu : float
            μ ≥ 0 of FedProx; the larger, the nearer to the optimum, as long as the local steps
            converge, α (‖H_i‖ + μ) < 1.

        Returns
        -------
        ndarray, shape (d,)
            (Σ w_i A_i)⁻¹ Σ w_i A_i θ_i* with A_i = H_i K_i⁻¹ (I − (I − α K_i)^E) and
            K_i = H_i + μ I; without μ that is A_i = I − (I − α H_i)^E.

        Raises
        ------
        ValueError, TypeError
            If an argument is out of its range, the powers overflow, or Σ w_i A_i is singular,
            so that there is no single fixed point.

        Notes
        -----
        Set Σ w_i (θ_i^E − θ) = 0, with θ_i^E − θ = −A_i (θ − θ_i*): a local step is one of
        gradient descent on f_i + (μ/2)‖θ_i − θ‖², whose optimum is θ − H_i K_i⁻¹ (θ − θ_i*).  The
        same argument, for E local steps: Pathak and Wainwright 2020, arXiv 2005.05238, section 3;
        Charles and Konečný 2021, arXiv 2103.05032.  Proximal term: Li et al. 2020,
        arXiv 1812.06127, algorithm 2.  Without μ, with α ‖H_i‖ < 2 and E → ∞ it is Σ w_i θ_i*,
        whatever the curvatures are; where all H_i are equal it is the optimum for every E.

        Examples
        --------
        >>> problem = Quadratics([1, 3], [[0, 0], [4, 0]])
        >>> problem.fedavg_fixed_point(0.1, local_steps=1)
        array([3., 0.])
        >>> problem.fedavg_fixed_point(0.1, local_steps=20).round(4)
        array([2.1287, 0.    ])
        >>> problem.fedavg_fixed_point(0.1, local_steps=20, mu=3).round(4)
        array([2.6667, 0.    ])
        """
        w = self.weights_or(weights)
        progress = self._progress(alpha, local_steps, mu)
        total = np.tensordot(w, progress, axes=1)
        if _singular(total):
            raise ValueError(
                f"FedAvg has no single fixed point at alpha {alpha}, local_steps {local_steps}: "
                "along some direction the local steps cancel, or do next to nothing"
            )
        return np.linalg.solve(total, w @ (progress @ self.optima[..., None])[..., 0])

    def fedavg_fixed_points(self, alpha, most_steps, weights=None, mu=0.0):
        """Return the fixed points of FedAvg or FedProx for E = 1, 2, … local steps.

        Parameters
        ----------
        alpha, weights, mu
            As in `fedavg_fixed_point`.
        most_steps : int
            The largest E, ≥ 1.

        Returns
        -------
        ndarray, shape (most_steps, d)
            Row E − 1 is that for E local steps; NaN where there is no single one.

        Raises
        ------
        ValueError, TypeError
            If an argument is out of its range.

        Examples
        --------
        >>> problem = Quadratics([1, 3], [[0, 0], [4, 0]])
        >>> problem.fedavg_fixed_points(0.1, 20)[[0, 19]].round(4)
        array([[3.    , 0.    ],
               [2.1287, 0.    ]])
        """
        w = self.weights_or(weights)
        most_steps = whole_number(most_steps, "most_steps", 1)
        done = self._done(alpha, np.arange(1, most_steps + 1)[:, None, None], mu)
        along = np.einsum("n,nij,nkj->njik", w, self.axes, self.axes)
        target = np.einsum("njik,nk->nji", along, self.optima)
        with np.errstate(over="ignore", invalid="ignore"):
            total, moved = np.tensordot(done, along, axes=2), np.tensordot(done, target, axes=2)
        ends = np.full((most_steps, self.dimension), np.nan)
        there = np.isfinite(done).all(axis=(1, 2)) & np.isfinite(total).all(axis=(1, 2))
        there[there] = ~_singular(total[there])
        ends[there] = np.linalg.solve(total[there], moved[there][..., None])[..., 0]
        return ends

    def scaffold_factor(self, alpha, local_steps, weights=None):
        """Return the spectral radius of one round of SCAFFOLD in which everybody takes part.

        Parameters
        ----------
        alpha : float
            Learning rate α > 0 of the local steps.
        local_steps : int
            E ≥ 1.
        weights : array_like, shape (N,), optional
            w_i.

        Returns
        -------
        float
            Below 1, the rounds end at the optimum, and in the long run the error shrinks by this
            factor a round; above 1 it grows.

        Raises
        ------
        ValueError, TypeError
            If an argument is out of its range or the powers overflow.

        Notes
        -----
        Karimireddy et al. 2020, arXiv 1910.06378, algorithm 1, option II, is linear in the errors
        δ = θ − θ* and γ_i = c_i − H_i (θ* − θ_i*).  With A_i as in `fedavg_fixed_point` and
        γ = Σ w_i γ_i, a participant's step is −A_i δ − A_i H_i⁻¹ (γ − γ_i).  Everything then is in
        one matrix of (N + 1)d rows.  Where all H_i = h I and N > 1 it is the larger of
        |1 − αh|^E and 1 − (1 − (1 − αh)^E)/(αhE): for large E the control variates lag behind.

        Examples
        --------
        >>> problem = Quadratics([1, 3], [[0, 0], [4, 0]])
        >>> round(problem.scaffold_factor(0.1, local_steps=5), 4)
        0.383
        """
        w, n, d = self.weights_or(weights), self.participants, self.dimension
        by_theta = self._progress(alpha, local_steps)
        by_control = by_theta @ np.linalg.inv(self.curvatures)
        mean_less_own = w - np.eye(n)  # times the γ_j: γ − γ_i, a row for each i
        step = np.einsum("nm,nij->nimj", mean_less_own, by_control)
        kept = step / (alpha * local_steps) - np.einsum("nm,ij->nimj", mean_less_own, np.eye(d))
        matrix = np.empty((d + n * d, d + n * d))
        matrix[:d, :d] = np.eye(d) - np.tensordot(w, by_theta, axes=1)
        matrix[:d, d:] = -np.tensordot(w, step, axes=1).reshape(d, n * d)
        matrix[d:, :d] = by_theta.reshape(n * d, d) / (alpha * local_steps)
        matrix[d:, d:] = kept.reshape(n * d, n * d)
        return float(np.abs(np.linalg.eigvals(matrix)).max())

    def loss_grid(self, x, y, weights=None):
        """Return the pooled loss over a plane, for contours; d = 2.

        Parameters
        ----------
        x : array_like, shape (n,)
            First coordinate of θ.
        y : array_like, shape (m,)
            Second coordinate of θ.
        weights : array_like, shape (N,), optional
            w_i.

        Returns
        -------
        ndarray, shape (m, n)
            Entry [j, i] is the loss at (x[i], y[j]).

        Raises
        ------
        ValueError, TypeError
            If d is not 2, or a shape does not fit.

        Examples
        --------
        >>> Quadratics([1, 3], [[0, 0], [4, 0]]).loss_grid([3, 4], [0, 1])
        array([[3., 4.],
               [4., 5.]])
        """
        if self.dimension != 2:
            raise ValueError(f"the problem has {self.dimension} dimensions; loss_grid needs 2")
        centre = self.optimum(weights)
        (a, b), (_, c) = self.curvature(weights)
        dx = _axis(x, "x") - centre[0]
        dy = (_axis(y, "y") - centre[1])[:, None]
        return 0.5 * (a * dx * dx + c * dy * dy) + (b * dx) * dy + self.loss(centre, weights)

    def _theta(self, theta):
        theta = real_array(theta, "theta").astype(np.float64, copy=False)
        if theta.ndim == 0 or theta.shape[-1] != self.dimension:
            raise ValueError(f"theta has shape {theta.shape}; expected (..., {self.dimension})")
        return theta

    def _progress(self, alpha, local_steps, mu=0.0):
        """Return A_i = H_i K_i⁻¹ (I − (I − α K_i)^E) with K_i = H_i + μ I, shape (N, d, d)."""
        alpha = real_number(alpha, "alpha", above=0)
        done = self._done(alpha, whole_number(local_steps, "local_steps", 1), mu)
        with np.errstate(over="ignore", invalid="ignore"):
            progress = (self.axes * done[:, None, :]) @ self.axes.transpose(0, 2, 1)
        if not np.isfinite(progress).all():
            raise ValueError(f"{local_steps} local steps with alpha {alpha} overflow float64")
        return progress

    def _done(self, alpha, local_steps, mu):
        """Return the eigenvalues of A_i, shape (…, N, d) for local_steps of shape (…, 1, 1)."""
        alpha = real_number(alpha, "alpha", above=0)
        held = self.axis_curvatures + real_number(mu, "mu", least=0)
        with np.errstate(over="ignore", invalid="ignore"):
            done = 1 - (1 - alpha * held) ** local_steps
            small = alpha * held < 0.5  # there the difference from 1 would lose its digits
            exact = -np.expm1(local_steps * np.log1p(-np.where(small, alpha * held, 0)))
            return self.axis_curvatures / held * np.where(small, exact, done)


def _singular(matrices):
    """Return which symmetric matrices, shape (…, d, d), are singular to rounding."""
    sizes = np.abs(np.linalg.eigvalsh(matrices))
    return sizes.min(axis=-1) <= 1e-12 * sizes.max(axis=-1)


def regime(multipliers):
    """Return the name of what repeated steps with these signed error factors do.

    Parameters
    ----------
    multipliers : float or array_like, shape (d,)
        Signed factors, such as 1 − αλh; the one largest in size governs (a negative one if
        two are equally large, within 1e-9).

    Returns
    -------
    str
        With m the governing factor, the first that holds:
        "edge" if |m + 1| ≤ 1e-9;
        "diverging" if |m| > 1 + 1e-9;
        "one step" if |m| ≤ 0.01, at least 99 % of the error gone in one round;
        "oscillating" if m < 0;
        "slow" if m ≥ 0.9, seven rounds or more to halve the error (m = 1: no movement);
        "converging" otherwise.

    Raises
    ------
    ValueError, TypeError
        If the factors are not finite real numbers.

    Examples
    --------
    >>> [regime(m) for m in (0.0, 0.5, 0.95, -0.5, -1.0, -1.5)]
    ['one step', 'converging', 'slow', 'oscillating', 'edge', 'diverging']
    """
    factors = real_array(multipliers, "multipliers").astype(np.float64, copy=False).ravel()
    size = np.abs(factors).max()
    m = factors[np.abs(factors) >= size - 1e-9].min()
    if abs(m + 1) <= 1e-9:
        return "edge"
    if size > 1 + 1e-9:
        return "diverging"
    if size <= 0.01:
        return "one step"
    if m < 0:
        return "oscillating"
    return "slow" if m >= 0.9 else "converging"


def _counts(counts, participants):
    if counts is None:
        return np.ones(participants)
    counts = np.array(real_array(counts, "counts"), dtype=np.float64)
    if counts.shape != (participants,):
        raise ValueError(f"counts has shape {counts.shape}, optima has {participants} participants")
    return counts


def _hessians(curvatures, participants, dimension):
    h = real_array(curvatures, "curvatures", "participant").astype(np.float64, copy=False)
    shapes = [(participants, dimension, dimension)[:rank] for rank in (1, 2, 3)]
    if h.shape not in shapes:
        raise ValueError(
            f"curvatures has shape {h.shape}; expected {', '.join(map(str, shapes[:2]))} "
            f"or {shapes[2]}"
        )
    if h.ndim < 3:
        return h.reshape(participants, -1, 1) * np.eye(dimension)
    sizes = np.abs(h).max(axis=(1, 2))
    asymmetric = np.abs(h - h.transpose(0, 2, 1)).max(axis=(1, 2)) > 1e-12 * sizes
    if asymmetric.any():
        raise ValueError(f"curvatures[{int(np.argmax(asymmetric))}] is not symmetric")
    return h.copy()


def _axis(values, name):
    values = real_array(values, name).astype(np.float64, copy=False)
    if values.ndim != 1:
        raise ValueError(f"{name} has shape {values.shape}; expected one axis")
    return values
