"""From a sketch to all cells of a large target: what the sketch taught, applied to the others chunk by chunk.

Everything that a chunk needs is arrays, so a chunk is answered wherever it lies: in this process, or by the workers of a
Dask cluster.
"""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp

from itclust.numerics import assign, classifiers
from itclust.numerics.moments import group_means
from itclust.numerics.neighbors import Components

JOIN = 0.5  # novelty that a cell outside the new types needs to be drawn into them: new is likelier than known
N_PROTOTYPES = 500  # k-means centres of the sketch, by which other cells get their novelty: some 40 cells each


class Extension(NamedTuple):
    """What the sketch taught.

    Attributes
    ----------
    markers : column numbers of the genes that the networks see.
    source, final : arrays of the source networks and of the fine-tuned ones, see :func:`itclust.numerics.assign.network`.
    alpha : of their soft assignments.
    factors : {view: {batch: (n_genes,)}} alignment of the markers and of the variable genes.
    trust : how much the fine-tuned networks count, 0 to 1; the rest are the closed-form classifiers.
    closed : ``(correlation, variable, coef, intercept)`` of those.
    components : of the sketch; ``prototypes`` (n_prototypes, n_components).
    novelty, group : (n_prototypes,) mean score, and new type that most of the prototype's cells have (-1: none).
    part_centres : {column of q: (n_parts, n_latent)} of the types that are split into subclusters.
    """

    markers: np.ndarray
    source: list
    final: list
    alpha: float
    factors: dict
    trust: float
    closed: tuple
    components: Components
    prototypes: np.ndarray
    novelty: np.ndarray
    group: np.ndarray
    part_centres: dict

    def answer(self, x, batch) -> dict[str, np.ndarray]:
        """What is found in a chunk of cells.

        Parameters
        ----------
        x : (n, n_genes) CSR log values over the source's genes.
        batch : (n,) int.

        Returns
        -------
        dict
            ``q`` (n, n_clusters), ``initial`` (n,), ``z`` (n, n_latent), ``novelty`` (n,).
        """
        markers = x[:, self.markers]
        dense, seen = markers.toarray(), self._aligned(markers, "markers", batch).toarray()
        initial = assign.network(seen, self.source, self.alpha)[1].argmax(1)
        z, q = assign.network(dense, self.final, self.alpha)
        if self.trust < 1:
            q *= self.trust
            q[:, : self.source[-1].shape[1]] += (1 - self.trust) * self._closed_form(x, seen, batch)
        prototype = _closest(self.components.sparse_scores(x), self.prototypes)
        group, n_types = self.group[prototype], self.source[-1].shape[1]
        is_new = np.flatnonzero(group >= 0)
        q[is_new] /= 2
        q[is_new, n_types + group[is_new]] += 0.5
        q = kept_known(q, group, self.novelty[prototype], n_types)
        return {"q": self._split(q, z), "initial": initial, "z": z, "novelty": self.novelty[prototype]}

    def _aligned(self, x, view, batch) -> sp.csr_matrix:
        """Log values after each batch's alignment; a batch that the sketch lacks stays as it is."""
        batches, which = np.unique(batch, return_inverse=True)
        factor = np.stack([self.factors[view].get(b, np.ones(x.shape[1], np.float32)) for b in batches])
        of_value = factor[np.repeat(which.ravel(), np.diff(x.indptr)), x.indices]
        return sp.csr_matrix((classifiers.aligned(x.data, of_value), x.indices, x.indptr), x.shape)

    def _closed_form(self, x, seen, batch) -> np.ndarray:
        """Mean answer of the closed-form classifiers, (n, n_types)."""
        correlation, variable, coef, intercept = self.closed
        by_profile = correlation.probabilities(self._aligned(x[:, variable], "variable", batch))
        return (by_profile + classifiers.by_discriminant(seen, coef, intercept)) / 2

    def _split(self, q, z) -> np.ndarray:
        """Soft assignment with the columns of subclusters in the places of their types'."""
        best, columns = q.argmax(1), []
        for k in range(q.shape[1]):
            if k not in self.part_centres:
                columns.append(q[:, [k]])
                continue
            share = assign.soft_assignment(z, self.part_centres[k], self.alpha)
            mine = best == k
            share[mine] = np.eye(share.shape[1], dtype=share.dtype)[share[mine].argmax(1)]
            columns.append(q[:, [k]] * share)
        return np.concatenate(columns, axis=1)


