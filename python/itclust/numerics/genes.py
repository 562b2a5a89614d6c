"""Which genes are looked at: the markers of pairs of types, and the variable genes of a dataset."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import scipy.sparse as sp

from itclust.numerics.moments import Moments

MIN_SD = 0.1  # added to a gene's spread: a gene that is hardly seen must not tell types apart by its noise
DENSE = 0.9  # share of values above zero from which detection rates tell nothing: counts have .02 to .6 of them
FIRST_GENES = 1000  # that a pair's markers are sought among first: those that could score most
MOST_PAIRS = 6000  # ordered pairs of types that are looked at: all pairs of up to 77 types
NEAR_GENES = 2000  # genes by which types are alike: those that vary most between them
LEAST_NEAR = 5  # types that each one is compared with, however many there are
CHUNK = 1000  # cells that are summed over at once
MOST_MARKERS = 8000  # genes altogether: the discriminant's covariance is as many squared


def pairwise_markers(moments: Moments, n_markers) -> np.ndarray:
    """For each ordered pair of types the genes that tell the first from the second best, united.

    Where they are more than ``MOST_MARKERS``, those that are best for a pair, and for most pairs, come first.

    Parameters
    ----------
    moments : of the types.
    n_markers : genes a pair.

    Returns
    -------
    (n_selected,) int, sorted column numbers.
    """
    pairs = list(marker_pairs(moments, n_markers).values())
    genes, place = np.concatenate(pairs), np.concatenate([np.arange(len(g)) for g in pairs])
    times, best = np.zeros((2, moments.mean.shape[1]), int)
    np.add.at(times, genes, 1)
    best[:] = n_markers
    np.minimum.at(best, genes, place)
    order = np.lexsort((-times, best))
    return np.sort(order[: min(np.count_nonzero(times), MOST_MARKERS)])


def marker_pairs(moments: Moments, n_markers) -> dict[tuple[int, int], np.ndarray]:
    """The genes that tell the first from the second, by ordered pair of types, best first: see :func:`markers_against`.

    Of many types each is compared with those most like it: what tells it from them tells it from the others as well.
    """
    mean, seen, pairs = moments.mean, rates(moments), {}
    least = mean.min(0), seen.min(0)
    for i, others in enumerate(_nearest(mean)):
        bound = np.maximum(mean[i] - least[0], 0) * np.maximum(seen[i] - least[1], 0)  # no pair's score is larger
        order, n = np.argsort(-bound, kind="stable"), max(FIRST_GENES, n_markers + 1)
        while len(others):
            columns = np.sort(order[:n])
            score = np.maximum(mean[i, columns] - mean[np.ix_(others, columns)], 0)
            score *= np.maximum(seen[i, columns] - seen[np.ix_(others, columns)], 0)
            found = [columns[_best(row, n_markers)] for row in score]
            rest = bound[order[n]] if n < len(order) else -1.0
            sure = [
                rest <= 0 or (len(f) == n_markers and row[np.searchsorted(columns, f[-1])] > rest)
                for f, row in zip(found, score, strict=True)
            ]
            pairs |= {(i, int(j)): f for j, f, done in zip(others, found, sure, strict=True) if done}
            others, n = others[~np.array(sure)], 8 * n
    return pairs


def rates(moments: Moments) -> np.ndarray:
    """What a gene's difference in mean is weighed by, (n_types, n_genes): the detection rate of each type.

    Values without zeros (imputed, denoised) are detected everywhere. Then the mean, in units of the spread within types.
    """
    expressed = moments.mean.max(0) > 0
    if not expressed.any() or moments.detected[:, expressed].mean() < DENSE:
        return moments.detected
    return moments.mean / (np.sqrt(moments.var.mean(0)) + MIN_SD)


def markers_against(mean, seen, i, j, n_markers) -> np.ndarray:
    """The at most ``n_markers`` best genes of type ``i`` against type ``j``, best first.

    A gene's score is (difference of mean log value) x (difference of detection rate), where both are positive.

    Parameters
    ----------
    mean : (n_types, n_genes); ``seen`` (n_types, n_genes), see :func:`rates`.
    """
    return _best(np.maximum(mean[i] - mean[j], 0) * np.maximum(seen[i] - seen[j], 0), n_markers)


def _best(score, n) -> np.ndarray:
    """The at most ``n`` columns of the largest scores above 0, best first, ties in their order."""
    columns = np.flatnonzero(score > 0)
    if n < len(columns):
        columns = columns[score[columns] >= np.partition(score[columns], -n)[-n]]
    return columns[np.argsort(-score[columns], kind="stable")[:n]]


def _nearest(mean) -> list[np.ndarray]:
    """For each type the others that it is compared with, by number: all, or of many those whose profiles are nearest."""
    n = len(mean)
    k = max(LEAST_NEAR, MOST_PAIRS // n)
    if k >= n - 1:
        return [np.delete(np.arange(n), i) for i in range(n)]
    centred = mean - mean.mean(0)
    centred = centred[:, np.argsort(-(centred**2).sum(0), kind="stable")[:NEAR_GENES]]
    centred /= np.linalg.norm(centred, axis=1, keepdims=True) + 1e-9
    alike = centred @ centred.T
    np.fill_diagonal(alike, -np.inf)
    return [np.sort(row) for row in np.argpartition(-alike, k, axis=1)[:, :k]]


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
    for x in (some[i : i + CHUNK] for some in chunks for i in range(0, some.shape[0], CHUNK)):
        square = sp.csr_matrix((x.data.astype(np.float64) ** 2, x.indices, x.indptr), x.shape)
        means = (np.asarray(m.mean(0), dtype=np.float64).ravel() for m in (x, square))
        parts.append((*means, np.bincount(x.indices, minlength=x.shape[1]), x.shape[0]))
    n = sum(size for *_, size in parts)
    mean, square = (sum(part[i] * (part[-1] / n) for part in parts) for i in (0, 1))
    return mean, square, sum(part[2] for part in parts), n
