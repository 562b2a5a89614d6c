"""Soft assignment, auxiliary distribution, centroids, clusters: NumPy, nothing else."""

from __future__ import annotations

import numpy as np

from itclust.numerics.moments import group_means


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


def network(x, weights, alpha) -> tuple[np.ndarray, np.ndarray]:
    """Embedding and soft assignment of dense cells, as the trained networks give them: ReLU, tanh at the embedding.

    Parameters
    ----------
    x : (n, n_genes).
    weights : kernel and bias of each layer, then the centroids, (n_starts, ...) each.

    Returns
    -------
    z : (n, n_latent) by the first network.
    q : (n, n_clusters) mean over the networks.
    """
    *layers, centroids = weights
    for i in range(0, len(layers), 2):
        x = x @ layers[i] + layers[i + 1][:, None]
        x = np.tanh(x) if i == len(layers) - 2 else np.maximum(x, 0)
    q = sum(soft_assignment(z, centres, alpha) for z, centres in zip(x, centroids, strict=True))
    return x[0], q / len(centroids)


def auxiliary_distribution(q) -> np.ndarray:
    """Sharpened assignment p_ij proportional to q_ij^2 / sum_i q_ij (Hu et al. 2020, eq. 2); rows sum to 1."""
    weight = q**2 / np.maximum(q.sum(0), np.finfo(q.dtype).tiny)
    return weight / weight.sum(1, keepdims=True)


def smooth_over_neighbors(q, average, weight, rounds=5, floor=0.02) -> np.ndarray:
    """Auxiliary distribution of the default recipe: each cell's q times its neighbours' mean answer, iterated.

    p_ij is proportional to q_ij (sum_k w_ik p_kj + floor)^weight, rows sum to 1: a mean field over the graph. Unlike
    Hu et al. 2020, eq. 2, it does not divide by cluster frequency, which would push towards clusters of equal size.

    Parameters
    ----------
    q : (n, n_clusters) soft assignment.
    average : (n, n) weights of the neighbours, rows sum to 1.
    weight : how much the neighbours say.
    rounds : of the iteration.
    floor : keeps a type alive that no neighbour has.
    """
    p = q
    for _ in range(rounds):
        p = q * (average @ p + floor) ** weight
        p = p / p.sum(1, keepdims=True)
    return p


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


def divided(q, part, z, alpha) -> np.ndarray:
    """One cluster's column of q over the parts that its cells fall apart into: (n, n_parts), rows sum to ``q``.

    A cell of the cluster gives all to its own part; any other cell by its soft assignment to the parts' centroids.

    Parameters
    ----------
    q : (n,) soft assignment to the cluster.
    part : (n,) int 0, 1, ...; -1: not a cell of the cluster.
    z : (n, n_latent) embedding.
    alpha : see :func:`soft_assignment`.
    """
    n, mine = part.max() + 1, part >= 0
    share = soft_assignment(z, group_means(z[mine], part[mine], n), alpha)
    share[mine] = np.eye(n, dtype=share.dtype)[part[mine]]
    return q[:, None] * share


def runner_up(probabilities, cluster, label, n) -> np.ndarray:
    """For each cluster the type with the largest mean probability that is not its label.

    Parameters
    ----------
    probabilities : (n_cells, n_types).
    cluster : (n_cells,) int 0..n-1.
    label : (n,) int type of each cluster, -1 for none.
    """
    mean = group_means(probabilities, cluster, n)
    has = label >= 0
    mean[np.flatnonzero(has), label[has]] = -1
    return np.nanargmax(np.nan_to_num(mean, nan=-1), axis=1)


# A cluster that is called novel lies beyond the cut, where the score is 0.5 and calls were right 3 times in 4; steeper
# than the score, whose prior is for clusters in general.
NOVEL_OFFSET, NOVEL_SLOPE = np.log(3), 2.0
# A label that stays may still hide a new type. The score is evidence at even odds; the odds before it are the share of
# the target's cells that are called new: where a new type was found, what looks like it and was left behind is one too,
# where none was, a strange cell is strange for another reason. At least 0.02, since some are missed everywhere, and at
# most 0.3: where more is new, those called took with them what the others would be suspected of. EVEN: the odds of a cell that
# was missed where the score says even, from a logistic regression over the development pairs.
MISSED, MOST_NEW, EVEN = 0.02, 0.3, 0.8
TINY = 1e-9  # of a type that a cell has nothing of: where all is new, the rest is no type's more than another's


def hidden(is_novel, novelty) -> np.ndarray:
    """Probability (n,) that a cell's type is not in the source although it bears the label of one.

    Parameters
    ----------
    is_novel : (n,) bool, called new.
    novelty : (n,) score in [0, 1].
    """
    odds = EVEN * _odds(novelty) * (min(is_novel.mean(), MOST_NEW) + MISSED)
    return odds / (1 + odds)


def _odds(score) -> np.ndarray:
    """Odds of a score in [0, 1], of which none counts as quite sure."""
    s = np.clip(score, 1e-3, 1 - 1e-3)
    return s / (1 - s)


def beliefs(known, is_novel, novelty) -> np.ndarray:
    """Probability (n, n_types + 1) of each source type and, last, that the cell's type is none of them; rows sum to 1.

    Of a known label it is P(known) x P(type | known).

    Parameters
    ----------
    known : (n, n_types) probabilities of the types, see :func:`itclust.numerics.heldout.tempered`; rows sum to at most 1.
    is_novel : (n,) bool, called new.
    novelty : (n,) score in [0, 1], or None.
    """
    known = np.maximum(known, TINY)
    total = known.sum(1)
    new = np.maximum(1 - total, 0)
    if novelty is not None:
        called = 1 / (1 + np.exp(-(NOVEL_OFFSET + NOVEL_SLOPE * np.log(_odds(novelty)))))
        new = np.where(is_novel, called, 1 - np.minimum(total, 1) * (1 - hidden(is_novel, novelty)))
    return np.concatenate([known * ((1 - new) / total)[:, None], new[:, None]], axis=1)
