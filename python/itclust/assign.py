"""Soft assignment, auxiliary distribution, centroids, clusters: NumPy, nothing else."""

from __future__ import annotations

import numpy as np


def soft_assignment(z, centroids, alpha=1.0) -> np.ndarray:
    """Student's t similarity of cells to centroids (Hu et al. 2020, eq. 1).

    q_ij is proportional to (1 + ||z_i - mu_j||^2 / alpha)^(-(alpha + 1) / 2), rows sum to 1.

    Parameters
    ----------
    z : (n, n_latent) embedding.
    centroids : (n_clusters, n_latent).
    alpha : degrees of freedom.

    Returns
    -------
    q : (n, n_clusters)
    """
    d2 = np.maximum((z**2).sum(1)[:, None] - 2 * z @ centroids.T + (centroids**2).sum(1), 0)
    q = (1 + d2 / alpha) ** (-(alpha + 1) / 2)
    return q / q.sum(1, keepdims=True)


def auxiliary_distribution(q) -> np.ndarray:
    """Sharpened assignment p_ij proportional to q_ij^2 / sum_i q_ij (Hu et al. 2020, eq. 2); rows sum to 1."""
    weight = q**2 / np.maximum(q.sum(0), np.finfo(q.dtype).tiny)
    return weight / weight.sum(1, keepdims=True)


def class_means(z, codes, n) -> np.ndarray:
    """Mean row of ``z`` for each code 0..n-1; NaN for a code that no row has."""
    sums = np.zeros((n, z.shape[1]))
    np.add.at(sums, codes, z)
    with np.errstate(invalid="ignore"):
        return sums / np.bincount(codes, minlength=n)[:, None]


def stability(cluster, initial, n) -> np.ndarray:
    """Share of each cluster's cells that had the same label at the start; 0 for an empty cluster.

    Parameters
    ----------
    cluster, initial : (n_cells,) int in one numbering 0..n-1; ``initial`` may hold -1 for "none of these".
    n : number of clusters.
    """
    size = np.bincount(cluster, minlength=n)
    kept = np.bincount(cluster[cluster == initial], minlength=n)
    return np.divide(kept, size, out=np.zeros(n), where=size > 0)


def by_size(codes, n) -> np.ndarray:
    """Codes 0..n-1 ordered from the largest group to the smallest, empty ones left out; ties keep their order."""
    size = np.bincount(codes, minlength=n)
    order = np.argsort(-size, kind="stable")
    return order[size[order] > 0]


def runner_up(probabilities, cluster, label, n) -> np.ndarray:
    """For each cluster the type with the largest mean probability that is not its label.

    Parameters
    ----------
    probabilities : (n_cells, n_types).
    cluster : (n_cells,) int 0..n-1.
    label : (n,) int type of each cluster, -1 for none.
    """
    mean = class_means(probabilities, cluster, n)
    has = label >= 0
    mean[np.flatnonzero(has), label[has]] = -1
    return np.nanargmax(np.nan_to_num(mean, nan=-1), axis=1)
