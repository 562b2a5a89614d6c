"""The default recipe: markers of pairs of types, three classifiers, a target that decides. See docs/recipe.md."""

from __future__ import annotations

import dataclasses
from functools import partial
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp

from itclust.numerics import assign, classifiers, genes, neighbors, novelty, sketch
from itclust.numerics.moments import TARGET_SUM, Moments, group_means, lognorm, moments, stacked
from itclust.recipes import Adapted, centroid_paths, extension
from itclust.settings import DefaultSettings

BALANCE = 0.5  # cells are drawn by 1 / class size ** BALANCE: rare types are seen, common ones still rule
CLEAN_ROUNDS = 3  # one round leaves twice as many wrong source labels
MIN_STEPS = 300  # small sources need steps, not epochs
TARGET_SMOOTHING = 0.02  # of the auxiliary distribution
ALIGN_ROUNDS, ALIGN_CELLS = 5, 3000
FIXED_FIRST, FIXED_LAST = (
    0.6,
    0.3,
)  # share of the closed-form answers in what teaches, first and second half of the rounds
MIN_MASS = 5  # cells; smaller predicted types are not drawn more often than this size would be
CHUNK = 8192  # target cells that are dense at once
SKETCH_COMPONENTS = 10_000  # cells that give the components in which a sketch is drawn


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
    weights : the encoder's arrays.
    centroids : (n_types, n_latent).
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

    @property
    def network_genes(self) -> np.ndarray:
        """Genes that the network sees."""
        return self.genes[self.markers]

    def seen_in(self, target_genes) -> np.ndarray:
        """Mask of the network's genes that are among ``target_genes``."""
        return np.isin(self.network_genes, target_genes)

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
    from itclust.recipes import network  # TensorFlow

    source = source.over(names).cells(sketch.by_type(source.codes, source.batch, settings.n_source_cells, seed))
    x, codes, n_types = source.values.logged(), source.codes, len(source.types)
    variable = genes.variable(x, settings.n_genes)
    x_variable = x.over(variable)
    kept, of_types = _reliable(x, x_variable, codes, source.batch, n_types, variable, settings)
    markers = genes.pairwise_markers(of_types.mean, of_types.detected, settings.n_markers)
    markers = markers if len(markers) else np.arange(len(names))
    x_markers, codes, batch = x.over(markers)[kept], codes[kept], source.batch[kept]
    coef, intercept = classifiers.discriminant(x_markers, codes, of_types.mean[:, markers])
    correlation = classifiers.correlation_classifier(of_types.over(variable))
    model = _network(len(markers), n_types, settings, seed)
    _train(model, x_markers, codes, balanced(codes, batch), of_types.size, settings, seed, progress)
    *weights, centroids = network.weights(model)
    return Fit(
        types=source.types, genes=source.genes, markers=markers, variable=variable, moments=of_types,
        temperature=np.array(classifiers.fitted_temperature(x_variable[kept], codes, correlation)),
        coef=coef, intercept=intercept, weights=tuple(weights), centroids=centroids,
    )  # fmt: skip


def _reliable(x, x_variable, codes, batch, n_types, variable, settings) -> tuple[np.ndarray, Moments]:
    """Positions of the cells whose labels are reliable, and the moments of the types over them."""
    kept = np.arange(len(codes))
    for _ in range(CLEAN_ROUNDS if settings.clean_labels else 0):
        of_types, weight = _moments(x, codes, batch, kept, n_types)
        right = classifiers.reliable_labels(x_variable[kept], codes[kept], of_types.over(variable), weight)
        kept = kept[right]
    return kept, _moments(x, codes, batch, kept, n_types)[0]


def _moments(x, codes, batch, kept, n_types) -> tuple[Moments, np.ndarray]:
    """Moments of the types over the cells ``kept``, and their weights."""
    weight = balanced(codes[kept], batch[kept])
    only, weights = np.full(len(codes), -1), np.zeros(len(codes))
    only[kept], weights[kept] = codes[kept], weight
    return moments(x, only, n_types, weights), weight


def balanced(codes, batch) -> np.ndarray:
    """Weight (n,) of each cell: a batch counts by the square root of its cells of a type; a type's weights add up to its size."""
    group = np.unique(np.stack([codes, batch]), axis=1, return_inverse=True)[1].ravel()
    weight = np.bincount(group)[group] ** -BALANCE
    return weight * np.bincount(codes)[codes] / np.bincount(codes, weight)[codes]


def _network(n_genes, n_clusters, settings: DefaultSettings, seed):
    from itclust.recipes import network

    widths = (*settings.n_hidden, settings.n_latent)
    return network.classifier(n_genes, widths, n_clusters, settings.alpha, settings.dropout, seed)


