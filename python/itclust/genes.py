"""Which genes the source network sees: chosen from the source alone."""

from __future__ import annotations

import warnings

import numpy as np
import scipy.sparse as sp


def type_profiles(x: sp.csr_matrix, codes, n_types) -> tuple[np.ndarray, np.ndarray]:
    """Mean log value and detection rate of each gene in each type, both (n_types, n_genes) float32."""
    member = sp.csr_matrix((np.ones(len(codes), np.float32), (codes, np.arange(len(codes)))), (n_types, len(codes)))
    size = np.maximum(np.bincount(codes, minlength=n_types), 1)[:, None]
    detected = sp.csr_matrix((np.ones_like(x.data), x.indices, x.indptr), x.shape)
    mean, rate = (np.asarray((member @ m).todense()) / size for m in (x, detected))
    return mean.astype(np.float32), rate.astype(np.float32)


def pairwise_markers(mean, rate, n_markers) -> np.ndarray:
    """For each ordered pair of types the genes that tell the first from the second best, united.

    A gene's score is (difference of mean log value) x (difference of detection rate), where both are positive.

    Parameters
    ----------
    mean, rate : (n_types, n_genes), see :func:`type_profiles`.
    n_markers : genes a pair.

    Returns
    -------
    (n_selected,) int, sorted column numbers.
    """
    chosen = set()
    for i in range(len(mean)):
        for j in range(len(mean)):
            if i != j:
                score = np.maximum(mean[i] - mean[j], 0) * np.maximum(rate[i] - rate[j], 0)
                top = np.argsort(-score, kind="stable")[:n_markers]
                chosen.update(top[score[top] > 0])
    return np.array(sorted(chosen), dtype=int)


def separating(x: sp.csr_matrix, codes, n_genes) -> np.ndarray:
    """The ``n_genes`` genes with the largest F statistic between types: (n_selected,) int, sorted."""
    from sklearn.feature_selection import f_classif

    seen = np.flatnonzero(x.getnnz(0))
    f = np.full(x.shape[1], -1.0)
    with np.errstate(divide="ignore", invalid="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # constant genes, which are never chosen
        f[seen] = np.nan_to_num(f_classif(x[:, seen], codes)[0], nan=-1, posinf=0)
    top = np.argsort(-f, kind="stable")[:n_genes]
    return np.sort(top[f[top] > 0])
