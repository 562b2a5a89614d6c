"""Steps 1 and 2 of Hu et al. 2020: filters, values to the median total, z-scores of each dataset by itself."""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp

from itclust.numerics.moments import lognorm

MIN_GENES, MIN_CELLS = 100, 10  # cells with fewer genes, and genes in fewer such cells, do not train
CLIP = 6.0  # largest z-score


class Prepared(NamedTuple):
    """Steps 1 and 2: log values of every cell over the genes that pass, and which cells train."""

    x: sp.csr_matrix
    genes: np.ndarray
    trains: np.ndarray


class ZScored:
    """Rows of a sparse matrix as z-scores, made dense a minibatch at a time; missing genes (column -1) are zero.

    Without ``scale`` the values stay as they are.
    """

    def __init__(self, data: Prepared, genes, scale=True):
        where = {g: i for i, g in enumerate(data.genes)}
        index = np.array([where.get(g, -1) for g in genes])
        self.there = index >= 0
        self.x = data.x[:, index[self.there]]
        train = self.x[data.trains]
        self.mean = np.asarray(train.mean(0)).ravel()
        variance = np.asarray(train.multiply(train).mean(0)).ravel() - self.mean**2
        n = max(train.shape[0], 2)
        self.sd = np.sqrt(np.maximum(variance, 0) * n / (n - 1))
        self.sd[self.sd < 1e-6] = 1
        self.clip = CLIP
        if not scale:
            self.mean, self.sd, self.clip = np.zeros_like(self.mean), np.ones_like(self.sd), np.inf
        self.shape = (data.x.shape[0], len(index))

    def __getitem__(self, rows):
        part = self.x[rows].toarray()
        z = np.zeros((part.shape[0], self.shape[1]), np.float32)
        z[:, self.there] = np.clip((part - self.mean) / self.sd, -self.clip, self.clip)
        return z


class Rows:
    """Some rows of ``x``, as a matrix."""

    def __init__(self, x, rows):
        self.x, self.rows, self.shape = x, rows, (len(rows), x.shape[1])

    def __getitem__(self, i):
        return self.x[self.rows[i]]


def prepare(values, name: str, steps=("normalize", "log")) -> Prepared:
    """Filter cells and genes, scale each cell to the median total, log1p; names in upper case.

    Parameters
    ----------
    values : Expression.
    steps : which of the last two, see :class:`itclust.settings.PaperSettings`.
    """
    x, genes = values.whole(), values.genes
    trains = np.diff(x.indptr) >= MIN_GENES
    special = np.array([bool(re.match("ERCC|MT-", g, re.IGNORECASE)) for g in genes])
    keep = (x[trains].getnnz(0) >= MIN_CELLS) & ~special
    if trains.sum() < MIN_CELLS or keep.sum() < 2:
        msg = (
            f"preset='paper' trains on cells with at least {MIN_GENES} genes and on genes in at least {MIN_CELLS} of "
            f"them; {trains.sum()} of the {name}'s {len(trains)} cells and {keep.sum()} of its {len(keep)} genes are "
            "left. Use preset='default'."
        )
        raise ValueError(msg)
    x = sp.csr_matrix(x[:, keep])
    upper = np.array([g.upper() for g in genes[keep]])
    first = np.sort(np.unique(upper, return_index=True)[1])
    if "normalize" in steps:
        x = lognorm(x, np.median(np.asarray(x[trains].sum(1)).ravel()))
        x.data = x.data if "log" in steps else np.expm1(x.data)
    elif "log" in steps:
        x.data = np.log1p(x.data)
    return Prepared(sp.csr_matrix(x[:, first]), upper[first], trains)