def kept_known(q, group, score, n_types) -> np.ndarray:
    """Soft assignment whose cells are drawn into new types only where new is likelier than known, or where they are of one.

    Parameters
    ----------
    q : (n, n_types + n_new).
    group : (n,) int new type of each cell, -1: none.
    score : (n,) novelty.
    """
    stays = (group < 0) & (score < JOIN)
    q[stays, n_types:] = 0
    return q / np.maximum(q.sum(1, keepdims=True), 1e-12)


def taught(fit, found, weights, trust, factors, around, columns, new, alpha, seed) -> Extension:
    """What a sketch taught.

    Parameters
    ----------
    fit : of the default recipe.
    found : :class:`itclust.recipes.Adapted` to the sketch.
    weights, trust, factors : of the fine-tuned networks, and see :class:`Extension`.
    around, new : the sketch's structure and new types; ``columns`` of ``fit.genes`` over which the structure is.
    """
    centres, score, group = prototypes(around.points, new.score, new.group, seed)
    components = around.components._replace(genes=columns[around.components.genes])
    correlation = classifiers.correlation_classifier(fit.moments.over(fit.variable), fit.temperature)
    return Extension(
        fit.markers, [*fit.weights, fit.centroids], weights, alpha, factors, trust,
        (correlation, fit.variable, fit.coef, fit.intercept), components, centres, score, group,
        part_centres(found.cluster_type, found.q.argmax(1), found.z),
    )  # fmt: skip


def answer_chunk(taught: Extension, scale, x, batch) -> dict[str, np.ndarray]:
    """:meth:`Extension.answer` to linear values, which ``scale`` makes comparable, and which cells have a count."""
    return {**taught.answer(scale.apply(x), batch), "counted": x.getnnz(1) > 0}


def extended(found, answers, rows, n, progress):
    """What was found in a sketch, for all cells: ``found`` with arrays of those of the ``n`` that have a count.

    Parameters
    ----------
    answers : of the chunks of all cells in order, see :func:`answer_chunk`.
    rows : positions of the sketch's cells, whose own novelty stands.
    """
    parts, done = [], 0
    for answer in answers:
        parts.append(answer)
        done += len(answer["z"])
        progress("cells", done / n, f"{done:,} of {n:,} cells")
    counted = np.concatenate([part.pop("counted") for part in parts])
    every = {k: np.concatenate([part[k] for part in parts]) for k in parts[0]}
    if not counted.all():
        every, rows = {k: v[counted] for k, v in every.items()}, np.searchsorted(np.flatnonzero(counted), rows)
    if found.novelty is None:
        every["novelty"] = None
    else:
        every["novelty"][rows] = found.novelty
    return dataclasses.replace(found, **every, rows=rows, counted=counted)


def prototypes(points, novelty, group, seed) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """k-means centres of the sketch's components, their mean novelty and their new type.

    Parameters
    ----------
    points : (n, n_components).
    novelty : (n,) score, or None: zeros.
    group : (n,) int new type, -1: none.
    """
    from sklearn.cluster import MiniBatchKMeans

    n = min(N_PROTOTYPES, len(points))
    found = MiniBatchKMeans(n, random_state=seed, n_init=1, batch_size=4096).fit(points)
    code = found.labels_
    novelty = np.zeros(len(points)) if novelty is None else novelty
    votes = np.zeros((n, group.max(initial=-1) + 2))
    np.add.at(votes, (code, group + 1), 1)
    mean = np.nan_to_num(group_means(novelty[:, None], code, n).ravel())
    return found.cluster_centers_.astype(np.float32), mean, votes.argmax(1) - 1


def part_centres(cluster_type, best, z) -> dict:
    """Mean embedding of the subclusters, {column of q: (n_parts, n_latent)}, of the types that have several.

    Parameters
    ----------
    cluster_type : (n_clusters,) int column of q that each cluster is part of.
    best : (n,) int cluster of each cell.
    """
    means = group_means(z, best, len(cluster_type))
    return {int(k): means[cluster_type == k] for k in np.unique(cluster_type) if (cluster_type == k).sum() > 1}


def _closest(points, centres) -> np.ndarray:
    """Index (n,) of each point's nearest centre."""
    return ((centres**2).sum(1) - 2 * points @ centres.T).argmin(1)
