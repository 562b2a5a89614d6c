"""Cells of new types too few for a cluster: seen one by one, by genes that no source type and no target cluster expresses."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from itclust.numerics.moments import Moments

# What a lone cell's genes say: its three strangest, half believed at 3.5 robust standard deviations, and never more than
# half, since doublets have such genes as well. Known cells of the development pairs reach 4 in 0.1 to 3 % of cases. The
# curve is steep: ordinary cells' strangest genes are noise, which must not reorder what their clusters say.
LONE, LONE_FROM, LONE_SLOPE, LONE_GENES, LONE_MIN_SD = 0.5, 3.5, 2.0, 3, 0.1


def outlier_cells(moments: Moments, x: sp.csr_matrix, profiles) -> np.ndarray:
    """Evidence (n,) in [0, LONE] from a cell's own strangest genes.

    How far they lie above the largest mean of any source type and any target cluster, less the cell's smallest value (a
    count of one), beside all cells: in robust standard deviations, through a logistic curve.

    Parameters
    ----------
    moments, x : see :func:`itclust.numerics.novelty.score_novelty`.
    profiles : (n_clusters, n_genes) mean log values of the target's clusters.
    """
    excess = x.data - np.maximum(moments.mean.max(0), profiles.max(0))[x.indices]
    row = np.repeat(np.arange(x.shape[0]), np.diff(x.indptr))
    strangest = np.zeros(x.shape[0])
    for _ in range(LONE_GENES):
        top = _row_max(np.maximum(excess, 0), x)
        strangest += top / LONE_GENES
        excess[excess >= top[row]] = -1
    strangest -= 1 / np.maximum(_row_max(1 / np.maximum(x.data, 1e-6), x), 1e-6)
    centre = np.median(strangest)
    sd = max(1.4826 * np.median(np.abs(strangest - centre)), LONE_MIN_SD)
    return LONE / (1 + np.exp(LONE_SLOPE * (LONE_FROM - (strangest - centre) / sd)))


def _row_max(data, x) -> np.ndarray:
    """Largest of ``data``, values in place of those of ``x``, in each row: (n,)."""
    return sp.csr_matrix((data, x.indices, x.indptr), x.shape).max(1).toarray().ravel()
