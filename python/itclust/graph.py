"""The target's own neighbourhoods."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

EXACT_BELOW = 20_000  # cells; above, neighbours are approximate (NN-descent)


def dispersed(x: sp.csr_matrix, n_top) -> np.ndarray:
    """Column numbers of the ``n_top`` genes with the largest variance for their mean (scanpy's "seurat" flavour)."""
    import anndata as ad
    import scanpy as sc

    if x.shape[1] <= n_top:
        return np.arange(x.shape[1])
    table = sc.pp.highly_variable_genes(ad.AnnData(x), flavor="seurat", n_top_genes=n_top, inplace=False)
    return np.flatnonzero(table["highly_variable"].to_numpy())


def principal_components(x: sp.csr_matrix, n_components=50, seed=0) -> np.ndarray:
    """Scores (n, n_components) of the centred matrix, without making it dense."""
    from sklearn.decomposition import PCA

    n = min(n_components, min(x.shape) - 1)
    return PCA(n, svd_solver="arpack", random_state=seed).fit_transform(x.astype(np.float64))


def neighbours(points, n_neighbors, seed=0) -> np.ndarray:
    """Indices (n, n_neighbors) of the nearest other points."""
    n = len(points)
    k = min(n_neighbors, n - 1)
    if n <= EXACT_BELOW:
        from sklearn.neighbors import NearestNeighbors

        return NearestNeighbors(n_neighbors=k).fit(points).kneighbors(return_distance=False)
    from pynndescent import NNDescent

    return NNDescent(points, n_neighbors=k + 1, random_state=seed).neighbor_graph[0][:, 1:]


def averaging(index) -> sp.csr_matrix:
    """Matrix (n, n) that averages a cell with its neighbours; rows sum to 1."""
    n, k = index.shape
    columns = np.column_stack([np.arange(n), index]).ravel()
    weight = np.full(n * (k + 1), 1 / (k + 1), np.float32)
    return sp.csr_matrix((weight, columns, np.arange(n + 1) * (k + 1)), (n, n))
