"""Estimators of nearest neighbours spelt out from their papers, with all n² distances: slow and plain."""

import math

import numpy as np
from scipy.special import digamma


def distances(points):
    """(n, n) largest differences of a coordinate; the differences first, then their scale."""
    points = np.asarray(points, float)
    points = points[:, None] if points.ndim == 1 else points
    return np.abs(points[:, None, :] - points[None, :, :]).max(axis=2)


def ksg(x, y, k, variant=1, x_scale=1.0, y_scale=1.0):
    """Kraskov, Stögbauer & Grassberger (2004), equations 8 and 9; copies as Gao et al. (2017). Local values."""
    dx, dy = distances(x) * x_scale, distances(y) * y_scale
    n = len(dx)
    local = np.empty(n)
    for i in range(n):
        others = np.arange(n) != i
        joint = np.maximum(dx[i], dy[i])
        radius = np.sort(joint[others])[k - 1]
        if radius == 0:
            same = (joint == 0).sum()
            local[i] = digamma(same) + digamma(n) - digamma((dx[i] == 0).sum()) - digamma((dy[i] == 0).sum())
        elif variant == 1:
            nx, ny = (dx[i][others] < radius).sum(), (dy[i][others] < radius).sum()
            local[i] = digamma(k) + digamma(n) - digamma(nx + 1) - digamma(ny + 1)
        else:
            near = others & (joint <= radius)
            nx, ny = (dx[i][others] <= dx[i][near].max()).sum(), (dy[i][others] <= dy[i][near].max()).sum()
            local[i] = digamma(k) - 1 / k + digamma(n) - digamma(nx) - digamma(ny)
    return local


def frenzel_pompe(x, y, z, k):
    dx, dy, dz = distances(x), distances(y), distances(z)
    joint = np.maximum(np.maximum(dx, dy), dz)
    n, total = len(dx), 0.0
    for i in range(n):
        others = np.arange(n) != i
        radius = np.sort(joint[i][others])[k - 1]
        counts = [(d[i][others] < radius).sum() + 1 for d in (dz, np.maximum(dx, dz), np.maximum(dy, dz))]
        total += digamma(counts[0]) - digamma(counts[1]) - digamma(counts[2])
    return digamma(k) + total / n


def wang(p, q, k):
    both = distances(np.concatenate([np.atleast_2d(np.asarray(p, float).T).T, np.atleast_2d(np.asarray(q, float).T).T]))
    n, d = len(p), 1 if np.ndim(p) == 1 else np.shape(p)[1]
    own = np.sort(both[:n, :n], axis=1)[:, k]
    other = np.sort(both[:n, n:], axis=1)[:, k - 1]
    return d * np.log(other / own).mean() + math.log(len(q) / (n - 1))


def kozachenko_leonenko(x, k):
    d = 1 if np.ndim(x) == 1 else np.shape(x)[1]
    radius = np.sort(distances(x), axis=1)[:, k]
    return digamma(len(x)) - digamma(k) + d * np.log(2 * radius).mean()


def gao(x, y, k):
    """The program of Gao et al. (2017): counts with the point itself; equal points where the k-th distance is 0."""
    dx, dy = distances(x), distances(y)
    n, total = len(dx), 0.0
    for i in range(n):
        joint = np.maximum(dx[i], dy[i])
        radius = np.sort(np.delete(joint, i))[k - 1]
        near = k if radius > 0 else (joint == 0).sum()
        counts = [(d[i] < radius).sum() if radius > 0 else (d[i] == 0).sum() for d in (dx, dy)]
        total += digamma(near) + math.log(n) - digamma(counts[0]) - digamma(counts[1])
    return total / n
