"""The stages of the default recipe: fit_source and adapt_target, plain functions over arrays. See docs/recipe.md."""

from __future__ import annotations

from typing import NamedTuple

import keras
import numpy as np
import scipy.sparse as sp

from itclust import assign, genes, graph, network, novelty, views
from itclust.settings import Settings

BALANCE = 0.5  # cells are drawn by 1 / class size ** BALANCE: rare types are seen, common ones still rule
CLEAN_ROUNDS = 3  # one round leaves twice as many wrong source labels
MIN_STEPS = 300  # small sources need steps, not epochs
TARGET_SMOOTHING = 0.02  # of the auxiliary distribution
ALIGN_ROUNDS, ALIGN_CELLS = 5, 3000
VIEWS_FIRST, VIEWS_LAST = 0.6, 0.3  # share of the views in what teaches, first and second half of the rounds
# What neighbours and network may say is read off the target. Neighbours count in full where 70 % of them have the cell's
# first answer (74 to 100 % on the development pairs), not at all at 30 % (many small types: neighbours are strangers). The
# network counts in full where its first answers are those of the views for 80 % of the cells (84 to 100 %), not at all at 50 %.
NEAR_WEIGHT, NEAR_FROM, NEAR_TO = 1.5, 0.3, 0.7
NETWORK_FROM, NETWORK_TO = 0.5, 0.8
STEPS_A_CALL = 5  # of the optimiser in one call of the compiled function: saves Python's time
JOIN = 0.5  # novelty that a cell outside the novel clusters needs to be drawn into them: new is likelier than known
MIN_MASS = 5  # cells; smaller predicted types are not drawn more often than this size would be


class Adapted(NamedTuple):
    """What fine-tuning on the target gives.

    Attributes
    ----------
    q : (n, n_clusters) soft assignment.
    cluster_type : (n_clusters,) int type of each column: a source type, or n_types + i for the i-th new one. Clusters may
        share a type.
    initial : (n,) int source type before fine-tuning.
    z : (n, n_latent) embedding.
    history : arrays, an entry a round; ``centroids`` (n_rounds + 1, n_types + n_new, n_latent), see :func:`centroid_paths`.
    novelty : (n,) evidence that the cell's type is not in the source, or None where it was not looked for.
    nearest : (n_new,) int source type nearest to each new one.
    """

    q: np.ndarray
    cluster_type: np.ndarray
    initial: np.ndarray
    z: np.ndarray
    history: dict
    novelty: np.ndarray | None = None
    nearest: np.ndarray | None = None


def fit_source(x: sp.csr_matrix, codes, n_types, batch, settings: Settings, seed, progress) -> dict:
    """Choose genes, fit the views, train the source network.

    Parameters
    ----------
    x : (n, n_genes) log values.
    codes : (n,) int type, 0..n_types-1.
    batch : (n,) int; a type's batches count by the square roots of their sizes, so that the largest does not rule.

    Returns
    -------
    dict of arrays: ``columns`` (genes the network sees), ``variable`` (genes the profiles see), the :class:`Moments` of
    all genes, the views, the network's weights.
    """
    broad = genes.variable(x, settings.n_genes)
    kept = np.arange(len(codes))
    for _ in range(CLEAN_ROUNDS):
        weight = balanced(codes[kept], batch[kept])
        moments = genes.moments(x[kept], codes[kept], n_types, weight)
        dense, view = x[kept][:, broad].toarray(), views.profiles(moments, broad)
        kept = kept[views.agrees(dense, codes[kept], view, moments.mean[:, broad], weight)]
    x, codes, weight = x[kept], codes[kept], balanced(codes[kept], batch[kept])
    moments = genes.moments(x, codes, n_types, weight)
    columns = genes.pairwise_markers(moments.mean, moments.detected, settings.n_markers)
    columns = columns if len(columns) else np.arange(x.shape[1])
    seen = sp.csr_matrix(x[:, columns])
    view = views.profiles(moments, broad)
    coef, intercept = views.discriminant(seen.toarray(), codes, moments, columns)
    model = classifier(len(columns), n_types, settings, seed)
    _train_source(model, seen, codes, weight, moments.size, settings, seed, progress)
    return {
        "columns": columns, "variable": broad, **moments._asdict(),
        "temperature": np.array(views.temperature(x[:, broad].toarray(), codes, view)),
        "coef": coef, "intercept": intercept,
        **{f"weight_{i}": w for i, w in enumerate(network.weights(model))},
    }  # fmt: skip


def classifier(n_genes, n_clusters, settings: Settings, seed) -> keras.Model:
    """Encoder and clustering layer: (batch, n_genes) -> (batch, n_clusters) soft assignment."""
    layers = (*settings.n_hidden, settings.n_latent)
    encoder = network.encoder(n_genes, layers, settings.dropout, seed)
    layer = network.ClusteringLayer(n_clusters, settings.alpha, seed + 50, name="clustering")
    return keras.Model(encoder.input, layer(encoder.output))


