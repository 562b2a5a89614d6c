"""The default recipe: markers of pairs of types, three classifiers, a target that decides. See docs/recipe.md."""

from __future__ import annotations

import dataclasses
from functools import partial

import numpy as np
import scipy.sparse as sp

from itclust.numerics import assign, classifiers, copies, genes, heldout, neighbors, novelty, sketch
from itclust.numerics.moments import Moments, moments
from itclust.recipes import Adapted, centroid_paths, extension, first_answers, layers, surroundings
from itclust.settings import DefaultSettings

CLEAN_ROUNDS = 3  # one round leaves twice as many wrong source labels


@dataclasses.dataclass(frozen=True, eq=False)
class Fit:
    """What the source teaches.

    Attributes
    ----------
    types : (n_types,) str.
    genes : (n_genes,) str, all genes that fitting saw.
    markers : column numbers of the genes that the network and the discriminant see.
    variable : column numbers of the genes that the correlation classifier sees.
    moments : of the types over all genes.
    temperature : () of the correlation classifier.
    coef, intercept : of the discriminant.
    weights : the encoders' arrays, (n_starts, ...) each.
    centroids : (n_starts, n_types, n_latent).
    worth : what its own labels are worth; None in model files of before.
    """

    types: np.ndarray
    genes: np.ndarray
    markers: np.ndarray
    variable: np.ndarray
    moments: Moments
    temperature: np.ndarray
    coef: np.ndarray
    intercept: np.ndarray
    weights: tuple[np.ndarray, ...]
    centroids: np.ndarray
    worth: heldout.Worth | None = None

    def __post_init__(self):
        if self.centroids.ndim == 2:  # of one network, in model files of before
            object.__setattr__(self, "weights", tuple(w[None] for w in self.weights))
            object.__setattr__(self, "centroids", self.centroids[None])

    @property
    def network_genes(self) -> np.ndarray:
        """Genes that the network sees."""
        return self.genes[self.markers]

    def seen_in(self, target_genes) -> np.ndarray:
        """Mask of the network's genes that are among ``target_genes``."""
        return np.isin(self.network_genes, target_genes)

    def shapes(self, settings: DefaultSettings) -> dict[str, str]:
        """What the arrays of a model file must be like: see :func:`itclust.recipes.layers`."""
        of_types = {"mean": "t g 0..100", "detected": "t g 0..1.01", "var": "t g 0..100", "linear": "t g 0..1e5"}
        return {
            "types": "t text", "genes": "g text", "markers": "m 0..g", "variable": "v 0..g", "temperature": "1e-6..1e6",
            "coef": "m t", "intercept": "t", "centroids": f"s t {settings.n_latent} -1e6..1e6",
            "moments.size": "t 0..1e12", **{f"moments.{k}": v for k, v in of_types.items()},
            "worth.believed": "t 0..1", "worth.confused": "t t 0..1.01", "worth.shared": "t t 0..1.01",
            "worth.own": "h 0..1.01", "worth.codes": "h 0..t", "worth.reliability": "b 3 0..1e6",
            **layers("weights", "m", (*settings.n_hidden, settings.n_latent), "s "),
        }  # fmt: skip

    @classmethod
    def from_format_1(cls, arrays: dict) -> Fit:
        """From the arrays of a model file of format 1."""
        arrays = dict(arrays)
        weights = [arrays.pop(f"weight_{i}") for i in range(sum(k.startswith("weight_") for k in arrays))]
        of_types = Moments(*(arrays.pop(k) for k in Moments._fields))
        return cls(
            markers=arrays.pop("columns"),
            moments=of_types,
            weights=tuple(weights[:-1]),
            centroids=weights[-1],
            **arrays,
        )


def select_genes(source, target, wanted, settings: DefaultSettings) -> np.ndarray:
    """Names of the wanted genes that the source has; else of those that the target shares; else all.

    The target's own variable genes serve its neighbours and the search for new types, not the network.
    """
    if wanted is not None:
        wanted = np.asarray([str(g) for g in wanted])
        return wanted[np.isin(wanted, source.genes)]
    return source.genes if target is None else source.genes[np.isin(source.genes, target.genes)]


