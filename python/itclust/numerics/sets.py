"""Sets of types that cover a cell's own with a probability that is asked for: conformal prediction.

The score of a type is the probability of those that are likelier (Romano, Sesia & Candes 2020, without their random
numbers: the same cell gets the same set). Held-back source cells say how large the score of a cell's own type gets. They
count as often as their types occur in the target, which keeps the coverage where the composition differs (Podkopaev &
Ramdas 2021).
"""

from __future__ import annotations

import numpy as np


def scores(p) -> np.ndarray:
    """Probability (n, n_types) of the types that are likelier than each; ties in order.

    Parameters
    ----------
    p : (n, n_types).
    """
    order = np.argsort(-p, axis=1, kind="stable")
    ranked = np.take_along_axis(p, order, 1)
    out = np.empty_like(p)
    np.put_along_axis(out, order, np.cumsum(ranked, 1) - ranked, 1)
    return out


def thresholds(own, codes, share, asked) -> np.ndarray:
    """The score (n_types,) up to which a type is a member, so that sets cover ``asked`` of cells like the held-back ones.

    It is the weighted quantile of the held-back cells' scores, a cell that is still to come counted in as one of that
    type with the largest score; infinite where the held-back cells are too few to promise anything.

    Parameters
    ----------
    own : (n_held,) score of each held-back cell's own type.
    codes : (n_held,) int that type.
    share : (n_types,) of the target.
    asked : coverage, 0 to 1.
    """
    size = np.bincount(codes, minlength=len(share))
    weight = share / np.maximum(size, 1)
    order = np.argsort(own, kind="stable")
    below = np.cumsum(weight[codes[order]])
    needed = asked * (below[-1] + weight)
    return np.append(own[order], np.inf)[np.searchsorted(below, needed * (1 - 1e-12))]


def members(p, asked, up_to=0.0) -> np.ndarray:
    """Mask (n, n_types) of the likeliest types that together reach ``asked``, and of those with a score ``up_to`` another.

    Parameters
    ----------
    p : (n, n_types) probabilities, rows sum to 1.
    up_to : (n_types,) see :func:`thresholds`.
    """
    found = scores(p)
    return (found < asked) | ((found <= up_to) & (p > 0))