def _train(model, x, codes, weight, size, settings: DefaultSettings, seed, progress) -> None:
    """Train the source network; rare types and small batches are drawn more often than they come."""
    from itclust.recipes import network

    epochs = settings.source_epochs
    steps = max(MIN_STEPS, epochs * -(-len(codes) // settings.batch_size))
    whole_calls = -(-steps // (network.STEPS_A_CALL * epochs)) * network.STEPS_A_CALL  # of the compiled step, an epoch
    network.compile_classifier(model, settings.learning_rate, settings.weight_decay, whole_calls * epochs)
    chance = weight * np.maximum(size, 1.0)[codes] ** -BALANCE
    y = one_hot(codes, len(size), settings.label_smoothing)
    batches = network.Drawn(x, y, chance, whole_calls, settings.batch_size, seed)
    network.learn(model, batches, epochs, [network.Report(progress, "source", epochs)])


def one_hot(codes, n, smoothing=0.0) -> np.ndarray:
    """Rows (len(codes), n) float32 with ``smoothing`` spread over all columns."""
    return (np.eye(n, dtype=np.float32)[codes] * (1 - smoothing) + smoothing / n).astype(np.float32)


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
    from itclust.recipes import network

    present = np.isin(fit.genes, target.genes)
    scale, values = Scale.of(fit, present), target.values.over(fit.genes)
    rows, x = _sketch(values, scale, target.batch, present, settings, seed)
    batch = target.batch[rows]
    x_markers = sp.csr_matrix(x[:, fit.markers])
    source_model = _network(len(fit.markers), len(fit.types), settings, seed)
    network.set_weights(source_model, [*fit.weights, fit.centroids])
    fixed, initial, factors = first_answers(fit, source_model, x, batch, seed)
    x = sp.csr_matrix(x[:, present])
    around = neighbors.structure(x, settings.n_neighbors, seed=seed)
    new = novelty.Novelty(None, np.full(x.shape[0], -1), np.zeros(0, int))
    if settings.novelty:
        new = novelty.score_novelty(
            fit.moments.over(present), x, (2 * fixed + initial) / 3, around, settings.novelty_cut,
            settings.min_novel_cells, seed,
        )  # fmt: skip
    z = network.predict(network.embedding(source_model), x_markers) if len(new.nearest) else None
    model = _with_new_centroids(fit, z, new, settings, seed)
    answers = [_with_new_columns(q, new) for q in (fixed, initial)]
    q, history = _fine_tune(model, x_markers, *answers, len(fit.types), around.average, settings, seed, progress)
    z = network.predict(network.embedding(model), x_markers)
    history["centroids"] = centroid_paths(z, history.pop("types"), q.shape[1])
    q, cluster_type = _subclusters(q, z, around.snn if settings.split_clusters else None, settings.alpha, seed)
    found = Adapted(
        q=q, cluster_type=cluster_type, initial=initial.argmax(1), z=z, x=x, genes=fit.genes[present], history=history,
        novelty=new.score, nearest=new.nearest,
    )  # fmt: skip
    if len(rows) == values.n_cells:
        return found
    taught = extension.taught(
        fit, found, network.weights(model), factors["markers"], around, np.flatnonzero(present), new, settings.alpha, seed
    )
    answers = values.answers(partial(extension.answer_chunk, taught, scale), target.batch)
    return extension.extended(found, answers, rows, values.n_cells, progress)


def _sketch(values, scale, batch, present, settings: DefaultSettings, seed) -> tuple[np.ndarray, sp.csr_matrix]:
    """Positions of the cells that the target's structure is learnt from, and their log values: all cells, where few."""
    n = values.n_cells
    if n <= settings.n_sketch:
        return np.arange(n), stacked(map(scale.apply, values.chunks()))
    rows = sketch.candidates(n, settings.n_sketch, batch, seed)
    x = stacked(map(scale.apply, values.cells(rows).chunks()))
    some = np.random.default_rng(seed).permutation(len(rows))[:SKETCH_COMPONENTS]
    x_some = sp.csr_matrix(x[some][:, present])
    components = neighbors.principal_components(x_some, genes.variable([x_some], settings.n_genes), seed=seed)
    components = components._replace(genes=np.flatnonzero(present)[components.genes])
    kept = sketch.sketched(components.scores(x), settings.n_sketch, seed)
    return rows[kept], x[kept]


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
    def of(cls, fit: Fit, present) -> Scale:
        """For a target that has the genes ``present`` (n_genes,) bool of ``fit``."""
        shares = fit.moments.size / fit.moments.size.sum()
        counts = shares @ fit.moments.linear
        filling = sp.csr_matrix(np.where(present, 0, shares @ fit.moments.mean).astype(np.float32))
        return cls(TARGET_SUM * counts[present].sum() / counts.sum(), None if present.all() else filling)

    def apply(self, x) -> sp.csr_matrix:
        """Log values of linear ones (n, n_genes)."""
        x = lognorm(x, self.total)
        if self.filling is None:
            return x
        return sp.csr_matrix(x + sp.csr_matrix(np.ones((x.shape[0], 1), np.float32)) @ self.filling)


def first_answers(fit: Fit, source_model, x, batch, seed) -> tuple[np.ndarray, np.ndarray, dict]:
    """Mean answer of the closed-form classifiers, and the source network's, both (n, n_types), each batch aligned by itself.

    Beside them ``{view: {batch: factor per gene}}``, the alignment.
    """
    from itclust.recipes import network

    correlation = classifiers.correlation_classifier(fit.moments.over(fit.variable), fit.temperature)
    views = {"markers": fit.markers, "variable": fit.variable}

    def answers(rows, factor):
        seen = {name: classifiers.aligned(x[rows][:, c].toarray(), factor[name]) for name, c in views.items()}
        by_discriminant = classifiers.by_discriminant(seen["markers"], fit.coef, fit.intercept)
        fixed = (correlation.probabilities(seen["variable"]) + by_discriminant) / 2
        return fixed, network.predict(source_model, seen["markers"])

    out = np.zeros((2, x.shape[0], len(fit.types)), np.float32)
    factors = {name: {} for name in views}
    for b in np.unique(batch):
        rows = np.flatnonzero(batch == b)
        sample = np.sort(np.random.default_rng(seed).permutation(rows)[:ALIGN_CELLS])
        factor = dict.fromkeys(views, np.float32(1))
        for _ in range(ALIGN_ROUNDS):
            fixed, q = answers(sample, factor)
            q = (2 * fixed + q) / 3
            factor = {
                name: classifiers.alignment(x[sample][:, c].toarray(), q, fit.moments.linear[:, c])
                for name, c in views.items()
            }
        for name in views:
            factors[name][b] = factor[name]
        for i in range(0, len(rows), CHUNK):
            part = rows[i : i + CHUNK]
            out[:, part] = answers(part, factor)
    return out[0], out[1], factors


def _with_new_centroids(fit: Fit, z, new: novelty.Novelty, settings: DefaultSettings, seed):
    """The network that is fine-tuned: the source's weights, and the mean embedding of each new type as a centroid more."""
    from itclust.recipes import network

    n_new, centroids = len(new.nearest), fit.centroids
    if n_new:
        centroids = np.concatenate([centroids, group_means(z, new.group, n_new)])
    model = _network(len(fit.markers), len(fit.types) + n_new, settings, seed + 500)
    network.set_weights(model, [*fit.weights, centroids])
    return model


def _with_new_columns(q, new: novelty.Novelty) -> np.ndarray:
    """Soft assignment with a column for each new type, which its cells have whole."""
    if not len(new.nearest):
        return q
    out = np.concatenate([q, np.zeros((len(q), len(new.nearest)), q.dtype)], axis=1)
    cells = np.flatnonzero(new.group >= 0)
    out[cells] = 0
    out[cells, q.shape[1] + new.group[cells]] = 1
    return out


def _fine_tune(model, x, fixed, initial, n_types, average, settings: DefaultSettings, seed, progress):
    """The rounds of :func:`adapt`; changes ``model``'s weights. Returns q and the history."""
    from itclust.recipes import network

    network.compile_classifier(model, settings.learning_rate / 2, settings.weight_decay)
    q, history = initial, {"changed": [], "loss": [], "types": [initial.argmax(1)]}
    is_new = fixed[:, n_types:].any(1)  # no gene was chosen for new types: their cluster keeps a say
    for i in range(settings.max_iter):
        late = 2 * i >= settings.max_iter
        share = FIXED_LAST if late else FIXED_FIRST
        p = share * fixed + (1 - share) * q
        p[is_new] = fixed[is_new]
        p = assign.smooth_over_neighbors(p, average)
        smooth = p * (1 - TARGET_SMOOTHING) + TARGET_SMOOTHING / p.shape[1]
        chance = p.max(1) * (p @ np.maximum(p.sum(0), MIN_MASS) ** -BALANCE)  # sure cells, rare types
        smooth = smooth.astype(np.float32)
        batches = network.Drawn(x, smooth, chance, settings.round_steps, settings.batch_size, seed * 100 + i)
        history["loss"].append(network.learn(model, batches))
        before, q = q.argmax(1), network.predict(model, x)
        history["types"].append(q.argmax(1))
        history["changed"].append(float(np.mean(before != history["types"][-1])))
        done = late and history["changed"][-1] < settings.tol
        text = f"round {i + 1}, loss {history['loss'][-1]:.4g}, {history['changed'][-1]:.2%} of cells changing"
        progress("target", 1.0 if done else (i + 1) / settings.max_iter, text)
        if done:
            break
    q[is_new] = (q[is_new] + fixed[is_new]) / 2
    history["types"][-1] = q.argmax(1)
    return q, {k: np.array(v) for k, v in history.items()}


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
