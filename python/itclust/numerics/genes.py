"""Which genes are looked at: the markers of pairs of types, and the variable genes of a dataset."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import scipy.sparse as sp

CANDIDATES = 512  # genes of a type that are looked at first, for each other type


def pairwise_markers(mean, detected, n_markers) -> np.ndarray:
    """For each ordered pair of types the genes that tell the first from the second best, united.

    A gene's score is (difference of mean log value) x (difference of detection rate), where both are positive.

    Parameters
    ----------
    mean, detected : (n_types, n_genes), see :class:`itclust.numerics.moments.Moments`.
    n_markers : genes a pair.

    Returns
    -------
    (n_selected,) int, sorted column numbers.
    """
    chosen = set()
    for i in range(len(mean)):
        for found in markers_of(mean, detected, i, n_markers).values():
            chosen.update(found.tolist())
    return np.array(sorted(chosen), dtype=int)


def markers_of(mean, detected, i, n_markers) -> dict[int, np.ndarray]:
    """:func:`markers_against` of type ``i`` against every other type.

    Pairs grow with the square of the types, so most genes are ruled out for all other types at once: against none of
    them does a gene score more than against the least mean and the least detection rate of all.
    """
    most = (mean[i] - mean.min(0)) * (detected[i] - detected.min(0))
    order = np.argsort(-most, kind="stable")
    few, ruled_out = np.sort(order[:CANDIDATES]), most[order[CANDIDATES:]].max(initial=0)
    mean_few, detected_few, found = mean[:, few], detected[:, few], {}
    for j in range(len(mean)):
        if j == i:
            continue
        top = markers_against(mean_few, detected_few, i, j, n_markers)
        least = _scores(mean_few, detected_few, i, j)[top[-1]] if len(top) == n_markers else 0
        found[j] = few[top] if least > ruled_out else markers_against(mean, detected, i, j, n_markers)
    return found


def markers_against(mean, detected, i, j, n_markers) -> np.ndarray:
    """The at most ``n_markers`` best genes of type ``i`` against type ``j``, best first."""
    score = _scores(mean, detected, i, j)
    # the few best are sorted, not all genes
    least = np.partition(score, -n_markers)[-n_markers] if len(score) > n_markers else 0
    top = np.flatnonzero((score >= least) & (score > 0))
    return top[np.argsort(-score[top], kind="stable")][:n_markers]


def _scores(mean, detected, i, j) -> np.ndarray:
    return np.maximum(mean[i] - mean[j], 0) * np.maximum(detected[i] - detected[j], 0)


def variable(chunks: Iterable[sp.csr_matrix], n_genes, n_bins=20, min_cells=3) -> np.ndarray:
    """Genes whose log variance stands out among genes of like mean.

    Parameters
    ----------
    chunks : matrices (n_chunk, n_all_genes) of log values.
    n_genes : how many are taken.
    n_bins : groups of genes of like mean, of equal size.
    min_cells : genes seen in fewer cells are left out.

    Returns
    -------
    (n_selected,) int, sorted column numbers.
    """
    mean, square, seen, n = _over_cells(chunks)
    log_var = np.log(np.maximum(square - mean**2, 0) + 1e-9)
    use = np.flatnonzero(seen >= min(min_cells, n))
    bins = np.argsort(np.argsort(mean[use], kind="stable"), kind="stable") * n_bins // max(len(use), 1)
    score = np.empty(len(use))
    for k in np.unique(bins):
        part = log_var[use[bins == k]]
        score[bins == k] = (part - np.median(part)) / (part.std() + 1e-9)
    return np.sort(use[np.argsort(-score, kind="stable")[:n_genes]])


def _over_cells(chunks):
    """Mean, mean square and number of cells seen in, of each gene over all chunks; and the number of cells."""
    parts = []
    for x in chunks:
        square = sp.csr_matrix((x.data.astype(np.float64) ** 2, x.indices, x.indptr), x.shape)
        means = (np.asarray(m.mean(0), dtype=np.float64).ravel() for m in (x, square))
        parts.append((*means, np.bincount(x.indices, minlength=x.shape[1]), x.shape[0]))
    n = sum(size for *_, size in parts)
    mean, square = (sum(part[i] * (part[-1] / n) for part in parts) for i in (0, 1))
    return mean, square, sum(part[2] for part in parts), n