def _compile(model, rate, weight_decay) -> None:
    optimizer = keras.optimizers.AdamW(rate, weight_decay=weight_decay)
    optimizer.exclude_from_weight_decay(var_names=["bias", "centroids"])
    loss = keras.losses.CategoricalCrossentropy()
    # XLA is slow around dropout on a CPU
    model.compile(optimizer, loss, jit_compile=False, steps_per_execution=STEPS_A_CALL)


def balanced(codes, batch) -> np.ndarray:
    """Weight (n,) of each cell: a batch counts by the square root of its cells of a type; a type's weights add up to its size."""
    group = np.unique(np.stack([codes, batch]), axis=1, return_inverse=True)[1].ravel()
    weight = np.bincount(group)[group] ** -BALANCE
    return weight * np.bincount(codes)[codes] / np.bincount(codes, weight)[codes]


def _train_source(model, x, codes, weight, size, settings: Settings, seed, progress) -> None:
    epochs = settings.source_epochs
    steps = max(MIN_STEPS, epochs * -(-len(codes) // settings.batch_size))
    steps = (
        -(-steps // (STEPS_A_CALL * epochs)) * STEPS_A_CALL
    )  # in one of the epochs, whole calls of the compiled step
    _compile(model, keras.optimizers.schedules.CosineDecay(settings.learning_rate, steps * epochs, alpha=0.02),
             settings.weight_decay)  # fmt: skip
    chance = weight * np.maximum(size, 1.0)[codes] ** -BALANCE
    y = one_hot(codes, len(size), settings.label_smoothing)
    batches = network.Drawn(x, y, chance, steps, settings.batch_size, seed)
    report = network.Report(progress, "source", epochs)
    model.fit(batches, epochs=epochs, verbose=0, shuffle=False, callbacks=[report])


def one_hot(codes, n, smoothing=0.0) -> np.ndarray:
    """Rows (len(codes), n) float32 with ``smoothing`` spread over all columns."""
    return (np.eye(n, dtype=np.float32)[codes] * (1 - smoothing) + smoothing / n).astype(np.float32)


def adapt_target(state: dict, x: sp.csr_matrix, present, batch, settings: Settings, seed, progress) -> Adapted:
    """Start from the source network's weights and fine-tune on the target's soft assignments.

    New types get centroids of their own before the fine-tuning, so that they are not pulled into known clusters. Each
    round: what views and network say of the target's cells, sharpened by each cell's mutual neighbours, is the auxiliary
    distribution p; the network learns p.

    Parameters
    ----------
    x : (n, n_genes) log values over the source's genes.
    present : (n_genes,) bool, genes that the target has.
    batch : (n,) int; each batch is aligned by itself.
    """
    n_types = len(state["size"])
    seen = sp.csr_matrix(x[:, state["columns"]])
    source_model = classifier(seen.shape[1], n_types, settings, seed)
    weights = [state[f"weight_{i}"] for i in range(len(source_model.trainable_variables))]
    network.set_weights(source_model, weights)
    fixed, initial = first_answers(state, source_model, x, batch, settings, seed)
    found = graph.structure(x[:, present], settings.n_neighbors, seed=seed)
    new = None
    if settings.novelty:
        moments = genes.Moments(*(state[k] if k == "size" else state[k][:, present] for k in genes.Moments._fields))
        new = novelty.judge(moments, x[:, present], (2 * fixed + initial) / 3, found, seed)
    n_new = 0 if new is None else len(new.nearest)
    model = classifier(seen.shape[1], n_types + n_new, settings, seed + 500)
    if n_new:
        z = network.predict(embedding(source_model), seen)
        weights[-1] = np.concatenate(
            [weights[-1], assign.class_means(z[new.group >= 0], new.group[new.group >= 0], n_new)]
        )
    network.set_weights(model, weights)
    teach = [_with_new(q, new, n_new) for q in (fixed, initial)]
    q, history = _fine_tune(model, state, seen, *teach, found.average, settings, seed, progress)
    if n_new:
        stays = (new.group < 0) & (new.score < JOIN)
        q[stays, n_types:] = 0
        q /= np.maximum(q.sum(1, keepdims=True), 1e-12)
        history["types"][-1] = q.argmax(1)
    z = network.predict(embedding(model), seen)
    history["centroids"] = centroid_paths(z, history.pop("types"), q.shape[1])
    q, cluster_type = _apart(q, z, found.net, settings.alpha, seed)
    return Adapted(
        q=q,
        cluster_type=cluster_type,
        initial=initial.argmax(1),
        z=z,
        history=history,
        novelty=None if new is None else new.score,
        nearest=None if new is None else new.nearest,
    )


def _apart(q, z, net, alpha, seed):
    """Clusters finer than types where the cells of one clearly fall apart: q with their columns, and each one's type."""
    best, columns, types = q.argmax(1), [], []
    for k in range(q.shape[1]):
        cells = np.flatnonzero(best == k)
        part = np.full(len(q), -1)
        part[cells] = 0 if net is None else graph.parts(net, cells, seed)
        columns.append(assign.divided(q[:, k], part, z, alpha) if part.max() > 0 else q[:, [k]])
        types += [k] * columns[-1].shape[1]
    return np.concatenate(columns, axis=1), np.array(types)


def centroid_paths(z, types, n) -> np.ndarray:
    """Where the cells of each type at each round lie in the final embedding: (n_rounds + 1, n, n_latent), NaN for none.

    Parameters
    ----------
    z : (n_cells, n_latent) final embedding.
    types : (n_cells,) int of each round, before the first and after each.
    n : number of types.
    """
    return np.stack([assign.class_means(z, t, n) for t in types]).astype(np.float32)


def embedding(model) -> keras.Model:
    """The part of a network up to its embedding."""
    return keras.Model(model.input, model.get_layer("embedding").output)


def _with_new(q, new, n_new) -> np.ndarray:
    """Soft assignment with a column for each new type, which its cells have whole."""
    if not n_new:
        return q
    out = np.concatenate([q, np.zeros((len(q), n_new), q.dtype)], axis=1)
    cells = np.flatnonzero(new.group >= 0)
    out[cells] = 0
    out[cells, q.shape[1] + new.group[cells]] = 1
    return out


def first_answers(state, source_model, x, batch, settings, seed):
    """Mean answer of the views, and the source network's, through an alignment per batch: both (n, n_types)."""
    moments = genes.Moments(*(state[k] for k in genes.Moments._fields))
    columns, broad = state["columns"], state["variable"]
    view = views.profiles(moments, broad, state["temperature"])

    def answers(rows, factor):
        narrow, wide = (views.aligned(x[rows][:, c].toarray(), factor[c is broad]) for c in (columns, broad))
        fixed = (views.by_profile(wide, view) + views.by_discriminant(narrow, state["coef"], state["intercept"])) / 2
        return fixed, network.predict(source_model, narrow)

    out = np.zeros((2, x.shape[0], len(state["size"])), np.float32)
    for b in np.unique(batch):
        rows = np.flatnonzero(batch == b)
        sample = np.sort(np.random.default_rng(seed).permutation(rows)[:ALIGN_CELLS])
        factor = {False: np.float32(1), True: np.float32(1)}
        for _ in range(ALIGN_ROUNDS):
            fixed, q = answers(sample, factor)
            q = (2 * fixed + q) / 3
            factor = {c is broad: views.alignment(x[sample][:, c].toarray(), q, moments.linear[:, c])
                      for c in (columns, broad)}  # fmt: skip
        for i in range(0, len(rows), graph.CHUNK):
            part = rows[i : i + graph.CHUNK]
            out[:, part] = answers(part, factor)
    return out


def _ramp(value, low, high) -> float:
    """0 below ``low``, 1 above ``high``, straight in between."""
    return float(np.clip((value - low) / (high - low), 0, 1))


def _fine_tune(model, state, seen, fixed, initial, near, settings: Settings, seed, progress):
    """The rounds of :func:`adapt_target`; changes ``model``'s weights. Returns q and the history."""
    _compile(model, settings.learning_rate / 2, settings.weight_decay)
    q, history = initial, {"changed": [], "loss": [], "types": [initial.argmax(1)]}
    first = (2 * fixed + initial) / 3
    weight = NEAR_WEIGHT * _ramp(graph.concordance(near, first.argmax(1)), NEAR_FROM, NEAR_TO)
    trust = _ramp(np.mean(fixed.argmax(1) == initial.argmax(1)), NETWORK_FROM, NETWORK_TO)
    held = fixed[:, len(state["size"]) :].any(1)  # no gene was chosen for new types: their cluster keeps a say
    for i in range(settings.max_iter):
        late = 2 * i >= settings.max_iter
        share = 1 - trust * (1 - (VIEWS_LAST if late else VIEWS_FIRST))
        p = share * fixed + (1 - share) * q
        p[held] = fixed[held]
        p = assign.sharpened(p, near, weight)
        smooth = p * (1 - TARGET_SMOOTHING) + TARGET_SMOOTHING / p.shape[1]
        chance = p.max(1) * (p @ np.maximum(p.sum(0), MIN_MASS) ** -BALANCE)  # sure cells, rare types
        smooth = smooth.astype(np.float32)
        batches = network.Drawn(seen, smooth, chance, settings.round_steps, settings.batch_size, seed * 100 + i)
        fit = model.fit(batches, epochs=1, verbose=0, shuffle=False)
        before, q = q.argmax(1), network.predict(model, seen)
        history["types"].append(q.argmax(1))
        history["changed"].append(float(np.mean(before != history["types"][-1])))
        history["loss"].append(fit.history["loss"][-1])
        done = late and history["changed"][-1] < settings.tol
        text = f"round {i + 1}, loss {history['loss'][-1]:.4g}, {history['changed'][-1]:.2%} of cells changing"
        progress("target", 1.0 if done else (i + 1) / settings.max_iter, text)
        if done:
            break
    q = trust * q + (1 - trust) * p
    q[held] = (q[held] + fixed[held]) / 2
    history["types"][-1] = q.argmax(1)
    return q, {k: np.array(v) for k, v in history.items()}
