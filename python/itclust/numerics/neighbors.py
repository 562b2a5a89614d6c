"""The target's own neighbourhoods: components, nearest neighbours, averages over mutual ones, clusters, subclusters."""

from __future__ import annotations

import random
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp

from itclust.numerics import genes
from itclust.numerics.moments import members

CHUNK = 8192  # cells that are dense at once
MANY_CELLS = 6000  # from which the genes' covariance is the faster way to the exact components
GRAPHS = (20, 15, 25)  # components whose neighbours make a graph
MIN_SD = 0.1  # added to a gene's spread before scaling
CLIP = 8.0
# A label's cells are split where each subcluster, of at least so many cells, has at most 3 % of its edges' weight to the
# others: two stimuli, two laboratories, two types under one name do; one type cut in two by chance has 5 % or more.
MOST_TIES, MIN_SUBCLUSTER, RESOLUTION = 0.03, 10, 0.3


class Components(NamedTuple):
    """Principal components of z-scored genes.

    Attributes
    ----------
    genes : (n_genes,) column numbers.
    mean, sd : (n_genes,) what is taken off a gene's log values, and what they are divided by.
    centre : (n_genes,) of the z-scores; ``axes`` (n_components, n_genes).
    """

    genes: np.ndarray
    mean: np.ndarray
    sd: np.ndarray
    centre: np.ndarray
    axes: np.ndarray

    def scores(self, x: sp.csr_matrix) -> np.ndarray:
        """(n, n_components) of log values (n, n_all_genes)."""
        x = sp.csr_matrix(x[:, self.genes])
        parts = [x[i : i + CHUNK].toarray() for i in range(0, x.shape[0], CHUNK)]
        return np.concatenate([self.projected(self.scaled(p)) for p in parts])

    def sparse_scores(self, x: sp.csr_matrix) -> np.ndarray:
        """:meth:`scores` up to rounding, without dense cells: what a value adds to the score of a zero."""
        x = sp.csr_matrix(x[:, self.genes])
        zero = self.scaled(np.zeros((1, len(self.genes)), x.dtype))
        added = np.clip((x.data - self.mean[x.indices]) / self.sd[x.indices], -CLIP, CLIP) - zero[0, x.indices]
        return sp.csr_matrix((added, x.indices, x.indptr), x.shape) @ self.axes.T + (zero - self.centre) @ self.axes.T

    def projected(self, z) -> np.ndarray:
        """Scores of z-scores."""
        return z @ self.axes.T - self.centre @ self.axes.T

    def scaled(self, dense) -> np.ndarray:
        """z-scores, clipped."""
        z = dense - self.mean
        z /= self.sd
        return np.clip(z, -CLIP, CLIP, out=z)


def principal_components(x: sp.csr_matrix, columns, n_components=30, seed=0) -> Components:
    """Components of the genes ``columns`` of log values ``x`` (n, n_all_genes)."""
    from sklearn.decomposition import PCA

    dense = x[:, columns].toarray()
    mean, sd = dense.mean(0), dense.std(0) + MIN_SD
    found = Components(columns, mean, sd, np.zeros(0), np.zeros(0))
    k = max(1, min(n_components, min(dense.shape) - 1))
    z = found.scaled(dense)
    del dense  # one dense matrix at a time
    solver = "arpack" if len(z) < MANY_CELLS else "covariance_eigh"
    pca = PCA(k, copy=False, svd_solver=solver, random_state=seed).fit(z)
    return found._replace(centre=pca.mean_, axes=pca.components_)


