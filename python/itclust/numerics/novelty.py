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
sum is compared with the pair's own level: see :func:`level`. A fifth number can only veto:

``mixed``
    do its cells surely belong to different known types? Then something technical holds them together.

Cells too few for a cluster are seen one by one: by genes that no source type and no target cluster expresses.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.sparse as sp

from itclust.numerics import neighbors
from itclust.numerics.genes import markers_against
from itclust.numerics.moments import Moments, members, weighted_means

N_MARKERS = 20  # per ordered pair of types, as the network's own genes
COARSE, FINE = 2.0, 5.0  # Leiden resolutions: one for judging, a finer one for who belongs to it
N_PARTITIONS = 3  # Leiden from three starts, logits averaged: where a border falls by chance matters less
MIN_PIECE = 5  # cells; a smaller part of a cluster stays with the cluster's largest part
MIN_MASS = 5  # confident cells that a type needs in the target to vote on the batch shift
MIN_CELLS = 8  # smaller clusters do not count as "another cluster that has the gene"
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
# A few odd cells are more often a technical oddity than a new type: a group that is ten times as large a share of the
# target needs 1 less in logits, from 0.5 % of the cells up, until it need only be likelier than not. Pieces that may be
# new are grouped from -0.5 on.
SHARE, CANDIDATE = 0.05, -0.5
SMOOTH = 0.7  # share of a cell's neighbours in its score: cells at a border, rare cells in a large cluster
# A piece whose cells surely are of different known types is not called novel, while its score stays. The veto starts
# at 0.17 nats of mutual information (15 % of the cells of another type); it is soft, and weighs 4 at most, since cells
# of a new type that is like none of the source's get labels by chance.
MIXED_FROM, MIXED_SLOPE, MIXED_MOST = 0.17, 12.0, 4.0
# Nor is a piece that keeps its type's markers (beyond the middle between its type and the others) and has little of its
# own: a shift within the type, by stimulus or technique. A label stays where the evidence is thin.
KEPT, LITTLE_OWN, KEPT_WEIGHT = 0.6, 0.42, 6.0
# It counts in full where half of the cells are sure of their type, and not at all where fewer than 30 % are.
SURE, SURE_FROM, SURE_TO = 0.8, 0.3, 0.5
# What a lone cell's genes say: its three strangest, half believed at 3.5 robust standard deviations, and never more than
# half, since doublets have such genes as well. Known cells of the development pairs reach 4 in 0.1 to 3 % of cases. The
# curve is steep: ordinary cells' strangest genes are noise, which must not reorder what their clusters say.
LONE, LONE_FROM, LONE_SLOPE, LONE_GENES, LONE_MIN_SD = 0.5, 3.5, 2.0, 3, 0.1


class Novelty(NamedTuple):
    """What is new in the target.

    Attributes
    ----------
    score : (n,) in [0, 1], evidence that the cell's type is not in the source.
    group : (n,) int, -1: known; 0, 1, ...: new types, the largest first.
    nearest : (n_groups,) int, the source type nearest to each new one.
    """

    score: np.ndarray
    group: np.ndarray
    nearest: np.ndarray


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
        whole = [neighbors.leiden(structure.snn, r, seed + i) for r in (COARSE, FINE)]
        coarse, fine = (pieces(cluster, label) for cluster in whole)
        clusters = Clusters(moments, x, q, coarse, fine, pairs, structure.variable)
        numbers = clusters.numbers()
        # clipped: one odd number decides nothing alone
        total = np.clip((numbers[:, :4] - MEAN) / SD, -4, 4) @ WEIGHTS
        best, usual = level(total, clusters.n, (clusters.fine @ q).argmax(1), np.flatnonzero(clusters.both))
        evidence = GAIN * (total - best) - SPREAD * (usual - best) + INTERCEPT + PRIOR
        veto = np.clip(MIXED_SLOPE * (numbers[:, 4] - MIXED_FROM), 0, MIXED_MOST)
        veto[(-numbers[:, 2] > KEPT) & (numbers[:, 1] < LITTLE_OWN)] = KEPT_WEIGHT
        logit += evidence[fine] / N_PARTITIONS
        called += (evidence - veto)[fine] / N_PARTITIONS
    called = np.bincount(fine, called) / clusters.n
    group = clusters.grouped(called > CANDIDATE)
    share = np.bincount(group + 1, clusters.n)[group + 1] / n
    call = np.log(cut / (1 - cut))
    larger = np.clip(np.log10(share / SHARE), -1, max(call, 0))
    novel = (group >= 0) & (called + larger > call)
    # cells of a new type get labels by chance: pieces of a cluster that is mostly new are new, unless they look known
    mostly = np.bincount(whole[1], novel[fine]) / np.bincount(whole[1]) > 0.5
    novel |= (np.bincount(fine, mostly[whole[1]]) > 0) & (np.bincount(fine, logit) > 0)
    group = clusters.grouped(novel)
    n_groups = int((np.bincount(group + 1, clusters.n)[1:] >= min_cells).sum())  # the largest come first
    group[group >= n_groups] = -1
    mass = np.array([q[group[fine] == k].sum(0) for k in range(n_groups)]).reshape(n_groups, q.shape[1])
    score = 1 / (1 + np.exp(-logit))
    score = (1 - SMOOTH) * score + SMOOTH * score[structure.knn].mean(1)
    score = 1 - (1 - score) * (1 - outlier_cells(moments, x, clusters.coarse_profile))
    return Novelty(score, group[fine], mass.argmax(1) if n_groups else np.zeros(0, int))