def fit(source, names, settings: DefaultSettings, seed, progress) -> Fit:
    """Choose genes, fit the closed-form classifiers, train the source network.

    A type's batches count by the square roots of their sizes, so that the largest does not rule.

    Parameters
    ----------
    source : Dataset of labelled cells.
    names : genes that may be seen.
    settings, seed, progress : see :mod:`itclust.recipes`.
    """
    from itclust.recipes import training  # TensorFlow

    source = source.over(names).cells(sketch.by_type(source.codes, source.batch, settings.n_source_cells, seed))
    x, codes, n_types = source.values.held().logged(), source.codes, len(source.types)
    variable = genes.variable(x, settings.n_genes)
    x_variable = x.over(variable)
    kept, of_types = _reliable(x, x_variable, codes, source.batch, n_types, variable, settings)
    markers = genes.pairwise_markers(of_types, settings.n_markers)
    if not len(markers):
        msg = "no gene tells any two types of the source apart: all have the same mean values. Check labels_key= and values=."
        raise ValueError(msg)
    x_markers, codes, batch = x.over(markers)[kept], codes[kept], source.batch[kept]
    cov = classifiers.within_covariance(x_markers, codes, of_types.mean[:, markers])
    coef, intercept = classifiers.discriminant(cov, of_types.mean[:, markers])
    correlation = classifiers.correlation_classifier(of_types.over(variable))
    weight = sketch.balanced(codes, batch)
    *weights, centroids = training.train(x_markers, codes, weight, of_types.size, settings, seed, progress)
    temperature = classifiers.fitted_temperature(x_variable[kept], codes, correlation)
    some, views = heldout.sample(len(codes), seed), [of_types.over(markers), of_types.over(variable)]
    held = [x_markers[some], x_variable[kept[some]]]
    answers = heldout.answers(held, codes[some], views, weight[some], cov, temperature)
    return Fit(
        types=source.types, genes=source.genes, markers=markers, variable=variable, moments=of_types,
        temperature=np.array(temperature), coef=coef, intercept=intercept, weights=tuple(weights), centroids=centroids,
        worth=heldout.worth(answers, codes[some]),
    )  # fmt: skip


def _reliable(x, x_variable, codes, batch, n_types, variable, settings) -> tuple[np.ndarray, Moments]:
    """Positions of the cells whose labels are reliable, and the moments of the types over them."""
    kept = np.arange(len(codes))
    for _ in range(CLEAN_ROUNDS if settings.clean_labels else 0):
        of_types, weight = _moments(x, codes, batch, kept, n_types)
        right = classifiers.reliable_labels(x_variable[kept], codes[kept], of_types.over(variable), weight)
        if right.all():
            return kept, of_types
        kept = kept[right]
    return kept, _moments(x, codes, batch, kept, n_types)[0]


def _moments(x, codes, batch, kept, n_types) -> tuple[Moments, np.ndarray]:
    """Moments of the types over the cells ``kept``, and their weights."""
    weight = sketch.balanced(codes[kept], batch[kept])
    only, weights = np.full(len(codes), -1), np.zeros(len(codes))
    only[kept], weights[kept] = codes[kept], weight
    return moments(x, only, n_types, weights), weight


def candidates(batch, settings: DefaultSettings, seed) -> np.ndarray:
    """Cells among which a sketch is drawn: see :func:`itclust.numerics.sketch.candidates`."""
    return sketch.candidates(batch, settings.n_sketch, seed)


