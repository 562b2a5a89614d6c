"""Which target cells are of a type that the source never saw.

Whole pieces of the target are judged, not cells: a network that tells source types apart throws away what only a new type
has; the mean profile of many cells keeps it. A piece is what a cluster and a label have in common: a cluster that holds
several known types is taken apart, and there are enough pieces where types are many. Four numbers a piece, each another
question, are added up with fixed weights:

``d_type``
    1 - best correlation with a source type over the pairwise markers, each side centred by the types that both have,
    corrected for the sampling noise of the means: is there a type that looks like this?
``own``
    markers that neither a source type nor another group of clusters has: has it something of its own?
``lost``
    - (how far the piece keeps its type's markers): are the markers that made it this type there?
``d_plain``
    as ``d_type``, each side centred by its own mean, finer clusters: the same without trusting the assignment.

How large the sum is where nothing is new differs from pair to pair, more than it differs between known and new. So the
sum is compared with the pair's own level: see :func:`level`. Two more numbers can only veto:

``mixed``
    do its cells surely belong to different known types? Then something technical holds them together.
``far``
    is it much farther from its nearest type than that type is from the next one? Then it is more than another type: cells
    under stress, or of poor quality.

Cells too few for a cluster are seen one by one: by genes that no source type and no target cluster expresses.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.sparse as sp

from itclust.numerics import neighbors, relatives
from itclust.numerics.clusters import Clusters, markers
from itclust.numerics.moments import Moments
from itclust.numerics.outliers import outlier_cells

COARSE, FINE = 2.0, 5.0  # Leiden resolutions: one for judging, a finer one for who belongs to it
# Leiden from three starts, on three graphs, logits averaged: where a border falls by chance matters less.
N_PARTITIONS = 3
MOST_EVIDENCE = 4.0  # logits that one partition may add: its chance mixtures decide nothing alone
# Cells; a smaller part of a cluster stays with the cluster's largest part. Among many types labels are surer to be mixed.
MIN_PIECE, MIN_PIECE_MANY = 5, 8
# Weights of the standardised numbers, mean and standard deviation: fitted by benchmarks/fit_novelty.py, a logistic
# regression over all leave-out tasks, each task, and its known and its new cells, counting alike.
FEATURES = ("d_type", "own", "lost", "d_plain")
MEAN = np.array([0.272, 0.275, -0.748, 0.367])
SD = np.array([0.194, 0.222, 0.236, 0.209])
WEIGHTS = np.array([0.441, 0.404, 1.218, 0.530])
# The same for what is left beside the pair's level: GAIN * (sum - best) - SPREAD * (usual - best) + INTERCEPT. Those fits
# have as many novel as known cells, real targets do not: odds 1 : e before anything is seen.
GAIN, SPREAD, INTERCEPT = 1.284, 0.663, -1.509
PRIOR = -1.0
MOST_SPREAD = 1.5  # of the usual above the best: more is no spread of known cells, most of the target is new
# With few types, those fits say how far types' best pieces lie apart (SPREAD_SD); from two dozen on, the pair does, from a
# dozen on in between: its own robust standard deviation, never less than a seventh of SPREAD_SD. There, small pieces have
# a larger spread than others: half of the variance of a piece of ordinary size is that of its cells' mean.
SPREAD_SD, FEW, MANY, LEAST_SPREAD, SAMPLED = 0.5, 12, 24, 0.15, 0.5
# A few odd cells are more often a technical oddity than a new type: a group that is ten times as large a share of the
# target needs 1 less in logits, from 0.5 % of the cells up, until it need only be likelier than not. SHARE is of some 8
# types; among more, the same share of one type. Pieces that may be new are grouped from -0.5 on.
SHARE, OF_TYPE, CANDIDATE = 0.05, 0.4, -0.5
SMOOTH = 0.7  # share of a cell's neighbours in its score: cells at a border, rare cells in a large cluster
# A piece whose cells surely are of different known types is not called novel, while its score stays. The veto starts
# at 0.17 nats of mutual information (15 % of the cells of another type); it is soft, and weighs 4 at most, since cells
# of a new type that is like none of the source's get labels by chance. Among many types a new one gets the labels of its
# relatives: the veto starts where three types have a third of the cells each.
MIXED_FROM, MIXED_FROM_MANY, MIXED_SLOPE, MIXED_MOST = 0.17, 1.1, 12.0, 4.0
# Nor is a piece that keeps its type's markers (beyond the middle between its type and the others) and has little of its
# own: a shift within the type, by stimulus or technique. A label stays where the evidence is thin. Many types say by their
# spread how far such shifts go, and this veto and the next are not needed.
KEPT, LITTLE_OWN, KEPT_WEIGHT = 0.63, 0.42, 6.0
MORE_OWN = 0.3  # the better it keeps its type's markers, the more of its own it needs
FAR, FAR_WEIGHT = 1.8, 4.0  # half of the known pieces that would be called new lie beyond it, and 2 % of the new ones
# Where nine in ten cells of a type may be new, and the type is no more than twice as common as in the source, it
# more likely is that type in another state, and 2 more in logits are asked, 4 among many types. A new type that is taken
# for one that the target lacks has no reason to be as common.
WHOLE, AS_COMMON, WHOLE_WEIGHT = 0.9, 2.0, 2.0
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
    group = clusters.grouped(novel)
    n_groups = int((np.bincount(group + 1, clusters.n)[1:] >= min_cells).sum())  # the largest come first
    group[group >= n_groups] = -1
    mass = np.array([q[group[fine] == k].sum(0) for k in range(n_groups)]).reshape(n_groups, q.shape[1])
    score = 1 / (1 + np.exp(-logit))
    score = (1 - SMOOTH) * score + SMOOTH * score[knn].mean(1)
    score = 1 - (1 - score) * (1 - outlier_cells(moments, x, clusters.coarse_profile))
    return Novelty(score, group[fine], mass.argmax(1) if n_groups else np.zeros(0, int), knn)


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


def judged(clusters: Clusters, of_source) -> tuple[np.ndarray, np.ndarray]:
    """Evidence (n_pieces,) that the pieces are new, and what is taken off it before one is called novel, in logits.

    Parameters
    ----------
    of_source : (n_types,) cells of the source.
    """
    numbers, size = clusters.numbers(), clusters.n
    # clipped: one odd number decides nothing alone
    total = np.clip((numbers[:, :4] - MEAN) / SD, -4, 4) @ WEIGHTS
    likeliest = (clusters.fine @ clusters.q).argmax(1)
    best, usual, scale = level(total, size, likeliest, np.flatnonzero(clusters.both))
    spread = from_pair(clusters.both.sum())
    scale = scale * sampled(size) ** spread
    evidence = (GAIN * (total - best) - SPREAD * (usual - best)) / scale + INTERCEPT + PRIOR
    evidence = np.minimum(evidence, MOST_EVIDENCE)
    return evidence, veto(numbers, spread) + whole_type(evidence, size, likeliest, of_source, spread)


def veto(numbers, spread=0.0) -> np.ndarray:
    """What is taken off the evidence (n_pieces,) before a piece is called novel, in logits.

    Parameters
    ----------
    numbers : (n_pieces, 6), see :meth:`itclust.numerics.clusters.Clusters.numbers`.
    spread : how much of the spread of known types is read off the pair, see :func:`from_pair`.
    """
    own, kept = numbers[:, 1], -numbers[:, 2]
    shifted = (kept > KEPT) & (own < LITTLE_OWN + MORE_OWN * (kept - KEPT))
    start = MIXED_FROM + spread * (MIXED_FROM_MANY - MIXED_FROM)
    mixed = np.clip(MIXED_SLOPE * (numbers[:, 4] - start), 0, MIXED_MOST)
    far = FAR_WEIGHT * (numbers[:, 5] > FAR)
    return np.maximum(mixed, KEPT_WEIGHT * (1 - spread) * shifted) + (1 - spread) * far


def whole_type(evidence, size, label, of_source, spread=0.0) -> np.ndarray:
    """What is taken off the evidence (n_pieces,) where a whole type would be called novel, see ``WHOLE``.

    Parameters
    ----------
    evidence, size, label : (n_pieces,) logits, cells and likeliest type of each piece.
    of_source : (n_types,) cells of the source.
    spread : see :func:`veto`.
    """
    off = np.zeros(len(evidence))
    for k in np.unique(label):
        mine = label == k
        new = size[mine] @ (evidence[mine] > CANDIDATE) / size[mine].sum()
        common = size[mine].sum() / size.sum() < AS_COMMON * of_source[k] / of_source.sum()
        off[mine] = WHOLE_WEIGHT * (1 + spread) * (new >= WHOLE and common)
    return off


def pieces(cluster, label, least) -> np.ndarray:
    """What clusters (n,) and labels (n,) have in common: (n,) int piece 0, 1, ...

    Those of fewer than ``least`` cells join their cluster's largest.
    """
    pair, piece, size = np.unique(np.stack([cluster, label]), axis=1, return_inverse=True, return_counts=True)
    order = np.lexsort((size, pair[0]))  # the largest piece of each cluster last
    largest = order[np.searchsorted(pair[0][order], pair[0], side="right") - 1]
    to = np.where(size >= least, np.arange(len(size)), largest)
    return np.unique(to[piece.ravel()], return_inverse=True)[1]


def level(total, size, label, types) -> tuple[float, float, float]:
    """How large the sum of the numbers is on this pair where nothing is new: each type of the source has one vote.

    A type's best piece is known, whatever else goes by its name; its middle cell tells how far known cells are
    from their type's best. Medians over the types are not moved by the few that hide something new.

    Parameters
    ----------
    total, size, label : (n_pieces,) sum of the numbers, cells and type of each piece.
    types : those that vote.

    Returns
    -------
    best, usual : median over types of the best piece's sum, and of the middle cell's.
    scale : spread of the best pieces' sums over types, beside that of the pairs that the weights were fitted to; 1 where
        types are too few to say.
    """
    best, usual = [], []
    for k in types:
        mine = np.flatnonzero(label == k)
        if len(mine):
            mine = mine[np.argsort(total[mine])]
            cells = np.cumsum(size[mine])
            best.append(total[mine[0]])
            usual.append(total[mine[np.searchsorted(cells, cells[-1] / 2)]])
    if not best:
        return total.min(), total.min(), 1.0
    sd = 1.4826 * np.median(np.abs(best - np.median(best)))
    scale = np.clip(sd / SPREAD_SD, LEAST_SPREAD, 1) ** from_pair(len(best))
    best, usual = float(np.median(best)), float(np.median(usual))
    return best, min(usual, best + MOST_SPREAD), float(scale)


def sampled(size) -> np.ndarray:
    """How much larger the spread of pieces (n_pieces,) of these numbers of cells is than that of an ordinary one."""
    return np.sqrt(1 + SAMPLED * np.maximum(np.median(size) / size - 1, 0))


def from_pair(n_types) -> float:
    """How much of the spread of known types is read off the pair, 0 to 1: with few types nothing, with many all."""
    return float(np.clip((n_types - FEW) / (MANY - FEW), 0, 1))
