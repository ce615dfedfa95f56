"""The dual of conditional maximum entropy: loss, gradient and curvature over the multipliers.

    D(θ, b) = Σ_i w_i (−ln p(y_i | x_i)) + ‖θ‖² / (2C),    p(y | x) ∝ exp(θ_y · x + b_y)

per unit of weight, in nats. It is convex; its gradient is what the constraints on feature means leave over.
Table (n, features), codes (n,) in 0 .. classes − 1, weight (n,) above 0.

Source: Berger, Della Pietra & Della Pietra (1996); separation as a linear program: Konis (2007).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, sparse, special

_A_MARGIN = 1e-5  # with multipliers between −1 and 1; the linear program itself is held to 1e-7


class Dual:
    """The dual per unit of weight, in features that are centred and scaled so that its curvature is near one.

    With θ = u / scale the penalty is Σ (u / scale)² / (2C); centring moves only the intercept, which has none.
    Parameters are (free, features + 1) flattened, the first class held at 0 where there are two.
    """

    def __init__(
        self, table: NDArray[Any], codes: NDArray[Any], weight: NDArray[Any], classes: int, C: float, intercept: bool
    ) -> None:
        n, self.features = table.shape
        self.weight = weight / weight.sum()
        self.centre = self.weight @ table if intercept else np.zeros(self.features)
        centred = table - self.centre
        self.scale = np.sqrt(self.weight @ (centred * centred))
        # A constant feature, or one whose spread is only rounding, stays as it is.
        self.scale[~(self.scale > 1e-14 * np.abs(table).max(axis=0))] = 1.0
        self.table = np.column_stack([centred / self.scale, np.ones(n)]) if intercept else centred / self.scale
        self.codes, self.classes, self.intercept = codes, classes, intercept
        self.free = 1 if classes == 2 else classes
        self.size = self.free * self.table.shape[1]
        self.observed = np.eye(classes)[codes][:, -self.free :]
        self.penalty = np.zeros(self.table.shape[1])
        self.penalty[: self.features] = 1 / (C * weight.sum() * self.scale**2)
        self._at: tuple[bytes, NDArray[Any], NDArray[Any]] | None = None

    def log_probabilities(self, theta: NDArray[Any]) -> NDArray[Any]:
        """(n, classes), kept for the last multipliers asked about: loss, gradient and curvature share them."""
        key = theta.tobytes()
        if self._at is None or self._at[0] != key:
            scores = self.table @ theta.reshape(self.free, -1).T
            if self.free == 1:
                scores = np.column_stack([np.zeros(len(scores)), scores])
            logs = special.log_softmax(scores, axis=1)
            self._at = (key, logs, np.exp(logs))
        return self._at[1]

    def probabilities(self, theta: NDArray[Any]) -> NDArray[Any]:
        self.log_probabilities(theta)
        assert self._at is not None
        return self._at[2]

    def mean_loss(self, theta: NDArray[Any]) -> float:
        logs = self.log_probabilities(theta)
        return -float(self.weight @ logs[np.arange(len(logs)), self.codes])

    def loss(self, theta: NDArray[Any]) -> float:
        return self.mean_loss(theta) + 0.5 * float((self.penalty * theta.reshape(self.free, -1) ** 2).sum())

    def gradient(self, theta: NDArray[Any]) -> NDArray[Any]:
        off = self.weight[:, None] * (self.probabilities(theta)[:, -self.free :] - self.observed)
        result: NDArray[Any] = (off.T @ self.table + self.penalty * theta.reshape(self.free, -1)).ravel()
        return result

    def curvature(self, theta: NDArray[Any], direction: NDArray[Any]) -> NDArray[Any]:
        """The Hessian times a direction: Σ w (diag p − p pᵀ) moves."""
        p, step = self.probabilities(theta)[:, -self.free :], direction.reshape(self.free, -1)
        moves = p * (self.table @ step.T)
        moves -= p * moves.sum(axis=1, keepdims=True)
        result: NDArray[Any] = ((self.weight[:, None] * moves).T @ self.table + self.penalty * step).ravel()
        return result

    def multipliers(self, theta: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Back in the features given: (free, features) and (free,)."""
        rows = theta.reshape(self.free, -1)
        coefficients = rows[:, : self.features] / self.scale
        shift = rows[:, self.features] if self.intercept else np.zeros(self.free)
        return coefficients, shift - coefficients @ self.centre

    def residuals(self, probabilities: NDArray[Any], table: NDArray[Any]) -> NDArray[Any]:
        """Model minus observed, in the features given, (classes, features and 1)."""
        off = self.weight[:, None] * (probabilities - np.eye(self.classes)[self.codes])
        full = np.column_stack([table, np.ones(len(table))]) if self.intercept else table
        result: NDArray[Any] = off.T @ full
        return result

    def separable(self) -> bool:
        """Whether some multipliers put no sample on the wrong side and one strictly on the right: a linear program.

        maximise Σ_i Σ_{y ≠ y_i} (θ_{y_i} − θ_y) · x_i with every term ≥ 0 and |θ| ≤ 1; above 0 where they do.
        """
        n, width = self.table.shape
        own = np.repeat(self.codes, self.classes - 1)
        other = np.concatenate([np.delete(np.arange(self.classes), code) for code in self.codes])
        sample = np.repeat(np.arange(n), self.classes - 1)
        signs = sparse.csr_array(
            (
                np.concatenate([np.ones(len(own)), -np.ones(len(own))]),
                (np.tile(np.arange(len(own)), 2), np.concatenate([own, other])),
            ),
            shape=(len(own), self.classes),
        )
        columns = [signs.multiply(self.table[sample, j][:, None]) for j in range(width)]
        margins = sparse.csr_array(sparse.hstack(columns))
        total = -np.asarray(margins.sum(axis=0)).ravel()
        found = optimize.linprog(total, A_ub=-margins, b_ub=np.zeros(len(own)), bounds=(-1, 1), method="highs")
        return bool(found.success and (margins @ found.x).max() > _A_MARGIN)
