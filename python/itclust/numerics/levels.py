"""Levels of certainty: a tree over the source's types, and the deepest node that a cell's probabilities reach."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

CHUNK = 4096  # cells at once
LEAST = 1e-6  # probability that two types share: below it, they are as far apart as any


class Tree(NamedTuple):
    """Groups of types.

    Attributes
    ----------
    nodes : (n_nodes, n_types) bool, the types of each group of several, but not all; the smallest first.
    names : (n_nodes,) str.
    """

    nodes: np.ndarray
    names: np.ndarray


def tree(shared) -> np.ndarray:
    """Nodes of the tree over types by average linkage: those that held-back cells confuse are joined first.

    Parameters
    ----------
    shared : (n_types, n_types) mean probability of type k in the answers to held-back cells of type j.

    Returns
    -------
    nodes : (2 n_types - 2, n_types) bool, the types of each node: the leaves in order, then the joints from the deepest
        up. The joint of all types is left out: it says nothing.
    """
    from scipy.cluster.hierarchy import linkage
    from scipy.spatial.distance import squareform

    n = len(shared)
    nodes = list(np.eye(n, dtype=bool))
    if n > 2:
        apart = -np.log(np.clip((shared + shared.T) / 2, LEAST, 1))
        np.fill_diagonal(apart, 0)
        for a, b, *_ in linkage(squareform(apart, checks=False), "average")[:-1]:
            nodes.append(nodes[int(a)] | nodes[int(b)])
    return np.array(nodes).reshape(-1, n)


def deepest(p, label, nodes, level) -> tuple[np.ndarray, np.ndarray]:
    """The smallest node with the cell's own label whose summed probability reaches ``level``.

    Parameters
    ----------
    p : (n, n_types) probabilities; rows sum to at most 1, the rest is for types that the source lacks.
    label : (n,) int type.
    nodes : (n_nodes, n_types) bool, see :func:`tree`.
    level : probability that is asked for.

    Returns
    -------
    node : (n,) int, -1: none reaches it, the cell may be anything.
    probability : (n,) of the node; 1 where it is none.
    """
    node, probability, size = np.full(len(p), -1), np.ones(len(p)), nodes.sum(1)
    for i in range(0, len(p), CHUNK):
        rows = slice(i, i + CHUNK)
        sums = p[rows] @ nodes.T
        reach = nodes[:, label[rows]].T & (sums >= level)
        some = np.flatnonzero(reach.any(1))
        best = np.where(reach[some], size, nodes.shape[1] + 1).argmin(1)
        node[rows][some], probability[rows][some] = best, sums[some, best]
    return node, probability
