"""Which target cells are of a type that the source never saw.

Whole pieces of the target are judged, not cells: a network that tells source types apart throws away what only a new type
has; the mean profile of many cells keeps it. A piece is what a cluster and a label have in common: a cluster that holds
several known types is taken apart, and there are enough pieces where types are many. How likely each is new is said by
:mod:`itclust.numerics.evidence`; pieces that are alike are called new together. Then cells are looked at: one that surely is
of a known type, and more like it than like the new type, stays. Cells too few for a cluster are seen by genes that no source
type and no target cluster expresses.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.sparse as sp

from itclust.numerics import neighbors, relatives
from itclust.numerics.assign import by_size
from itclust.numerics.clusters import Clusters, markers
from itclust.numerics.evidence import CANDIDATE, MANY, judged
from itclust.numerics.moments import Moments, group_means
from itclust.numerics.outliers import outlier_cells

COARSE, FINE = 2.0, 5.0  # Leiden resolutions: one for judging, a finer one for who belongs to it
# Leiden from three starts, on three graphs, logits averaged: where a border falls by chance matters less.
N_PARTITIONS = 3
# Cells; a smaller part of a cluster stays with the cluster's largest part. Among many types labels are surer to be mixed.
MIN_PIECE, MIN_PIECE_MANY = 5, 8
# A few odd cells are more often a technical oddity than a new type: a group that is ten times as large a share of the
# target needs 1 less in logits, from 0.5 % of the cells up, until it need only be likelier than not. SHARE is of some 8
# types; among more, the same share of one type.
SHARE, OF_TYPE = 0.05, 0.4
SMOOTH = 0.7  # share of a cell's neighbours in its score: cells at a border, rare cells in a large cluster
# A piece that may be new joins a new type that it is clearly nearer to than to any known piece.
NEARER = 0.8


class Novelty(NamedTuple):
    """What is new in the target.

    Attributes
    ----------
    score : (n,) in [0, 1], evidence that the cell's type is not in the source.
    group : (n,) int, -1: known; 0, 1, ...: new types, the largest first.
    nearest : (n_groups,) int, the source type nearest to each new one.
    knn : (n, k) int neighbours of the first partition, see :func:`partition`; None: there is none.
    """

    score: np.ndarray
    group: np.ndarray
    nearest: np.ndarray
    knn: np.ndarray | None = None


def score_novelty(
    moments: Moments, x: sp.csr_matrix, q, structure: neighbors.Structure, cut, min_cells, seed=0
) -> Novelty:
    """Score cells and find new types.

    Parameters
    ----------
    moments : of the source, over the same genes as ``x``.
    x : (n, n_genes) log values of the target.
    q : (n, n_types) soft assignment before fine-tuning sharpens it: ``mixed`` needs honest doubt.
    structure : the target's own, see :func:`itclust.numerics.neighbors.structure`.
    cut : probability from which a group of 5 % of the cells is called novel, see ``SHARE``.
    min_cells : that a new type needs.
    """
    n = x.shape[0]
    if structure.knn.shape[1] == 0:
        return Novelty(np.zeros(n), np.full(n, -1), np.zeros(0, int))
    label = (structure.average @ q).argmax(1)
    pairs = markers(moments)
    logit, called = np.zeros(n), np.zeros(n)
    for i in reversed(range(N_PARTITIONS)):  # the first partition last: its pieces are the ones that are grouped
        coarse, fine, cluster, knn = partition(moments.mean, x, structure, label, pairs, i, seed)
        clusters = Clusters(moments, x, q, coarse, fine, pairs, structure.variable)
        evidence, doubt = judged(clusters, moments.size)
        logit += evidence[fine] / N_PARTITIONS
        called += (evidence - doubt)[fine] / N_PARTITIONS
    called = np.bincount(fine, called) / clusters.n
    group = clusters.grouped(called > CANDIDATE)
    share = np.bincount(group + 1, clusters.n)[group + 1] / n
    call = np.log(cut / (1 - cut))
    larger = np.clip(np.log10(share / min(SHARE, OF_TYPE / q.shape[1])), -1, max(call, 0))
    novel = (group >= 0) & (called + larger > call)
    # cells of a new type get labels by chance: pieces of a cluster that is mostly new are new, unless they look known
    mostly = np.bincount(cluster, novel[fine]) / np.bincount(cluster) > 0.5
    novel |= (np.bincount(fine, mostly[cluster]) > 0) & (np.bincount(fine, logit) > 0)
    group = clusters.grouped(novel)
    novel &= np.bincount(group + 1, clusters.n)[group + 1] >= min_cells
    evidence = np.bincount(fine, logit) / clusters.n
    novel |= (evidence > 0) & clusters.nearer(novel, ~novel & (evidence < CANDIDATE), NEARER)
    group = clusters.grouped(novel)[fine]
    group[clusters.more_like_label(group)] = -1
    group = numbered(group, min_cells)
    nearest = group_means(q, group, group.max() + 1).argmax(1)
    score = 1 / (1 + np.exp(-logit))
    score = (1 - SMOOTH) * score + SMOOTH * score[knn].mean(1)
    score = 1 - (1 - score) * (1 - outlier_cells(moments, x, clusters.coarse_profile))
    return Novelty(score, group, nearest, knn)


def partition(mean, x: sp.csr_matrix, structure: neighbors.Structure, label, pairs, i, seed) -> tuple[np.ndarray, ...]:
    """Coarse and fine pieces (n,) of partition ``i``, the clusters (n,) of the fine ones, and neighbours (n, k).

    Among many types coarse and fine ones are the same, and as fine as types are: see :mod:`itclust.numerics.relatives`.

    Parameters
    ----------
    mean : (n_types, n_genes) log values of the source's types.
    label : (n,) int type of each cell, as far as is known.
    """
    graph = structure.graphs[i % len(structure.graphs)]
    if len(mean) < MANY:
        coarse, fine = (neighbors.leiden(graph, r, seed + i) for r in (COARSE, FINE))
        return pieces(coarse, label, MIN_PIECE), pieces(fine, label, MIN_PIECE), fine, structure.knn
    fine, knn = relatives.clusters(graph, x, label, structure.knn, mean, pairs, seed + i)
    found = pieces(fine, label, MIN_PIECE_MANY)
    return found, found, fine, knn


def pieces(cluster, label, least) -> np.ndarray:
    """What clusters (n,) and labels (n,) have in common: (n,) int piece 0, 1, ...

    Those of fewer than ``least`` cells join their cluster's largest.
    """
    pair, piece, size = np.unique(np.stack([cluster, label]), axis=1, return_inverse=True, return_counts=True)
    order = np.lexsort((size, pair[0]))  # the largest piece of each cluster last
    largest = order[np.searchsorted(pair[0][order], pair[0], side="right") - 1]
    to = np.where(size >= least, np.arange(len(size)), largest)
    return np.unique(to[piece.ravel()], return_inverse=True)[1]


def numbered(group, least) -> np.ndarray:
    """Groups (n,) of at least so many cells, 0, 1, ... the largest first; -1: in none."""
    size = np.bincount(group + 1)[1:]
    order = by_size(group[group >= 0], len(size))
    order = order[size[order] >= least]
    number = np.full(len(size) + 1, -1)
    number[order] = np.arange(len(order))
    return number[group]  # -1 is the last number, which is -1