def pieces(cluster, label) -> np.ndarray:
    """What clusters (n,) and labels (n,) have in common: (n,) int piece 0, 1, ...; small ones join their cluster's largest."""
    pair, piece, size = np.unique(np.stack([cluster, label]), axis=1, return_inverse=True, return_counts=True)
    order = np.lexsort((size, pair[0]))  # the largest piece of each cluster last
    largest = order[np.searchsorted(pair[0][order], pair[0], side="right") - 1]
    to = np.where(size >= MIN_PIECE, np.arange(len(size)), largest)
    return np.unique(to[piece.ravel()], return_inverse=True)[1]


def level(total, size, label, types) -> tuple[float, float]:
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
        return total.min(), total.min()
    best, usual = float(np.median(best)), float(np.median(usual))
    return best, min(usual, best + MOST_SPREAD)


def markers(moments: Moments) -> dict:
    """The genes that tell the first from the second, by ordered pair of types."""
    types = range(len(moments.mean))
    return {
        (i, j): markers_against(moments.mean, moments.detected, i, j, N_MARKERS) for i in types for j in types if i != j
    }


class Clusters:
    """Profiles of coarse and fine target clusters beside those of the source's types.

    Parameters
    ----------
    moments, x, q : see :func:`score_novelty`.
    coarse, fine : (n,) int clusters 0, 1, ...
    pairs : see :func:`markers`.
    columns : variable genes of the target.
    """

    def __init__(self, moments: Moments, x, q, coarse, fine, pairs, columns):
        self.moments, self.x, self.q, self.pairs, self.columns = moments, x, q, pairs, columns
        self.coarse, self.fine = members(coarse), members(fine)
        self.n, self.n_coarse = (np.asarray(groups.sum(1)).ravel() for groups in (self.fine, self.coarse))
        self.profile, self.coarse_profile = weighted_means(self.fine, x), weighted_means(self.coarse, x)
        self.markers = np.unique(np.concatenate(list(pairs.values())))
        if not len(self.markers):
            self.markers = np.arange(x.shape[1])
        self._common()

    def _common(self) -> None:
        """Centres of the types that both datasets have, and the batch shift, one vote a type.

        The target's mean of the cells that are confidently of a type (weights q^2), less the source's; the median over
        types is not moved by one that hides something new.
        """
        q, mean = self.q, self.moments.mean
        sure = np.where(q == q.max(1, keepdims=True), q, 0.0) ** 2
        both = sure.sum(0) >= MIN_MASS
        if not both.any():
            both[sure.sum(0).argmax()] = True
        self.both = both
        of_type = weighted_means(sp.csr_matrix(sure[:, both].T), self.x)
        delta = of_type - mean[both]
        self.shift = np.median(delta, 0) if both.sum() > 2 else delta.mean(0)
        self.centre_target, self.centre_source = of_type.mean(0), mean[both].mean(0)

    def numbers(self) -> np.ndarray:
        """The five numbers of each fine cluster, (n_fine, 5); those of coarse ones are carried over by shares of cells."""
        share = (self.fine @ self.coarse.T).toarray() / self.n[:, None]
        coarse = np.column_stack([self._d_type(), self._own(), self._lost()])
        mean, profile = self.moments.mean[:, self.markers], self.profile[:, self.markers]
        noise = self._noise(self.fine, profile)
        d_plain = 1 - _correlation(profile - profile.mean(0), mean - mean.mean(0), *noise).max(1)
        return np.column_stack([share @ coarse, d_plain, self._mixed()])

    def _noise(self, groups, profile):
        """Summed sampling variance over the markers of each cluster's mean ``profile`` and of each type's: (n,), (n_types,)."""
        x, m = self.x[:, self.markers], self.moments
        n = np.asarray(groups.sum(1)).ravel()
        var = np.maximum(weighted_means(groups, x.multiply(x).tocsr()) - profile**2, 0)
        return tuple(v.sum(1) / np.maximum(k - 1, 1) for v, k in ((var, n), (m.var[:, self.markers], m.size)))

    def _mixed(self) -> np.ndarray:
        """Mutual information of cell and label within each fine cluster, where enough of its cells are sure."""
        information = _entropy(self.fine @ self.q / self.n[:, None]) - self.fine @ _entropy(self.q) / self.n
        sure = self.fine @ (self.q.max(1) >= SURE) / self.n
        return information * np.clip((sure - SURE_FROM) / (SURE_TO - SURE_FROM), 0, 1)

    def _d_type(self) -> np.ndarray:
        mean, profile = self.moments.mean[:, self.markers], self.coarse_profile[:, self.markers]
        a, b = profile - self.centre_target[self.markers], mean - self.centre_source[self.markers]
        return 1 - _correlation(a, b, *self._noise(self.coarse, profile)).max(1)

    def _lost(self) -> np.ndarray:
        """0 - 1 where a cluster has its type's markers in full, 0 where it has the other type's level."""
        mean = self.moments.mean
        profile = self.coarse_profile - self.shift
        assigned = np.asarray(self.coarse @ self.q).argmax(1)
        lost = np.zeros(len(profile))
        for c, i in enumerate(assigned):
            kept = []
            for j in range(len(mean)):
                g = self.pairs.get((i, j), ())
                if len(g):
                    gap = mean[i, g] - mean[j, g]
                    kept.append(((profile[c, g] - mean[j, g]) * gap).sum() / (gap**2).sum())
            lost[c] = -np.mean(kept) if kept else 0
        return lost

    def _own(self) -> np.ndarray:
        """Mean of the five largest gains in detection over every type and all other groups of clusters, less one s.e.

        Clusters that are alike are one group (see :meth:`alike`): a new type that fills several has its markers to itself.
        """
        n = self.n_coarse
        group = self.alike(self.coarse_profile)
        if group.max() == 0:
            return np.zeros(len(n))
        seen = sp.csr_matrix((np.ones_like(self.x.data), self.x.indices, self.x.indptr), self.x.shape)
        rate = weighted_means(self.coarse, seen)
        counted = np.where((n >= MIN_CELLS)[:, None], rate, 0)
        of_group = np.stack([counted[group == g].max(0) for g in range(group.max() + 1)])
        first, second = np.sort(of_group, 0)[[-1, -2]]
        other = np.where(of_group[group] >= first, second, first)
        gain = np.minimum(rate - other, rate - self.moments.detected.max(0)) - np.sqrt(rate * (1 - rate) / n[:, None])
        return np.sort(gain, 1)[:, -5:].mean(1)

    def alike(self, profile) -> np.ndarray:
        """Groups 0, 1, ... of profiles, as fine as the source's own types and no finer: (n,) int.

        Average linkage on 1 - correlation over the target's variable genes; cut at half the median distance of a source
        type to its nearest other one.
        """
        from scipy.cluster.hierarchy import fcluster, linkage

        if len(profile) < 2:
            return np.zeros(len(profile), int)
        mine = (profile - self.centre_target)[:, self.columns]
        types = (self.moments.mean - self.centre_source)[:, self.columns]
        distance, between = 1 - _correlation(mine, mine), 1 - _correlation(types, types)
        np.fill_diagonal(between, np.inf)
        tree = linkage(np.maximum(distance[np.triu_indices(len(profile), 1)], 0), "average")
        return fcluster(tree, 0.5 * np.median(between.min(1)), "distance") - 1

    def grouped(self, novel) -> np.ndarray:
        """Novel fine clusters that belong together, see :meth:`alike`.

        Returns
        -------
        (n_fine,) int, -1 for known clusters; 0, 1, ... largest first.
        """
        out, which = np.full(len(novel), -1), np.flatnonzero(novel)
        if not len(which):
            return out
        group = self.alike(self.profile[which])
        size = np.bincount(group, self.n[which])
        out[which] = np.argsort(np.argsort(-size, kind="stable"))[group]
        return out


def outlier_cells(moments: Moments, x: sp.csr_matrix, profiles) -> np.ndarray:
    """Evidence (n,) in [0, LONE] from a cell's own strangest genes.

    How far they lie above the largest mean of any source type and any target cluster, less the cell's smallest value (a
    count of one), beside all cells: in robust standard deviations, through a logistic curve.

    Parameters
    ----------
    moments, x : see :func:`score_novelty`.
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


def _entropy(p) -> np.ndarray:
    return -(p * np.log(np.maximum(p, 1e-12))).sum(1)


def _correlation(a, b, noise_a=0.0, noise_b=0.0) -> np.ndarray:
    """Correlation of rows; ``noise``, a row's summed sampling variance, is taken off its sum of squares, 3/4 at most."""
    a, b = a - a.mean(1, keepdims=True), b - b.mean(1, keepdims=True)
    na, nb = (a**2).sum(1), (b**2).sum(1)
    na, nb = np.maximum(na - noise_a, na / 4), np.maximum(nb - noise_b, nb / 4)
    return a @ b.T / np.sqrt(np.maximum(np.outer(na, nb), 1e-24))
