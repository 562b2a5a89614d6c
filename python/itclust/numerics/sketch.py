"""Which cells are learnt from, and how much each counts: balanced weights; the sketch of a large dataset."""

from __future__ import annotations

import numpy as np

BALANCE = 0.5  # cells count, and are drawn, by 1 / group size ** BALANCE: rare types are seen, common ones still rule
CANDIDATES = 2  # times the sketch: cells drawn at random, among which rare states are looked for
SPREAD = 0.25  # share of the sketch that covers the space evenly; the rest is drawn at random and keeps the proportions
LEAST = 50  # cells of a batch that are candidates, where it has so many
COMPONENTS = 10  # that the cover sees: boxes in more dimensions hold a cell each


def balanced(codes, batch) -> np.ndarray:
    """Weight (n,) of each cell: a batch counts by the square root of its cells of a type; a type's weights add up to its size."""
    group = _together(codes, batch)
    weight = np.bincount(group)[group] ** -BALANCE
    return weight * np.bincount(codes)[codes] / np.bincount(codes, weight)[codes]


def candidates(batch, size, seed=0) -> np.ndarray:
    """Sorted positions of ``CANDIDATES * size`` cells drawn at random, with cells of every batch; all, where ``size`` at most.

    Parameters
    ----------
    batch : (n,) int.
    """
    n = len(batch)
    if n <= size:
        return np.arange(n)
    order = np.random.default_rng(seed).permutation(n)
    drawn = np.zeros(n, bool)
    drawn[order[: CANDIDATES * size]] = True
    for b in np.flatnonzero(np.bincount(batch[drawn], minlength=batch.max() + 1) < LEAST):
        mine = order[batch[order] == b]
        drawn[mine[:LEAST]] = True
    return np.flatnonzero(drawn)


def by_type(codes, batch, size, seed=0) -> np.ndarray:
    """Mask (n,) of at most some ``size`` labelled cells at random: of each type and batch as many, or all that it has.

    Parameters
    ----------
    codes, batch : (n,) int.
    """
    if len(codes) <= size:
        return np.ones(len(codes), bool)
    group = _together(codes, batch)
    counts = np.sort(np.bincount(group))
    left = size - np.concatenate([[0], np.cumsum(counts)[:-1]])  # for the groups from each on, the smaller ones whole
    most = max((left // np.arange(len(counts), 0, -1)).max(), 1)
    order = np.random.default_rng(seed).permutation(len(codes))
    order = order[np.argsort(group[order], kind="stable")]
    start = np.concatenate([[0], np.cumsum(np.bincount(group))[:-1]])
    kept = np.zeros(len(codes), bool)
    kept[order[np.arange(len(codes)) - start[group[order]] < most]] = True
    return kept


def _together(codes, batch) -> np.ndarray:
    """Number (n,) 0, 1, ... of each cell's type and batch, as one group."""
    return np.unique(np.stack([codes, batch]), axis=1, return_inverse=True)[1].ravel()


def sketched(points, size, seed=0) -> np.ndarray:
    """Sorted positions of ``size`` points: most at random, a share one from each box of a cover of the space.

    The boxes are as small as makes them so many (geometric sketching, Hie et al. 2019), so that a rare state far from
    the others has a place however few its cells are.

    Parameters
    ----------
    points : (n, n_components) principal components.
    """
    n = len(points)
    if n <= size:
        return np.arange(n)
    rng = np.random.default_rng(seed)
    order = rng.permutation(n)
    kept = np.zeros(n, bool)
    kept[order[_one_a_box(points[order][:, :COMPONENTS], int(SPREAD * size))]] = True
    kept[order[~kept[order]][: size - kept.sum()]] = True
    return np.flatnonzero(kept)


def _one_a_box(points, n_boxes) -> np.ndarray:
    """The first point in each of at most ``n_boxes`` boxes of equal edges, as many as there are edges for."""
    points = points - points.min(0)
    low, high = 0.0, float(points.max()) + 1e-9
    found = np.zeros(1, int)
    for _ in range(20):  # halving: the edge is known to a millionth
        edge = (low + high) / 2
        first = np.unique((points / edge).astype(np.int32), axis=0, return_index=True)[1]
        if len(first) > n_boxes:
            low = edge
        else:
            high, found = edge, first
            if len(first) > 0.95 * n_boxes:
                break
    return found
