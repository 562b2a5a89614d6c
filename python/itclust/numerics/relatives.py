"""Clusters of the target where types are many: lineages first, then relatives within each.

What tells relatives apart is lost in components of all cells. Within a lineage it is seen by the lineage's own variable
genes, and by the markers of the source's types that its cells are labelled: a new type shows by lacking them.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from itclust.numerics import genes, neighbors

LINEAGES = 1.0  # Leiden resolution
# Resolutions within a lineage: the first one that gives a tenth more clusters than there are labels. Types of few cells
# would else share a cluster, and a new one would have none.
RESOLUTIONS, PER_LABEL = (0.5, 0.7, 1.0, 1.4), 1.1
N_NEIGHBORS = 10  # few, as types may have twenty cells
LOCAL_GENES, LOCAL_COMPONENTS = 500, 20  # of a lineage, at most
MIN_LABELLED = 3  # cells that a label needs in a lineage
MIN_VARIANCE = 0.05


def clusters(graph, x: sp.csr_matrix, label, knn, mean, pairs, seed=0) -> tuple[np.ndarray, np.ndarray]:
    """Clusters (n,) int as fine as types are, and the neighbours (n, k) within lineages that they rest on.

    Parameters
    ----------
    graph : igraph.Graph of all cells' neighbours, see :func:`itclust.numerics.neighbors.shared_neighbors`.
    x : (n, n_genes) CSR log values.
    label : (n,) int source type of each cell, as far as is known.
    knn : (n, k) int neighbours that the cells of small lineages keep.
    mean : (n_types, n_genes) log values of the source's types.
    pairs : see :func:`itclust.numerics.clusters.markers`.
    """
    near, n_lineages = within_lineages(graph, x, label, knn, mean, pairs, seed)
    own = neighbors.shared_neighbors(near)
    for resolution in RESOLUTIONS:
        found = neighbors.leiden(own, resolution * n_lineages, seed)
        if found.max() + 1 >= PER_LABEL * len(np.unique(label)):
            break
    return found, near


def within_lineages(graph, x, label, knn, mean, pairs, seed=0) -> tuple[np.ndarray, int]:
    """Nearest other cells (n, k) int of a cell's own lineage, and how many lineages there are; see :func:`clusters`."""
    lineage = neighbors.leiden(graph, LINEAGES, seed)
    return nearest(x, lineage, label, knn, mean, pairs, seed), int(lineage.max() + 1)


def nearest(x: sp.csr_matrix, lineage, label, knn, mean, pairs, seed=0) -> np.ndarray:
    """Nearest other cells (n, k) int of a cell's own lineage, by :func:`components` and :func:`contrasts`."""
    found = knn[:, :N_NEIGHBORS].copy()
    k = found.shape[1]
    for cells in (np.flatnonzero(lineage == g) for g in np.unique(lineage)):
        if len(cells) > 2 * k:
            own = x[cells]
            here, size = np.unique(label[cells], return_counts=True)
            points = [components(own, seed), contrasts(own, here[size >= MIN_LABELLED], mean, pairs)]
            found[cells] = cells[neighbors.nearest(np.hstack(points), k)]
    return found


def components(x: sp.csr_matrix, seed=0) -> np.ndarray:
    """Scores (n, n_components) on the components of ``x``'s variable genes, in units of the noise's standard deviation.

    Components that are larger than noise makes them, two at least: those above the edge of Marchenko and Pastur (1967).
    """
    variable = genes.variable([x], LOCAL_GENES)
    if len(variable) < 2:
        return np.zeros((x.shape[0], 0))
    found = neighbors.principal_components(x, variable, LOCAL_COMPONENTS, seed)
    z = found.scaled(x[:, variable].toarray())
    points, noise = found.projected(z), z.var(0).mean()
    edge = noise * (1 + np.sqrt(len(variable) / len(z))) ** 2
    return points[:, : max(2, (points.var(0) > edge).sum())] / np.sqrt(noise)


def contrasts(x: sp.csr_matrix, types, mean, pairs) -> np.ndarray:
    """Scores (n, n_types) for each of some source types against their mean, in units of the noise's standard deviation.

    A linear discriminant with independent genes, over the markers of the types against each other.

    Parameters
    ----------
    types : numbers of the types.
    mean, pairs : see :func:`clusters`.
    """
    telling = [pairs[i, j] for i in types for j in types if (i, j) in pairs]
    if not telling:
        return np.zeros((x.shape[0], 0))
    seen = np.unique(np.concatenate(telling))
    own, dense = mean[types][:, seen], x[:, seen].toarray()
    own, dense = own - own.mean(0), dense - dense.mean(0)
    var = dense.var(0) + MIN_VARIANCE
    return (dense / var) @ own.T / np.sqrt((own**2 / var).sum(1))
