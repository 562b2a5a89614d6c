"""The recipe of Hu et al. 2020 (code 1.2.0), step by step, with the repairs that docs/deviations.md lists.

The stages see linear values of whole datasets, because the recipe filters, normalises and scales each by itself.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import keras
import numpy as np
import scipy.sparse as sp

from itclust import assign, network
from itclust.preprocess import Expression, lognorm
from itclust.settings import Settings
from itclust.train import Adapted, centroid_paths

MIN_GENES, MIN_CELLS = 100, 10  # cells with fewer genes, and genes in fewer such cells, do not train
CLIP = 6.0  # largest z-score
MOMENTUM = 0.9
LABEL_NOISE = 1e-5, 6e-5  # added to each entry of the one-hot labels, drawn between the two: the published disturbance
PATIENCE, MIN_DELTA = 4, 0.001


class Prepared(NamedTuple):
    """Steps 1 and 2: log values of every cell over the genes that pass, and which cells train."""

    x: sp.csr_matrix
    genes: np.ndarray
    trains: np.ndarray


class ZScored:
    """Rows of a sparse matrix as z-scores, made dense a minibatch at a time; missing genes (column -1) are zero.

    Without ``scale`` the values stay as they are.
    """

    def __init__(self, data: Prepared, genes, scale=True):
        where = {g: i for i, g in enumerate(data.genes)}
        index = np.array([where.get(g, -1) for g in genes])
        self.there = index >= 0
        self.x = data.x[:, index[self.there]]
        train = self.x[data.trains]
        self.mean = np.asarray(train.mean(0)).ravel()
        variance = np.asarray(train.multiply(train).mean(0)).ravel() - self.mean**2
        n = max(train.shape[0], 2)
        self.sd = np.sqrt(np.maximum(variance, 0) * n / (n - 1))
        self.sd[self.sd < 1e-6] = 1
        self.clip = CLIP
        if not scale:
            self.mean, self.sd, self.clip = np.zeros_like(self.mean), np.ones_like(self.sd), np.inf
        self.shape = (data.x.shape[0], len(index))

    def __getitem__(self, rows):
        part = self.x[rows].toarray()
        z = np.zeros((part.shape[0], self.shape[1]), np.float32)
        z[:, self.there] = np.clip((part - self.mean) / self.sd, -self.clip, self.clip)
        return z


def prepare(data: Expression, name: str, steps=("normalize", "log")) -> Prepared:
    """Filter cells and genes, scale each cell to the median total, log1p; names in upper case.

    Parameters
    ----------
    steps : which of the last two, see :class:`itclust.Settings`.
    """
    trains = np.diff(data.x.indptr) >= MIN_GENES
    special = np.array([bool(re.match("ERCC|MT-", g, re.IGNORECASE)) for g in data.genes])
    keep = (data.x[trains].getnnz(0) >= MIN_CELLS) & ~special
    if trains.sum() < MIN_CELLS or keep.sum() < 2:
        msg = (
            f"preset='paper' trains on cells with at least {MIN_GENES} genes and on genes in at least {MIN_CELLS} of "
            f"them; {trains.sum()} of the {name}'s {len(trains)} cells and {keep.sum()} of its {len(keep)} genes are "
            "left. Use preset='default'."
        )
        raise ValueError(msg)
    x = sp.csr_matrix(data.x[:, keep])
    upper = np.array([g.upper() for g in data.genes[keep]])
    first = np.sort(np.unique(upper, return_index=True)[1])
    if "normalize" in steps:
        x = lognorm(x, np.median(np.asarray(x[trains].sum(1)).ravel()))
        x.data = x.data if "log" in steps else np.expm1(x.data)
    elif "log" in steps:
        x.data = np.log1p(x.data)
    return Prepared(sp.csr_matrix(x[:, first]), upper[first], trains)


def target_genes(target: Expression, settings: Settings) -> np.ndarray:
    """The most dispersed genes of the target (step 3), by scanpy's implementation of Satija et al. 2015."""
    import anndata as ad
    import scanpy as sc

    data = prepare(target, "target", settings.steps)
    n = data.trains.sum()
    n_top = settings.n_genes or (500 if n <= 1500 else 1000 if n <= 3000 else 2000)
    adata = ad.AnnData(data.x[data.trains])
    table = sc.pp.highly_variable_genes(adata, flavor="seurat", n_top_genes=min(n_top, len(data.genes)), inplace=False)
    return data.genes[table["highly_variable"].to_numpy()]


