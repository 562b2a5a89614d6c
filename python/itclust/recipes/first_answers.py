"""The target before the fine-tuning: on the source's scale, sketched where it is large, and answered for the first time."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.sparse as sp

from itclust.numerics import classifiers, genes, neighbors, sketch
from itclust.numerics.moments import TARGET_SUM, Moments, lognorm
from itclust.recipes import with_counts

ALIGN_ROUNDS, ALIGN_CELLS = 5, 3000
CHUNK = 1000  # cells that are dense at once
SKETCH_COMPONENTS = 10_000  # cells that give the components in which a sketch is drawn


class Scale(NamedTuple):
    """What puts a target's values on the source's scale.

    Attributes
    ----------
    total : of a cell: a target without some genes is scaled to the share of the source's counts that the others have.
    filling : (1, n_genes) the source's mean log values of the genes that the target lacks, 0 elsewhere; None: none is.
    """

    total: float
    filling: sp.csr_matrix | None

    @classmethod
    def of(cls, of_types: Moments, present) -> Scale:
        """For a target that has the genes ``present`` (n_genes,) bool of those that the types' moments are over."""
        shares = of_types.size / of_types.size.sum()
        counts = shares @ of_types.linear
        filling = sp.csr_matrix(np.where(present, 0, shares @ of_types.mean).astype(np.float32))
        return cls(TARGET_SUM * counts[present].sum() / counts.sum(), None if present.all() else filling)

    def apply(self, x) -> sp.csr_matrix:
        """Log values of linear ones (n, n_genes)."""
        x = lognorm(x, self.total)
        if self.filling is None:
            return x
        return sp.csr_matrix(x + sp.csr_matrix(np.ones((x.shape[0], 1), np.float32)) @ self.filling)


def sketched(values, scale: Scale, rows, present, settings, seed) -> tuple[np.ndarray, sp.csr_matrix]:
    """Positions of the cells that the target's structure is learnt from, and their log values: all with a count, where few.

    Parameters
    ----------
    rows : sorted positions of the candidates.
    """
    x, few = values.some(rows), len(rows) <= settings.n_sketch
    counted = with_counts(x)
    rows, x = rows[counted], scale.apply(x if counted.all() else x[counted])
    if few:
        return rows, x
    some = np.random.default_rng(seed).permutation(len(rows))[:SKETCH_COMPONENTS]
    x_some = sp.csr_matrix(x[some][:, present])
    components = neighbors.principal_components(x_some, genes.variable([x_some], settings.n_genes), seed=seed)
    components = components._replace(genes=np.flatnonzero(present)[components.genes])
    kept = sketch.sketched(components.scores(x), settings.n_sketch, seed)
    return rows[kept], x[kept]


def answers(fit, source_model, x, batch, seed) -> tuple[np.ndarray, np.ndarray, dict]:
    """Mean answers of the closed-form classifiers, and of the source networks, (n, n_types), each batch aligned by itself.

    Beside them ``{view: {batch: factor per gene}}``, the alignment.
    """
    from itclust.recipes import network

    correlation = classifiers.correlation_classifier(fit.moments.over(fit.variable), fit.temperature)
    views = {"markers": fit.markers, "variable": fit.variable}

    def of_some(rows, factor):
        seen = {name: classifiers.aligned(x[rows][:, c].toarray(), factor[name]) for name, c in views.items()}
        by_discriminant = classifiers.by_discriminant(seen["markers"], fit.coef, fit.intercept)
        fixed = (correlation.probabilities(seen["variable"]) + by_discriminant) / 2
        return fixed, network.predict(source_model, seen["markers"])

    def of_cells(rows, factor):
        return np.concatenate([of_some(rows[i : i + CHUNK], factor) for i in range(0, len(rows), CHUNK)], axis=1)

    out = np.zeros((2, x.shape[0], len(fit.types)), np.float32)
    factors = {name: {} for name in views}
    for b in np.unique(batch):
        rows = np.flatnonzero(batch == b)
        sample = np.sort(np.random.default_rng(seed).permutation(rows)[:ALIGN_CELLS])
        found = {name: _linear_mean(x[sample][:, c]) for name, c in views.items()}
        factor = dict.fromkeys(views, np.float32(1))
        for _ in range(ALIGN_ROUNDS):
            fixed, q = of_cells(sample, factor)
            q = together(fixed, q)
            factor = {
                name: classifiers.alignment(found[name], q, fit.moments.linear[:, c]) for name, c in views.items()
            }
        for name in views:
            factors[name][b] = factor[name]
        out[:, rows] = of_cells(rows, factor)
    return out[0], out[1], factors


def together(fixed, q) -> np.ndarray:
    """Mean answer of the three: two closed-form classifiers, whose mean is ``fixed``, and the source networks."""
    return (2 * fixed + q) / 3


def _linear_mean(x) -> np.ndarray:
    """Mean (n_genes,) of the linear values of CSR log values."""
    return np.asarray(sp.csr_matrix((np.expm1(x.data), x.indices, x.indptr), x.shape).mean(0)).ravel()
