"""One matrix of values: as CSR, however it is stored; some of its columns; on which scale it is."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from itclust.data import check


def in_memory(matrix) -> bool:
    """Whether a matrix lies in memory, not on disk or on a cluster."""
    return isinstance(matrix, (np.ndarray, sp.spmatrix, sp.sparray))


def as_csr(matrix) -> sp.csr_matrix:
    """A matrix, or a slice of one that is backed or a Dask array, as a float32 CSR matrix: sorted, no stored zeros.

    A matrix that is so already is shared, never changed; any other is copied.
    """
    x = matrix.compute() if hasattr(matrix, "compute") else matrix if in_memory(matrix) else matrix[:]
    check.numbers(x)
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite, and is refused as that
        x = sp.csr_matrix(x, dtype=np.float32)
    if not x.has_canonical_format or (x.nnz and not x.data.all()):
        x = x.copy()
        x.sum_duplicates()
        x.eliminate_zeros()
    return x


def chosen(x, pick) -> sp.csr_matrix:
    """Sorted ``x @ pick``; where no columns are summed, without a product."""
    if pick.getnnz(0).max(initial=0) > 1:
        out = sp.csr_matrix(x @ pick)
    else:
        column = np.full(pick.shape[0], -1, np.int32)
        column[np.repeat(np.arange(pick.shape[0]), np.diff(pick.indptr))] = pick.indices
        column = column[x.indices]
        kept = column >= 0
        indptr = np.concatenate([[0], np.cumsum(kept, dtype=np.int64)])[x.indptr]
        out = sp.csr_matrix((x.data[kept], column[kept], indptr), (x.shape[0], pick.shape[1]))
    out.sort_indices()
    return out


def recognise(x: sp.csr_matrix, largest=None) -> str:
    """``"counts"`` where all values are whole, ``"log"`` where none exceeds 25 (2^25 counts), else ``"linear"``.

    Parameters
    ----------
    x : the first cells.
    largest : value of all cells; None: of these.
    """
    data = x.data[:1_000_000]
    if np.all(data == np.round(data)):
        return "counts"
    return "log" if (x.data.max() if largest is None else largest) <= check.LARGEST_LOG else "linear"


def log_base(x: sp.csr_matrix, n_cells: int = 200) -> str:
    """``"2"`` where undoing a logarithm of base 2 leaves multiples of one count in each cell, and base e does not."""
    error = {"e": [], "2": []}
    for i in np.linspace(0, x.shape[0] - 1, min(n_cells, x.shape[0])).astype(int):
        row = np.unique(x.data[x.indptr[i] : x.indptr[i + 1]].astype(float))
        row = row[row > 0][:8]  # the smallest counts: 1, 2, 3, ...
        if len(row) < 3:
            continue
        for base, lin in (("e", np.expm1(row)), ("2", np.exp2(row) - 1)):
            ratio = lin / lin[0]
            error[base].append(np.abs(ratio - np.round(ratio)).mean())
    if not error["e"]:
        return "e"
    e, two = np.median(error["e"]), np.median(error["2"])
    return "2" if two < 0.01 and e > 2 * two + 0.01 else "e"
