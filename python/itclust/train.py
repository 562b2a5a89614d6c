"""The stages of the default recipe: fit_source and adapt_target, plain functions over arrays."""

from __future__ import annotations

from typing import NamedTuple

import keras
import numpy as np
import scipy.sparse as sp

from itclust import genes as gene_choice
from itclust import graph, network
from itclust.settings import Settings

LABEL_SMOOTHING = 0.05  # keeps the source network from being sure of wrong labels
SHARPEN = 2.0  # power of the auxiliary distribution, as in Hu et al. 2020, eq. 2
SURE = 0.7  # smaller averaged assignments do not train
WEIGHT_DECAY = 1e-4
N_VARIABLE = 2000  # the target's own genes for its neighbour graph


class Adapted(NamedTuple):
    """What fine-tuning on the target gives.

    Attributes
    ----------
    q : (n, n_clusters) soft assignment.
    cluster_type : (n_clusters,) int source type of each column.
    initial : (n,) int source type before fine-tuning.
    z : (n, n_latent) embedding.
    history : arrays, an entry a round.
    """

    q: np.ndarray
    cluster_type: np.ndarray
    initial: np.ndarray
    z: np.ndarray
    history: dict


def classifier(n_genes, n_types, settings: Settings, seed) -> keras.Model:
    """Encoder, dropout at the embedding, softmax over types."""
    encoder = network.encoder(n_genes, (*settings.n_hidden, settings.n_latent), settings.dropout, seed)
    out = network.dense(n_types, "softmax", seed + 50, "types")(encoder.output)
    model = keras.Model(encoder.input, out)
    loss = keras.losses.CategoricalCrossentropy()
    model.compile(keras.optimizers.AdamW(settings.learning_rate, weight_decay=WEIGHT_DECAY), loss, jit_compile=False)
    return model


def fit_source(x: sp.csr_matrix, codes, n_types, settings: Settings, seed, progress) -> dict:
    """Train the source network.

    Parameters
    ----------
    x : (n, n_genes) log values.
    codes : (n,) int type, 0..n_types-1.

    Returns
    -------
    dict of arrays: ``columns`` (genes the network sees), weights, type profiles, replayed cells.
    """
    mean, rate = gene_choice.type_profiles(x, codes, n_types)
    columns = np.union1d(
        gene_choice.pairwise_markers(mean, rate, settings.n_markers),
        gene_choice.separating(x, codes, settings.n_genes),
    ).astype(int)
    if not len(columns):
        columns = np.arange(x.shape[1])
    size = np.bincount(codes, minlength=n_types)
    model = classifier(len(columns), n_types, settings, seed)
    y = smooth(codes, n_types)
    seen = sp.csr_matrix(x[:, columns])
    batches = network.Minibatches(seen, y, settings.batch_size, seed, weight=1 / np.sqrt(size[codes]))
    report = network.Report(progress, "source", settings.source_epochs)
    model.fit(batches, epochs=settings.source_epochs, verbose=0, shuffle=False, callbacks=[report])
    kept = replayed(codes, settings.n_replay, seed)
    replay = seen[kept]
    return {
        "columns": columns, "mean": mean, "rate": rate, "size": size,
        "replay_data": replay.data, "replay_indices": replay.indices, "replay_indptr": replay.indptr,
        "replay_codes": codes[kept], **{f"weight_{i}": w for i, w in enumerate(model.get_weights())},
    }  # fmt: skip


def smooth(codes, n_types) -> np.ndarray:
    """One-hot rows with ``LABEL_SMOOTHING`` spread over all types."""
    return (np.eye(n_types, dtype=np.float32)[codes] * (1 - LABEL_SMOOTHING) + LABEL_SMOOTHING / n_types).astype("f4")


def replayed(codes, n_replay, seed) -> np.ndarray:
    """Row numbers of at most ``n_replay`` cells a type."""
    order = np.random.default_rng(seed).permutation(len(codes))
    parts = [order[codes[order] == k][:n_replay] for k in np.unique(codes)]
    return np.sort(np.concatenate(parts))


def adapt_target(state: dict, x: sp.csr_matrix, settings: Settings, seed, progress) -> Adapted:
    """Start from the source network's weights and fine-tune on the target's soft assignments, the source replayed.

    Each round: q of all target cells; averaged over each cell's neighbours; sharpened to the auxiliary distribution;
    the network is trained on the cells whose assignment is sure, and on the replayed source cells.

    Parameters
    ----------
    x : (n, n_genes) log values over the source's genes.
    """
    n_types = len(state["size"])
    seen = sp.csr_matrix(x[:, state["columns"]])
    model = classifier(seen.shape[1], n_types, settings, seed)
    model.set_weights([state[f"weight_{i}"] for i in range(len(model.weights))])
    q = network.predict(model, seen)
    initial = q.argmax(1)
    average = _graph(x, settings, seed)
    replay = sp.csr_matrix(
        (state["replay_data"], state["replay_indices"], state["replay_indptr"]),
        (len(state["replay_codes"]), seen.shape[1]),
    )
    history = {"changed": [], "loss": []}
    for i in range(settings.max_iter):
        s = q if average is None else average @ q
        p = s**SHARPEN / (s**SHARPEN).sum(1, keepdims=True)
        sure = np.flatnonzero(s.max(1) >= SURE)
        both = sp.vstack([seen[sure], replay], format="csr")
        y = np.concatenate([p[sure], smooth(state["replay_codes"], n_types)]).astype("f4")
        batches = network.Minibatches(both, y, settings.batch_size, seed + i, weight=_balanced(y))
        fit = model.fit(batches, epochs=settings.target_epochs, verbose=0, shuffle=False)
        before, q = q.argmax(1), network.predict(model, seen)
        changed = float(np.mean(before != q.argmax(1)))
        history["changed"].append(changed)
        history["loss"].append(fit.history["loss"][-1])
        text = f"round {i + 1}, loss {history['loss'][-1]:.4g}, {changed:.2%} of cells changing"
        done = changed < settings.tol
        progress("target", 1.0 if done else (i + 1) / settings.max_iter, text)
        if done:
            break
    embed = keras.Model(model.input, model.get_layer("embedding").output)
    return Adapted(
        q=q if average is None else average @ q,
        cluster_type=np.arange(n_types),
        initial=initial,
        z=network.predict(embed, seen),
        history={k: np.array(v) for k, v in history.items()},
    )


def _graph(x, settings: Settings, seed):
    if not settings.n_neighbors or x.shape[0] < 3:
        return None
    points = graph.principal_components(x[:, graph.dispersed(x, N_VARIABLE)], seed=seed)
    return graph.averaging(graph.neighbours(points, settings.n_neighbors, seed))


def _balanced(y) -> np.ndarray:
    """Chance of each row to be drawn: 1 / sqrt(size of its class)."""
    code = y.argmax(1)
    return 1 / np.sqrt(np.bincount(code, minlength=y.shape[1])[code])