def widths(n_cells: int, settings: Settings) -> tuple[int, ...]:
    """Units of the encoder's layers (step 4)."""
    if settings.n_hidden or settings.n_latent:
        return (*settings.n_hidden, settings.n_latent or 32)
    for above, layers in ((20000, (128, 32)), (10000, (64, 32)), (5000, (32, 16)), (2000, (128,)), (500, (64,))):
        if n_cells > above:
            return layers
    return (16,)


def fit_source(source: Expression, codes, n_types, genes, settings: Settings, seed, progress) -> dict:
    """Steps 4 and 5: pretrain the autoencoder on the source, then train embedding and centroids on its labels.

    Parameters
    ----------
    source : linear values of the cells that have a label.
    codes : (n,) int type of each cell, 0..n_types-1.
    genes : the target's dispersed genes, see :func:`target_genes`.

    Returns
    -------
    dict of arrays: network_genes, widths, the encoder's weights, those of the layer above it (centroids, or kernel and
    bias of the softmax); a type whose cells all fail the filters has none.
    """
    data = prepare(source, "source", settings.steps)
    genes = np.array([g for g in genes if g in set(data.genes)])
    x = _Rows(ZScored(data, genes, "scale" in settings.steps), np.flatnonzero(data.trains))
    y = codes[data.trains]
    if len(genes) < 2 or len(np.unique(y)) < 2:
        msg = (
            f"preset='paper': only {len(genes)} genes and {len(np.unique(y))} types of the source pass its filters. "
            "Use preset='default'."
        )
        raise ValueError(msg)
    layers = widths(len(y), settings)
    encoder = network.encoder(len(genes), layers, seed=seed)
    pretrain(encoder, x, layers, settings, seed, progress)
    present = np.unique(y)
    one_hot = np.eye(len(present), dtype=np.float32)[np.searchsorted(present, y)]
    noisy = one_hot + np.random.default_rng(seed).uniform(*LABEL_NOISE, one_hot.shape).astype(np.float32)
    noisy /= noisy.sum(1, keepdims=True)
    if settings.softmax:
        head = network.dense(len(present), "softmax", seed + 400, "types")
        model = keras.Model(encoder.input, head(encoder.output))
        _compile(model, keras.losses.KLDivergence(), settings.learning_rate)
    else:
        z = network.predict(encoder, x)
        model = clustering(encoder, assign.class_means(z, one_hot.argmax(1), len(present)), settings)
    stop = keras.callbacks.EarlyStopping("loss", min_delta=MIN_DELTA, patience=PATIENCE)
    report = network.Report(progress, "source", settings.source_epochs)
    batches = network.Minibatches(x, noisy, settings.batch_size, seed)
    model.fit(batches, epochs=settings.source_epochs, verbose=0, shuffle=False, callbacks=[stop, report])
    weights = {f"encoder_{i}": w for i, w in enumerate(encoder.get_weights())}
    weights |= dict(zip(("kernel", "bias") if settings.softmax else ("centroids",), model.layers[-1].get_weights()))
    return {"network_genes": genes, "widths": np.array(layers), "present": present, **weights}


