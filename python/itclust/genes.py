"""What each type expresses, and which genes are looked at."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.sparse as sp


class Moments(NamedTuple):
    """What each type expresses.

    Attributes
    ----------
    mean, detected, var : (n_types, n_genes) float32; mean, detection rate and variance of the log values.
    linear : (n_types, n_genes) float32; mean of the linear values they stand for.
    size : (n_types,) number of cells.
    """

    mean: np.ndarray
    detected: np.ndarray
    var: np.ndarray
    linear: np.ndarray
    size: np.ndarray


def moments(x: sp.csr_matrix, codes, n_types, weight=None) -> Moments:
    """:class:`Moments` of log values ``x`` (n, n_genes) by type ``codes`` (n,); ``weight`` (n,) is each cell's, or 1."""
    member = members(codes, n_types, weight)
    total = np.maximum(member @ np.ones(len(codes), np.float32), 1e-6)  # summed alike: seen in every cell is 1, exactly

    def means(data):
        return (member @ sp.csr_matrix((data, x.indices, x.indptr), x.shape)).toarray() / total[:, None]

    mean = means(x.data)
    var = np.maximum(means(x.data**2) - mean**2, 0)
    return Moments(
        mean, means(np.ones_like(x.data)), var, means(np.expm1(x.data)), np.bincount(codes, minlength=n_types)
    )


def members(codes, n=None, weight=None) -> sp.csr_matrix:
    """(n, n_cells) float32: each cell's weight, or 1, in the row of its code 0..n-1. A product with it sums by group."""
    weight = np.ones(len(codes), np.float32) if weight is None else weight.astype(np.float32)
    n = codes.max(initial=-1) + 1 if n is None else n
    return sp.csr_matrix((weight, (codes, np.arange(len(codes)))), (n, len(codes)))


def pairwise_markers(mean, detected, n_markers) -> np.ndarray:
    """For each ordered pair of types the genes that tell the first from the second best, united.

    A gene's score is (difference of mean log value) x (difference of detection rate), where both are positive.

    Parameters
    ----------
    mean, detected : (n_types, n_genes), see :class:`Moments`.
    n_markers : genes a pair.

    Returns
    -------
    (n_selected,) int, sorted column numbers.
    """
    chosen = set()
    for i in range(len(mean)):
        for j in range(len(mean)):
            if i != j:
                chosen.update(markers_against(mean, detected, i, j, n_markers).tolist())
    return np.array(sorted(chosen), dtype=int)


def markers_against(mean, detected, i, j, n_markers) -> np.ndarray:
    """The at most ``n_markers`` best genes of type ``i`` against type ``j``, best first."""
    score = np.maximum(mean[i] - mean[j], 0) * np.maximum(detected[i] - detected[j], 0)
    top = np.argsort(-score, kind="stable")[:n_markers]
    return top[score[top] > 0]


def variable(x: sp.csr_matrix, n_genes, n_bins=20, min_cells=3) -> np.ndarray:
    """Genes whose log variance stands out among genes of like mean.

    Parameters
    ----------
    x : (n, n_genes) log values.
    n_genes : how many.
    n_bins : groups of genes of like mean, of equal size.
    min_cells : genes seen in fewer cells are left out.

    Returns
    -------
    (n_selected,) int, sorted column numbers.
    """
    mean = np.asarray(x.mean(0), dtype=np.float64).ravel()
    square = sp.csr_matrix((x.data.astype(np.float64) ** 2, x.indices, x.indptr), x.shape)
    log_var = np.log(np.maximum(np.asarray(square.mean(0)).ravel() - mean**2, 0) + 1e-9)
    use = np.flatnonzero(np.bincount(x.indices, minlength=x.shape[1]) >= min(min_cells, x.shape[0]))
    bins = np.argsort(np.argsort(mean[use], kind="stable"), kind="stable") * n_bins // max(len(use), 1)
    score = np.empty(len(use))
    for k in np.unique(bins):
        part = log_var[use[bins == k]]
        score[bins == k] = (part - np.median(part)) / (part.std() + 1e-9)
    return np.sort(use[np.argsort(-score, kind="stable")[:n_genes]])
