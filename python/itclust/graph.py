"""The target's own neighbourhoods: components, nearest neighbours, averages over mutual ones, clusters, parts of a label."""

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
# A label's cells fall apart where each part, of at least so many cells, has at most 3 % of its edges' weight to the
# others: two stimuli, two laboratories, two types under one name do; one type cut in two by chance has 5 % or more.
APART, MIN_PART, PART_RESOLUTION = 0.03, 10, 0.3


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


def concordance(average, codes) -> float:
    """Share of the neighbours, by their weights in ``average``, that have a cell's own code; 1 where there are none."""
    own = average.diagonal().sum()
    alike = sum(average[mine][:, mine].sum() for mine in (np.flatnonzero(codes == k) for k in np.unique(codes)))
    others = average.sum() - own
    return float((alike - own) / others) if others > 1e-6 else 1.0


class Structure(NamedTuple):
    """The target's own structure.

    Attributes
    ----------
    columns : variable genes, column numbers.
    near : (n, k) indices of each cell's nearest other cells.
    average : (n, n) average over mutual neighbours, see :func:`mutual`.
    points : (n, n_components) principal components.
    net : igraph.Graph, see :func:`shared_neighbours`; None where there are no neighbours.
    """

    columns: np.ndarray
    near: np.ndarray
    average: sp.csr_matrix
    points: np.ndarray
    net: object = None


def structure(x: sp.csr_matrix, n_neighbors=15, n_genes=2000, seed=0) -> Structure:
    """Components of the target's own variable genes and the neighbours among them.

    Averages go over fewer neighbours in small targets: at most one cell in 80, but 5. More of them overrule right answers
    where types have few cells. The ``near`` cells are those on
    the first 20 components, which keep rare types apart better than more do.
    """
    n = x.shape[0]
    columns = genes.variable(x, n_genes)
    if n < 3 or len(columns) < 2 or n_neighbors < 1:
        near = np.zeros((n, 0), int)
        return Structure(columns, near, mutual(near), np.zeros((n, 1)))
    points = principal_components(x, columns, seed=seed)
    average = mutual(neighbours(points, min(n_neighbors, max(5, n // 80)), seed))
    near = neighbours(points[:, :20], n_neighbors, seed)
    return Structure(columns, near, average, points, shared_neighbours(near))


def shared_neighbours(near):
    """igraph.Graph of neighbours; the edges' attribute ``weight`` is the Jaccard index of their neighbourhoods."""
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
    return igraph.Graph(n=n, edges=np.column_stack([upper.row, upper.col])[kept], edge_attrs={"weight": weight[kept]})


def leiden(net, resolution, seed=0) -> np.ndarray:
    """Leiden clusters by modularity (Traag et al. 2019): (n,) int."""
    import igraph

    igraph.set_random_number_generator(random.Random(seed))
    try:
        found = net.community_leiden("modularity", weights="weight", resolution=resolution, n_iterations=3)
    finally:
        igraph.set_random_number_generator(random)
    return np.array(found.membership)


def parts(net, cells, seed=0) -> np.ndarray:
    """Parts into which some cells clearly fall apart: (len(cells),) int, 0 the largest; all 0 where they do not.

    Leiden clusters of the cells' own graph; the one that is tied to the others most joins the one it is tied to most,
    until every part is large and separate enough.

    Parameters
    ----------
    net : see :func:`shared_neighbours`.
    cells : sorted int, which ones.
    """
    if len(cells) < 2 * MIN_PART:
        return np.zeros(len(cells), int)
    own = net.induced_subgraph(cells)
    part = leiden(own, PART_RESOLUTION, seed)
    member = genes.members(part)
    ends = np.array(own.get_edgelist(), int).reshape(-1, 2)
    edges = sp.csr_matrix((own.es["weight"], (ends[:, 0], ends[:, 1])), (len(part), len(part)))
    ties = (member @ (edges + edges.T) @ member.T).toarray()
    while len(ties) > 1:
        size = np.bincount(part)
        away = 1 - ties.diagonal() / np.maximum(ties.sum(1), 1e-12)
        worst = np.where(size < MIN_PART, 1 + away, away).argmax()
        if away[worst] <= APART and size[worst] >= MIN_PART:
            break
        others = np.arange(len(ties)) != worst
        to = np.lexsort((size * others, ties[worst] * others, others))[-1]
        ties[to] += ties[worst]
        ties[:, to] += ties[:, worst]
        ties = ties[np.ix_(others, others)]
        part[part == worst] = to
        part[part > worst] -= 1
    rank = np.argsort(np.argsort(-np.bincount(part), kind="stable"))
    return rank[part]
