"""The target's own neighbourhoods: principal components, nearest neighbours, averages over mutual ones."""

from __future__ import annotations

import random
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp

from itclust import genes

EXACT_BELOW = 20_000  # cells; above, components come from a sample and neighbours from NN-descent
CHUNK = 8192
MIN_SD = 0.1  # added to a gene's spread before scaling
CLIP = 8.0


def principal_components(x: sp.csr_matrix, columns, n_components=30, seed=0) -> np.ndarray:
    """Scores (n, n_components) of the z-scored genes ``columns``; above ``EXACT_BELOW`` cells fitted on a sample."""
    from sklearn.decomposition import PCA

    n = x.shape[0]
    rows = np.arange(n) if n <= EXACT_BELOW else np.sort(np.random.default_rng(seed).permutation(n)[:EXACT_BELOW])
    x = x[:, columns]
    sample = x[rows].toarray()
    mean, sd = sample.mean(0), sample.std(0) + MIN_SD

    def scaled(part):
        return np.clip((part - mean) / sd, -CLIP, CLIP)

    k = max(1, min(n_components, min(sample.shape) - 1))
    pca = PCA(k, svd_solver="randomized", random_state=seed).fit(scaled(sample))
    return np.concatenate([pca.transform(scaled(x[i : i + CHUNK].toarray())) for i in range(0, n, CHUNK)])


def neighbours(points, n_neighbors, seed=0) -> np.ndarray:
    """Indices (n, k) of the nearest other points, k at most ``n_neighbors``."""
    n = len(points)
    k = min(n_neighbors, n - 1)
    if n <= EXACT_BELOW:
        from sklearn.neighbors import NearestNeighbors

        return NearestNeighbors(n_neighbors=k).fit(points).kneighbors(return_distance=False)
    from pynndescent import NNDescent

    return NNDescent(points, n_neighbors=k + 1, random_state=seed).neighbor_graph[0][:, 1:]


def mutual(index) -> sp.csr_matrix:
    """Matrix (n, n), rows sum to 1, that averages a cell with its mutual neighbours.

    A cell counts as two neighbours of itself, so that cells with few mutual neighbours (rare types) keep their own answer.
    """
    n, k = index.shape
    near = sp.csr_matrix((np.ones(n * k, np.float32), index.ravel(), np.arange(n + 1) * k), (n, n))
    both = near.multiply(near.T) + 2 * sp.eye(n, dtype=np.float32, format="csr")
    return sp.csr_matrix(sp.diags(1 / np.asarray(both.sum(1)).ravel()) @ both, dtype=np.float32)


class Structure(NamedTuple):
    """The target's own structure.

    Attributes
    ----------
    columns : variable genes, column numbers.
    near : (n, k) indices of each cell's nearest other cells.
    average : (n, n) average over mutual neighbours, see :func:`mutual`.
    points : (n, n_components) principal components.
    """

    columns: np.ndarray
    near: np.ndarray
    average: sp.csr_matrix
    points: np.ndarray


def structure(x: sp.csr_matrix, n_neighbors=15, n_genes=2000, seed=0) -> Structure:
    """Components of the target's own variable genes and the neighbours among them.

    Averages go over fewer neighbours in small targets: at most 5 % of the cells, but 5. The ``near`` cells are those on
    the first 20 components, which keep rare types apart better than more do.
    """
    n = x.shape[0]
    columns = genes.variable(x, n_genes)
    if n < 3 or len(columns) < 2:
        near = np.zeros((n, 0), int)
        return Structure(columns, near, mutual(near), np.zeros((n, 1)))
    points = principal_components(x, columns, seed=seed)
    average = mutual(neighbours(points, min(n_neighbors, max(5, n // 20)), seed))
    return Structure(columns, neighbours(points[:, :20], n_neighbors, seed), average, points)


def shared_neighbours(near):
    """igraph.Graph of neighbours, weighted by the Jaccard index of their neighbourhoods; and the weights."""
    import igraph

    n, k = near.shape
    edges = sp.csr_matrix((np.ones(n * k, np.float32), near.ravel(), np.arange(n + 1) * k), (n, n))
    edges = edges + sp.eye(n, dtype=np.float32, format="csr")
    upper = sp.triu(edges.maximum(edges.T), 1).tocoo()
    weight = np.empty(upper.nnz)
    for i in range(0, upper.nnz, 200_000):  # on the edges alone: no n x n
        a, b = upper.row[i : i + 200_000], upper.col[i : i + 200_000]
        both = np.asarray(edges[a].multiply(edges[b]).sum(1)).ravel()
        weight[i : i + 200_000] = both / (2 * (k + 1) - both)
    kept = weight > 0
    return igraph.Graph(n=n, edges=np.column_stack([upper.row, upper.col])[kept]), weight[kept]


def leiden(graph, weights, resolution, seed=0) -> np.ndarray:
    """Leiden clusters by modularity (Traag et al. 2019): (n,) int."""
    import igraph

    igraph.set_random_number_generator(random.Random(seed))
    try:
        found = graph.community_leiden("modularity", weights=weights, resolution=resolution, n_iterations=3)
    finally:
        igraph.set_random_number_generator(random)
    return np.array(found.membership)