def nearest(points, n_neighbors) -> np.ndarray:
    """Indices (n, k) of the nearest other points, k at most ``n_neighbors``; exact, by blocks of distances."""
    from sklearn.neighbors import NearestNeighbors

    k = min(n_neighbors, len(points) - 1)
    return NearestNeighbors(n_neighbors=k, algorithm="brute").fit(points).kneighbors(return_distance=False)


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
    variable : variable genes, column numbers.
    knn : (n, k) indices of each cell's nearest other cells.
    average : (n, n) average over mutual neighbours, see :func:`mutual`.
    components : see :class:`Components`; None where there are no neighbours.
    points : (n, n_components) principal components of the cells.
    graphs : igraph.Graph of the ``knn`` first, see :func:`shared_neighbors`, and of neighbours on other numbers of components;
        none where there are no neighbours.
    """

    variable: np.ndarray
    knn: np.ndarray
    average: sp.csr_matrix
    components: Components | None
    points: np.ndarray
    graphs: tuple = ()

    @property
    def snn(self):
        """The first graph, or None."""
        return self.graphs[0] if self.graphs else None


def structure(x: sp.csr_matrix, n_neighbors=15, n_genes=2000, seed=0, columns=None, n_components=30) -> Structure:
    """Components of the target's own variable genes, or of the genes ``columns``, and the neighbours among them.

    Averages go over fewer neighbours in small targets, at most one cell in 80, but 5: more of them overrule right answers
    where types have few cells. The ``knn`` are those on the first 20 components, which keep rare types apart better than
    more do; what hangs on these very 20 is chance, which the other graphs tell.
    """
    n = x.shape[0]
    variable = genes.variable([x], n_genes)
    if n < 3 or len(variable) < 2 or n_neighbors < 1:
        none = np.zeros((n, 0), int)
        return Structure(variable, none, mutual(none), None, np.zeros((n, 1)))
    seen = variable if columns is None else columns
    components = principal_components(x, seen, n_components, seed)
    points = components.scores(x)
    average = mutual(nearest(points, min(n_neighbors, max(5, n // 80))))
    firsts = GRAPHS if columns is None else (n_components,)
    knn = [nearest(points[:, :k], n_neighbors) for k in firsts]
    return Structure(variable, knn[0], average, components, points, tuple(shared_neighbors(k) for k in knn))


def shared_neighbors(knn):
    """igraph.Graph of neighbours; the edges' attribute ``weight`` is the Jaccard index of their neighbourhoods."""
    import igraph

    n, k = knn.shape
    edges = sp.csr_matrix((np.ones(n * k, np.float32), knn.ravel(), np.arange(n + 1) * k), (n, n))
    edges = edges + sp.eye(n, dtype=np.float32, format="csr")
    upper = sp.triu(edges.maximum(edges.T), 1).tocoo()
    weight = np.empty(upper.nnz)
    for i in range(0, upper.nnz, 200_000):  # on the edges alone: no n x n
        a, b = upper.row[i : i + 200_000], upper.col[i : i + 200_000]
        both = np.asarray(edges[a].multiply(edges[b]).sum(1)).ravel()
        weight[i : i + 200_000] = both / (2 * (k + 1) - both)
    kept = weight > 0
    return igraph.Graph(n=n, edges=np.column_stack([upper.row, upper.col])[kept], edge_attrs={"weight": weight[kept]})


def leiden(snn, resolution, seed=0) -> np.ndarray:
    """Leiden clusters by modularity (Traag et al. 2019): (n,) int."""
    import igraph

    igraph.set_random_number_generator(random.Random(seed))
    try:
        found = snn.community_leiden("modularity", weights="weight", resolution=resolution, n_iterations=3)
    finally:
        igraph.set_random_number_generator(random)
    return np.array(found.membership)


def subclusters(snn, cells, seed=0) -> np.ndarray:
    """Subclusters into which some cells clearly fall apart: (len(cells),) int, 0 the largest; all 0 where they do not.

    Leiden clusters of the cells' own graph; the one that is tied to the others most joins the one it is tied to most,
    until every subcluster is large and separate enough.

    Parameters
    ----------
    snn : see :func:`shared_neighbors`.
    cells : sorted int, which ones.
    """
    if len(cells) < 2 * MIN_SUBCLUSTER:
        return np.zeros(len(cells), int)
    own = snn.induced_subgraph(cells)
    found = leiden(own, RESOLUTION, seed)
    member = members(found)
    ends = np.array(own.get_edgelist(), int).reshape(-1, 2)
    edges = sp.csr_matrix((own.es["weight"], (ends[:, 0], ends[:, 1])), (len(found), len(found)))
    ties = (member @ (edges + edges.T) @ member.T).toarray()
    while len(ties) > 1:
        size = np.bincount(found)
        away = 1 - ties.diagonal() / np.maximum(ties.sum(1), 1e-12)
        worst = np.where(size < MIN_SUBCLUSTER, 1 + away, away).argmax()
        if away[worst] <= MOST_TIES and size[worst] >= MIN_SUBCLUSTER:
            break
        others = np.arange(len(ties)) != worst
        to = np.lexsort((size * others, ties[worst] * others, others))[-1]
        ties[to] += ties[worst]
        ties[:, to] += ties[:, worst]
        ties = ties[np.ix_(others, others)]
        found[found == worst] = to
        found[found > worst] -= 1
    rank = np.argsort(np.argsort(-np.bincount(found), kind="stable"))
    return rank[found]