def adapt(fit: Fit, target, settings: DefaultSettings, seed, progress) -> Adapted:
    """Start from the source network's weights and fine-tune on the target's soft assignments.

    New types get centroids of their own before the fine-tuning, so that they are not pulled into known clusters. Each
    round: what classifiers and network say of the target's cells, sharpened by each cell's mutual neighbours, is the
    auxiliary distribution p; the network learns p.

    Parameters
    ----------
    target : Dataset; each of its batches is aligned by itself.
    fit, settings, seed, progress : see :mod:`itclust.recipes`.
    """
    from itclust.recipes import network, training

    present = np.isin(fit.genes, target.genes)
    scale, values = first_answers.Scale.of(fit.moments, present), target.values.over(fit.genes)
    rows = candidates(target.batch, settings, seed)
    rows, x = first_answers.sketched(values, scale, rows, present, settings, seed)
    batch = target.batch[rows]
    x_markers = sp.csr_matrix(x[:, fit.markers])
    weights = [*fit.weights, fit.centroids]
    source_model = training.classifier(len(fit.markers), len(fit.types), settings, seed, weights)
    fixed, initial, factors = first_answers.answers(fit, network.averaged(source_model), x, batch, seed)
    first = first_answers.together(fixed, initial)
    x = x if present.all() else sp.csr_matrix(x[:, present])
    of_types, columns = fit.moments.over(present), np.cumsum(present)[fit.markers[present[fit.markers]]] - 1
    around = surroundings.structure(x, columns, first, settings, seed)
    new = _new_types(of_types, x, first, around, settings, seed)
    average = surroundings.average(around, of_types, x, first, seed, new.knn)
    z = network.predict(network.embedding(source_model), x_markers) if len(new.nearest) else None
    model = training.with_new_centroids(weights, z, new.group, settings, seed)
    answers = [_with_new_columns(q, new) for q in (fixed, initial)]
    q, trust, history = training.fine_tune(
        model, x_markers, *answers, len(fit.types), average, settings, seed, progress
    )
    if settings.novelty:
        q = extension.kept_known(q, new.group, new.score, len(fit.types))
        history["types"][-1] = q.argmax(1)
    z = network.predict(network.embedding(model), x_markers)[:, 0]
    history["centroids"] = centroid_paths(z, history.pop("types"), q.shape[1])
    q, cluster_type = _subclusters(q, z, around.snn if settings.split_clusters else None, settings.alpha, seed)
    found = Adapted(
        q=q, cluster_type=cluster_type, initial=initial.argmax(1), z=z, x=x, genes=fit.genes[present], history=history,
        novelty=new.score, nearest=new.nearest, worth=fit.worth, copies=copies.share(around.points, seed),
    )  # fmt: skip
    if values.n_cells <= settings.n_sketch:
        return dataclasses.replace(found, counted=np.isin(np.arange(values.n_cells), rows))
    taught = extension.taught(
        fit, found, network.weights(model), trust, factors, around, np.flatnonzero(present), new, settings.alpha, seed
    )
    of_chunks = values.answers(partial(extension.answer_chunk, taught, scale), target.batch)
    return extension.extended(found, of_chunks, rows, values.n_cells, progress)


def _new_types(of_types, x, q, around, settings, seed) -> novelty.Novelty:
    """New types, where they are looked for; else none, and no score."""
    if not settings.novelty:
        return novelty.Novelty(None, np.full(x.shape[0], -1), np.zeros(0, int))
    return novelty.score_novelty(of_types, x, q, around, settings.novelty_cut, settings.min_novel_cells, seed)


def _with_new_columns(q, new: novelty.Novelty) -> np.ndarray:
    """Soft assignment with a column for each new type, which its cells have whole."""
    if not len(new.nearest):
        return q
    out = np.concatenate([q, np.zeros((len(q), len(new.nearest)), q.dtype)], axis=1)
    cells = np.flatnonzero(new.group >= 0)
    out[cells] = 0
    out[cells, q.shape[1] + new.group[cells]] = 1
    return out


def _subclusters(q, z, snn, alpha, seed) -> tuple[np.ndarray, np.ndarray]:
    """Clusters finer than types where the cells of one clearly fall apart: q with their columns, and each one's type."""
    best, columns, types = q.argmax(1), [], []
    for k in range(q.shape[1]):
        cells = np.flatnonzero(best == k)
        part = np.full(len(q), -1)
        part[cells] = 0 if snn is None else neighbors.subclusters(snn, cells, seed)
        columns.append(assign.divided(q[:, k], part, z, alpha) if part.max() > 0 else q[:, [k]])
        types += [k] * columns[-1].shape[1]
    return np.concatenate(columns, axis=1), np.array(types)
