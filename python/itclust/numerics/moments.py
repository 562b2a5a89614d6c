"""Log values, and their statistics by group: what each type or cluster expresses."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp

TARGET_SUM = 1e4  # counts per 10,000: what log values in the field are made of


class Moments(NamedTuple):
    """What each group expresses.

    Attributes
    ----------
    mean, detected, var : (n_groups, n_genes); mean, detection rate and variance of the log values.
    linear : (n_groups, n_genes); mean of the linear values they stand for.
    size : (n_groups,) number of cells.
    """

    mean: np.ndarray
    detected: np.ndarray
    var: np.ndarray
    linear: np.ndarray
    size: np.ndarray

    def over(self, genes) -> Moments:
        """The same groups over some genes: column numbers or a mask."""
        return Moments(*(m[:, genes] for m in self[:-1]), self.size)


def lognorm(x: sp.csr_matrix, total=TARGET_SUM) -> sp.csr_matrix:
    """log(1 + value scaled to ``total`` a cell); cells without a count stay zero. Indices are those of ``x``, sorted."""
    sums = np.asarray(x.sum(1), dtype=np.float64).ravel()
    scale = np.divide(total, sums, out=np.zeros_like(sums), where=sums > 0)
    data = np.repeat(scale.astype(np.float32), np.diff(x.indptr))
    data *= x.data
    np.log1p(data, out=data)
    return sp.csr_matrix((data, x.indices, x.indptr), x.shape)


def stacked(chunks, n_genes=0) -> sp.csr_matrix:
    """Chunks of cells as one matrix; one chunk is not copied, none gives no cell."""
    parts = list(chunks)
    if not parts:
        return sp.csr_matrix((0, n_genes), dtype=np.float32)
    return parts[0] if len(parts) == 1 else sp.csr_matrix(sp.vstack(parts))


def moments(chunks: Iterable[sp.csr_matrix], codes, n_groups, weight=None) -> Moments:
    """:class:`Moments` of log values by group.

    Parameters
    ----------
    chunks : matrices (n_chunk, n_genes) of consecutive cells; zeros are not stored.
    codes : (n,) int group of each cell of all chunks; -1: none.
    n_groups : number of groups.
    weight : (n,) of each cell in its group's means, or None: 1.

    Returns
    -------
    Moments
        In the precision of the chunks; sums over chunks are taken in double precision.
    """
    sums, total, start = None, 0.0, 0
    for x in chunks:
        cells = slice(start, start := start + x.shape[0])
        member = members(codes[cells], n_groups, None if weight is None else weight[cells], x.dtype)
        parts = (x.data, np.ones_like(x.data), x.data**2, np.expm1(x.data))
        parts = [(member @ _with(x, data)).toarray().astype(np.float64) for data in parts]
        sums = parts if sums is None else [a + b for a, b in zip(sums, parts, strict=True)]
        total = total + (member @ np.ones(x.shape[0], x.dtype)).astype(np.float64)
    total = np.maximum(total, 1e-6)  # summed like the cells: a gene that every cell has is detected at 1, exactly
    mean, detected, square, linear = ((s / total[:, None]).astype(x.dtype) for s in sums)
    size = np.bincount(codes[codes >= 0], minlength=n_groups)
    return Moments(mean, detected, np.maximum(square - mean**2, 0), linear, size)


def _with(x, data) -> sp.csr_matrix:
    """The matrix ``x`` with other values in the same places."""
    return sp.csr_matrix((data, x.indices, x.indptr), x.shape)


def members(codes, n_groups=None, weight=None, dtype=np.float32) -> sp.csr_matrix:
    """(n_groups, n_cells): each cell's weight, or 1, in the row of its group; a product with it sums by group.

    Parameters
    ----------
    codes : (n_cells,) int group of each cell; -1: none.
    """
    cells = np.flatnonzero(codes >= 0)
    weight = np.ones(len(codes), dtype) if weight is None else weight.astype(dtype)
    n_groups = codes.max(initial=-1) + 1 if n_groups is None else n_groups
    return sp.csr_matrix((weight[cells], (codes[cells], cells)), (n_groups, len(codes)))


def weighted_means(weights: sp.csr_matrix, x: sp.csr_matrix) -> np.ndarray:
    """Mean row of ``x`` for each row of weights, dense (n_groups, n_genes)."""
    return (weights @ x).toarray() / np.maximum(np.asarray(weights.sum(1)), 1e-9)


def group_means(z, codes, n_groups) -> np.ndarray:
    """Mean row of the dense ``z`` (n, n_columns) for each group, in double precision; NaN for a group without a cell."""
    sums = members(codes, n_groups, dtype=np.float64) @ np.asarray(z, np.float64)
    with np.errstate(invalid="ignore"):
        return sums / np.bincount(codes[codes >= 0], minlength=n_groups)[:, None]