def source_assignment(state: dict, z, settings: Settings) -> np.ndarray:
    """What the source network says of cells with embedding ``z``: (n, n_present)."""
    if "centroids" in state:
        return assign.soft_assignment(z, state["centroids"], settings.alpha)
    logits = z @ state["kernel"] + state["bias"]
    e = np.exp(logits - logits.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def pretrain(encoder, x, layers, settings: Settings, seed, progress) -> None:
    """Stacked denoising autoencoder (step 4): each layer alone, then end to end; changes ``encoder``'s weights."""
    epochs = settings.pretrain_epochs
    if not epochs:
        return
    dense = [la for la in encoder.layers if isinstance(la, keras.layers.Dense)]
    decoders, h = [], x
    for i, layer in enumerate(dense):
        n_in, act = h.shape[1], "tanh" if i == 0 else "relu"  # tanh above the z-scores: the published decoder
        decoder = network.dense(n_in, act, seed + 100 + i)
        inputs = keras.Input((n_in,))
        code = layer(keras.layers.Dropout(settings.dropout, seed=seed + 200 + i)(inputs))
        out = decoder(keras.layers.Dropout(settings.dropout, seed=seed + 300 + i)(code))
        step = max(1, epochs // 6)
        _autoencode(keras.Model(inputs, out), h, 3 * step, step, settings, seed, progress, f"layer {i + 1}, ")
        h = network.predict(keras.Model(inputs, layer(inputs)), h)
        decoders.insert(0, decoder)
    out = encoder.output
    for decoder in decoders:
        out = decoder(out)
    _autoencode(keras.Model(encoder.input, out), x, epochs, max(1, epochs // 6), settings, seed, progress, "")


def _autoencode(model, x, epochs, step, settings, seed, progress, note) -> None:
    """Mean squared error, SGD from rate 0.1, divided by 10 every ``step`` epochs."""
    _compile(model, keras.losses.MeanSquaredError(), 0.1)
    rate = keras.callbacks.LearningRateScheduler(lambda epoch, _: 0.1 * 0.1 ** (epoch // step))
    report = network.Report(progress, "pretrain", epochs, note)
    batches = network.Minibatches(x, None, settings.batch_size, seed)
    model.fit(batches, epochs=epochs, verbose=0, shuffle=False, callbacks=[rate, report])


def clustering(encoder, centroids, settings: Settings) -> keras.Model:
    """Encoder and clustering layer, trained by the divergence of a distribution over clusters to q."""
    layer = network.ClusteringLayer(len(centroids), settings.alpha, name="clustering")
    model = keras.Model(encoder.input, layer(encoder.output))
    layer.set_weights([centroids])
    _compile(model, keras.losses.KLDivergence(), settings.learning_rate)
    return model


def _compile(model, loss, rate) -> None:
    model.compile(keras.optimizers.SGD(rate, momentum=MOMENTUM), loss, jit_compile=False, steps_per_execution=8)


class _Rows:
    """Some rows of ``x``, as a matrix."""

    def __init__(self, x, rows):
        self.x, self.rows, self.shape = x, rows, (len(rows), x.shape[1])

    def __getitem__(self, i):
        return self.x[self.rows[i]]


def adapt_target(state: dict, target: Expression, settings: Settings, seed, progress) -> Adapted:
    """Step 6: the source's weights, fine-tuned on the target alone by iterative soft clustering.

    Only types that the source network predicts at least once get a centroid; each keeps its own name.
    """
    data = prepare(target, "target", settings.steps)
    z = ZScored(data, state["network_genes"], "scale" in settings.steps)
    x = _Rows(z, np.flatnonzero(data.trains))
    encoder = network.encoder(len(state["network_genes"]), tuple(int(w) for w in state["widths"]))
    encoder.set_weights([state[f"encoder_{i}"] for i in range(len(encoder.weights))])
    initial = source_assignment(state, network.predict(encoder, z), settings).argmax(1)
    present = np.unique(initial[data.trains])
    first = np.searchsorted(present, initial[data.trains])
    centroids = assign.class_means(network.predict(encoder, x), first, len(present))
    model = clustering(encoder, centroids, settings)
    everything = network.predict(model, z)
    q = everything[data.trains]
    history, of_round = {"changed": [], "loss": []}, [initial]
    for i in range(settings.max_iter):
        p = assign.auxiliary_distribution(q)
        batches = network.Minibatches(x, p, settings.batch_size, seed + i)
        fit = model.fit(batches, epochs=settings.target_epochs, verbose=0, shuffle=False)
        everything = network.predict(model, z)
        before, q = q.argmax(1), everything[data.trains]
        changed = float(np.mean(before != q.argmax(1)))
        history["changed"].append(changed)
        history["loss"].append(fit.history["loss"][-1])
        of_round.append(present[everything.argmax(1)])
        done = changed < settings.tol
        text = f"round {i + 1}, loss {history['loss'][-1]:.4g}, {changed:.2%} of cells changing"
        progress("target", 1.0 if done else min(0.99, (i + 1) / settings.max_iter), text)
        if done:
            break
    final = network.predict(encoder, z)
    of_round = [state["present"][t] for t in of_round]
    history["centroids"] = centroid_paths(final, of_round, state["present"].max() + 1)
    return Adapted(
        q=everything,
        cluster_type=state["present"][present],
        initial=state["present"][initial],
        z=final,
        history={k: np.array(v) for k, v in history.items()},
    )
