"""Profiles of the target's pieces beside those of the source's types, and the numbers that novelty is judged by."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from itclust.numerics.classifiers import dense_chunks, unit_rows
from itclust.numerics.genes import marker_pairs
from itclust.numerics.moments import Moments, members, weighted_means

N_MARKERS = 20  # per ordered pair of types, as the network's own genes
MIN_MASS = 5  # confident cells that a type needs in the target to vote on the batch shift
MIN_CELLS = 8  # smaller clusters do not count as "another cluster that has the gene"
# The mutual information counts in full where half of the cells are sure of their type, and not at all where fewer than 30 % are.
SURE, SURE_FROM, SURE_TO = 0.8, 0.3, 0.5


def markers(moments: Moments) -> dict:
    """The genes that tell the first from the second, by ordered pair of types."""
    return marker_pairs(moments, N_MARKERS)


class Clusters:
    """Profiles of coarse and fine target clusters beside those of the source's types.

    Parameters
    ----------
    moments, x, q : see :func:`itclust.numerics.novelty.score_novelty`.
    coarse, fine : (n,) int clusters 0, 1, ...
    pairs : see :func:`markers`.
    columns : variable genes of the target.
    """

    def __init__(self, moments: Moments, x, q, coarse, fine, pairs, columns):
        self.moments, self.x, self.q, self.pairs, self.columns = moments, x, q, pairs, columns
        of_fine = _described(fine, x)
        of_coarse = of_fine if np.array_equal(coarse, fine) else _described(coarse, x)  # the same among many types
        self.fine, self.n, self.profile = of_fine
        self.coarse, self.n_coarse, self.coarse_profile = of_coarse
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
        """The six numbers of each fine cluster, (n_fine, 6); those of coarse ones are carried over by shares of cells."""
        share = (self.fine @ self.coarse.T).toarray() / self.n[:, None]
        coarse = np.column_stack([self._d_type(), self._own(), self._lost()])
        mean, profile = self.moments.mean[:, self.markers], self.profile[:, self.markers]
        noise = self._noise(self.fine, self.profile, self.markers)
        d_plain = 1 - _correlation(profile - profile.mean(0), mean - mean.mean(0), *noise).max(1)
        return np.column_stack([share @ coarse, d_plain, self._mixed(), self._far(mean, profile, *noise)])

    def _noise(self, groups, profile, columns):
        """Summed sampling variance of each cluster's mean profile and of each type's: (n,), (n_types,).

        Parameters
        ----------
        groups : (n, n_cells) their members; ``profile`` (n, n_genes).
        columns : genes over which the variance is summed.
        """
        x, m = self.x[:, columns], self.moments
        n = np.asarray(groups.sum(1)).ravel()
        var = np.maximum(weighted_means(groups, x.multiply(x).tocsr()) - profile[:, columns] ** 2, 0)
        return tuple(v.sum(1) / np.maximum(k - 1, 1) for v, k in ((var, n), (m.var[:, columns], m.size)))

    def _far(self, mean, profile, noise, noise_types) -> np.ndarray:
        """How far a fine cluster is from its nearest type, in units of how far that type is from the next one.

        Parameters
        ----------
        mean, profile : of types and fine clusters over the markers; ``noise``, ``noise_types`` see :meth:`_noise`.
        """
        types, mine = mean - mean.mean(0), profile - self.shift[self.markers] - mean.mean(0)
        between = 1 - _correlation(types, types, noise_types, noise_types)
        np.fill_diagonal(between, np.inf)
        distance = 1 - _correlation(mine, types, noise, noise_types)
        return distance.min(1) / np.maximum(between.min(1), 1e-3)[distance.argmin(1)]

    def _mixed(self) -> np.ndarray:
        """Mutual information of cell and label within each fine cluster, where enough of its cells are sure."""
        information = _entropy(self.fine @ self.q / self.n[:, None]) - self.fine @ _entropy(self.q) / self.n
        sure = self.fine @ (self.q.max(1) >= SURE) / self.n
        return information * np.clip((sure - SURE_FROM) / (SURE_TO - SURE_FROM), 0, 1)

    def _d_type(self) -> np.ndarray:
        """1 - best correlation of a coarse cluster with a type, each side centred by the types that both datasets have."""
        mean, profile = self.moments.mean[:, self.markers], self.coarse_profile[:, self.markers]
        a, b = profile - self.centre_target[self.markers], mean - self.centre_source[self.markers]
        return 1 - _correlation(a, b, *self._noise(self.coarse, self.coarse_profile, self.markers)).max(1)

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

    def nearer(self, some, others, share) -> np.ndarray:
        """Fine clusters whose nearest one of ``some`` is as near as types may be and nearer than ``share`` of the way to ``others``.

        Distances as in :meth:`alike`.

        Parameters
        ----------
        some, others : (n_fine,) bool.

        Returns
        -------
        (n_fine,) bool, False where there are none of either.
        """
        if not (some.any() and others.any()):
            return np.zeros(len(some), bool)
        distance, cut = self._distances(self.profile)
        near = distance[:, some].min(1)
        return (near < share * distance[:, others].min(1)) & (near < cut) & ~some

    def more_like_label(self, group) -> np.ndarray:
        """Cells (n,) of new groups that are sure of a type and correlate more with it than with their group's other cells.

        Over the target's variable genes. A piece of a new type may hold a few cells of its relative.

        Parameters
        ----------
        group : (n,) int, -1: a cell of no new group.
        """
        out, sure = np.zeros(len(group), bool), np.flatnonzero((group >= 0) & (self.q.max(1) >= SURE))
        if not len(sure):
            return out
        x, centre, label = self.x[:, self.columns], self.centre_target[self.columns], self.q.argmax(1)
        types = unit_rows((self.moments.mean - self.centre_source)[:, self.columns])
        total = (members(group) @ x).toarray() - np.bincount(group[group >= 0])[:, None] * centre
        for rows, cells in dense_chunks(x[sure]):
            which, cells = sure[rows], cells - centre
            others, own = unit_rows(total[group[which]] - cells), unit_rows(cells)
            out[which] = (own * types[label[which]]).sum(1) > (own * others).sum(1)
        return out

    def alike(self, profile, noise=0.0) -> np.ndarray:
        """Groups 0, 1, ... of profiles, as fine as the source's own types and no finer: (n,) int.

        Average linkage on 1 - correlation over the target's variable genes; cut at half the median distance of a source
        type to its nearest other one.
        """
        from scipy.cluster.hierarchy import fcluster, linkage

        if len(profile) < 2:
            return np.zeros(len(profile), int)
        distance, cut = self._distances(profile, noise)
        tree = linkage(np.maximum(distance[np.triu_indices(len(profile), 1)], 0), "average")
        return fcluster(tree, cut, "distance") - 1

    def _distances(self, profile, noise=0.0) -> tuple[np.ndarray, float]:
        """1 - correlation of profiles, (n, n), and half the median distance of a source type to its nearest other one.

        Parameters
        ----------
        noise : (n,) of the profiles, see :meth:`_noise`.
        """
        mine = (profile - self.centre_target)[:, self.columns]
        types = (self.moments.mean - self.centre_source)[:, self.columns]
        between = 1 - _correlation(types, types)
        np.fill_diagonal(between, np.inf)
        return 1 - _correlation(mine, mine, noise, noise), 0.5 * float(np.median(between.min(1)))

    def grouped(self, novel) -> np.ndarray:
        """Novel fine clusters that belong together, see :meth:`alike`.

        Returns
        -------
        (n_fine,) int, -1 for known clusters; 0, 1, ... largest first.
        """
        out, which = np.full(len(novel), -1), np.flatnonzero(novel)
        if not len(which):
            return out
        noise, _ = self._noise(self.fine[which], self.profile[which], self.columns)  # few cells look less alike
        group = self.alike(self.profile[which], noise)
        size = np.bincount(group, self.n[which])
        out[which] = np.argsort(np.argsort(-size, kind="stable"))[group]
        return out


def _described(cluster, x) -> tuple[sp.csr_matrix, np.ndarray, np.ndarray]:
    """Members, number of cells and mean profile of each cluster 0, 1, ... of the cells ``x``."""
    groups = members(cluster)
    return groups, np.asarray(groups.sum(1)).ravel(), weighted_means(groups, x)


def _entropy(p) -> np.ndarray:
    return -(p * np.log(np.maximum(p, 1e-12))).sum(1)


def _correlation(a, b, noise_a=0.0, noise_b=0.0) -> np.ndarray:
    """Correlation of rows; ``noise``, a row's summed sampling variance, is taken off its sum of squares, 3/4 at most."""
    a, b = a - a.mean(1, keepdims=True), b - b.mean(1, keepdims=True)
    na, nb = (a**2).sum(1), (b**2).sum(1)
    na, nb = np.maximum(na - noise_a, na / 4), np.maximum(nb - noise_b, nb / 4)
    return a @ b.T / np.sqrt(np.maximum(np.outer(na, nb), 1e-24))
