"""What the source's own labels are worth: each cell answered by classifiers that have not seen it.

A target's answers cannot be better than labels that the source itself confuses. Leaving one cell out of the closed-form
classifiers has a closed form too, so that every source cell is answered at the cost of fitting them once.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from itclust.numerics import classifiers, sets
from itclust.numerics.moments import Moments, group_means

CELLS = 4000  # of the source that are answered: a share right of .9 among 100 of them is known to .03
# Cells by which a type is drawn towards the mean type: a rare one says little for itself.
PRIOR_CELLS = 10.0
BINS = 10  # of confidence


def left_out_discriminant(x, codes, moments: Moments, weight, cov) -> np.ndarray:
    """Scores (n, n_types) of the linear discriminant, each cell's own share in mean and covariance taken out.

    The inverse without a cell is a rank-one change (Sherman & Morrison 1950), so that three numbers a cell suffice.

    Parameters
    ----------
    x : (n, n_genes) CSR log values.
    codes : (n,) int type.
    moments : of the types, over the same genes.
    weight : (n,) of each cell in its type's mean; they add up to the type's size.
    cov : see :func:`itclust.numerics.classifiers.within_covariance`.
    """
    mean, size = moments.mean.astype(np.float64), moments.size.astype(float)
    half = np.linalg.inv(np.linalg.cholesky(cov))  # cov^-1 = half' half
    coef = half.T @ (half @ mean.T)
    length = (mean * coef.T).sum(1)
    out = np.zeros((len(codes), len(mean)))
    for rows, dense in classifiers.dense_chunks(x):
        own, w, each = codes[rows], weight[rows], np.arange(len(codes[rows]))
        n = size[own]
        r = dense - mean[own]
        h = ((r @ half.T) ** 2).sum(1)  # r' cov^-1 r
        r_means = r @ coef  # r' cov^-1 m_j
        r_own = r_means[each, own]
        share = (1 - classifiers.SHRINKAGE) / ((size > 0).sum() * np.maximum(n - 1, 1))
        g = share / np.maximum(1 - share * h, 0.05)
        s = dense @ coef - 0.5 * length + g[:, None] * ((h + r_own)[:, None] - 0.5 * r_means) * r_means
        a = np.where(n > w, w / np.maximum(n - w, 1e-6), 0)  # the mean without the cell is m - a r
        s[each, own] -= a * (1 + 0.5 * a) * h * (1 + g * h)
        out[rows] = s
    return out


def answers(x, codes, moments, weight, cov, temperature) -> np.ndarray:
    """Mean probabilities (n, n_types) of the two closed-form classifiers for source cells that they have not seen.

    Parameters
    ----------
    x : two (n, n_genes) CSR log values: of the genes that the discriminant sees, and of those of the correlation.
    codes : (n,) int type.
    moments : two, of all source cells of the types, over these genes.
    weight : (n,) of each cell in its type's mean.
    cov : of the discriminant; ``temperature`` of the correlation.
    """
    by_discriminant = classifiers.softmax(left_out_discriminant(x[0], codes, moments[0], weight, cov))
    correlation = classifiers.left_out_correlation(x[1], codes, moments[1], weight)
    return (by_discriminant + classifiers.softmax(correlation / temperature)) / 2


class Worth(NamedTuple):
    """What the source's labels are worth.

    Attributes
    ----------
    believed : (n_types,) share of its probability that an answer keeps; 1: held-back cells are as often right as sure.
    confused : (n_types, n_types) where the rest goes: of held-back cells wrongly answered type j, the share labelled k.
    shared : (n_types, n_types) mean probability of type k in the answers to held-back cells of type j.
    own, codes : (n_held,) of the held-back cells: how much their believed answers give to types that are likelier than
        their own, and which that is. None: not known, as in model files of before.
    reliability : (n_bins, 3) mean confidence in the believed answers to held-back cells, share of them that is right, and
        their number, a row a bin of confidence; or None.
    """

    believed: np.ndarray
    confused: np.ndarray
    shared: np.ndarray
    own: np.ndarray | None = None
    codes: np.ndarray | None = None
    reliability: np.ndarray | None = None

    @classmethod
    def whole(cls, n_types) -> Worth:
        """Of a source that nothing is known of: all is believed."""
        alike = np.full((n_types, n_types), 1 / n_types, np.float32)
        return cls(np.ones(n_types, np.float32), alike, alike)


def worth(q, codes) -> Worth:
    """What answers to held-back cells say of the source's labels.

    A classifier that is right as often as it is sure has labels that expression supports; what a target's better data
    or neighbours add is then its own matter. One that is sure and wrong contradicts labels that no later step can mend.
    So an answer is believed by the share that is right over the mean probability, at most 1.

    Parameters
    ----------
    q : (n, n_types) answers to held-back cells.
    codes : (n,) int their labels.
    """
    n, best = q.shape[1], q.argmax(1)
    counts = np.zeros((n, n))
    np.add.at(counts, (best, codes), 1)
    size, right, sure = counts.sum(1), np.diag(counts), np.bincount(best, q.max(1), minlength=n)
    mean_right, mean_sure = right.sum() / len(q), sure.sum() / len(q)
    believed = (right + PRIOR_CELLS * mean_right) / (sure + PRIOR_CELLS * mean_sure)
    wrong = (counts + counts.T) * (1 - np.eye(n)) + 1e-3 * size.mean()  # both ways: a rare type is seldom an answer
    wrong[np.diag_indices(n)] = 0 if n > 1 else 1
    wrong /= wrong.sum(1, keepdims=True)
    shared = np.nan_to_num(group_means(q, codes, n))
    found = Worth(np.minimum(believed, 1).astype(np.float32), wrong.astype(np.float32), shared.astype(np.float32))
    p = tempered(q, found)
    own = sets.scores(p)[np.arange(len(q)), codes].astype(np.float32)
    return found._replace(own=own, codes=codes.astype(np.int32), reliability=reliability(p, codes))


def reliability(p, codes) -> np.ndarray:
    """Mean confidence, share right and number of cells (n_bins, 3) in the bins of confidence that hold any.

    Parameters
    ----------
    p : (n, n_types) answers.
    codes : (n,) int labels.
    """
    sure, right = p.max(1), p.argmax(1) == codes
    bins = np.unique(np.minimum((sure * BINS).astype(int), BINS - 1), return_inverse=True)[1]
    cells = np.bincount(bins)
    return np.stack([np.bincount(bins, sure) / cells, np.bincount(bins, right) / cells, cells], axis=1)


def sample(n, seed) -> np.ndarray:
    """Positions of the cells that are answered, at most ``CELLS`` of ``n``."""
    return np.sort(np.random.default_rng(seed).permutation(n)[:CELLS])


def tempered(q, found: Worth) -> np.ndarray:
    """Probabilities (n, n_types) of the known types after each answer gave up what it is not believed.

    Parameters
    ----------
    q : (n, n_types), rows sum to at most 1; their sums stay.
    """
    return q * found.believed + (q * (1 - found.believed)) @ found.confused
