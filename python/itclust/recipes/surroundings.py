"""Whom a target's cell is compared with: the target's own structure, and the neighbours that answers are averaged over."""

from __future__ import annotations

import scipy.sparse as sp

from itclust.numerics import evidence, neighbors, relatives
from itclust.numerics.clusters import markers

MOST_COMPONENTS = 200  # of the source's markers, however many types there are


def structure(x: sp.csr_matrix, columns, q, settings, seed) -> neighbors.Structure:
    """The target's structure by its own variable genes; by the source's markers where those bring strangers together.

    With many types of few cells, a type's own genes are lost among the variable ones. Which it is shows in how many
    neighbours have a cell's first answer.

    Parameters
    ----------
    x : (n, n_genes) CSR log values.
    columns : of the source's markers.
    q : (n, n_types) first answers.
    """
    from itclust.recipes import training

    own, answer = neighbors.structure(x, settings.n_neighbors, seed=seed), q.argmax(1)
    among_own = neighbors.concordance(own.average, answer)
    if among_own >= training.NEIGHBORS_TO or len(columns) < 2 or own.components is None:
        return own
    n_components = max(min(q.shape[1], MOST_COMPONENTS), own.points.shape[1])
    other = neighbors.structure(x, settings.n_neighbors, seed=seed, columns=columns, n_components=n_components)
    return other if neighbors.concordance(other.average, answer) > among_own else own


def average(around: neighbors.Structure, of_types, x: sp.csr_matrix, q, seed, near=None) -> sp.csr_matrix:
    """Average (n, n) over mutual neighbours: of all cells; where types are many, of a cell's own lineage.

    Parameters
    ----------
    of_types : moments of the source's types, over the same genes as ``x``.
    x, q : see :func:`structure`.
    near : (n, k) those of a cell's lineage, which the search for new types has found; None: it did not run.
    """
    if len(of_types.mean) < evidence.MANY or around.snn is None:
        return around.average
    if near is None:
        label, pairs = (around.average @ q).argmax(1), markers(of_types)
        near, _ = relatives.within_lineages(around.snn, x, label, around.knn, of_types.mean, pairs, seed)
    return neighbors.mutual(near)
