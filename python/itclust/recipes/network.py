"""Networks, their training and minibatches, in keras.ops: only the check and the choice of XLA name a Keras backend."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from itertools import islice

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # TensorFlow's start-up lines are no news to the user

BACKENDS = ("tensorflow", "jax")


def check_backend(name) -> None:
    """Raise where Keras would run on something that ItClust was never run on."""
    if name not in BACKENDS:
        msg = (
            f"Keras is set to run on {name!r}, on which ItClust was never run. "
            f"Set the environment variable KERAS_BACKEND to one of {', '.join(BACKENDS)} before Keras is imported."
        )
        raise ImportError(msg)


check_backend(os.environ.get("KERAS_BACKEND") or BACKENDS[0])  # the import fails where it is missing

import numpy as np
import scipy.sparse as sp

from itclust.interrupts import held_back

with held_back():  # half imported, it would be of no use to the rest of the session
    import keras
    from keras import ops

check_backend(keras.backend.backend())  # keras.json may say another

STARTS_APART = 1000  # of the seeds of two starts
CENTROID_SD = 0.3  # of a centroid's coordinates at the start


@keras.saving.register_keras_serializable("itclust")
class ClusteringLayer(keras.layers.Layer):
    """Soft assignment of an embedding to trainable centroids (Hu et al. 2020, eq. 1).

    Parameters
    ----------
    n_clusters : number of centroids.
    alpha : degrees of freedom of Student's t kernel.
    seed : of the centroids' random start; None: they start at zero, to be set.

    Notes
    -----
    Input (batch, n_latent), output (batch, n_clusters), rows sum to 1. Of several networks side by side: input
    (batch, n_starts, n_latent), output (batch, n_starts, n_clusters), centroids for each.
    """

    def __init__(self, n_clusters: int, alpha: float = 1.0, seed: int | None = None, **kwargs):
        super().__init__(**kwargs)
        self.n_clusters = n_clusters
        self.alpha = alpha
        self.seed = seed

    def build(self, input_shape):
        """Create the centroids."""
        start = "zeros" if self.seed is None else keras.initializers.RandomNormal(stddev=CENTROID_SD, seed=self.seed)
        shape = (*input_shape[1:-1], self.n_clusters, input_shape[-1])
        self.centroids = self.add_weight(shape, initializer=start, name="centroids")
        super().build(input_shape)

    def call(self, z):
        """Soft assignment (batch, ..., n_clusters) of an embedding (batch, ..., n_latent)."""
        squares = ops.sum(z**2, -1, keepdims=True) + ops.sum(self.centroids**2, -1)
        d2 = ops.maximum(squares - 2 * ops.einsum("b...l,...kl->b...k", z, self.centroids), 0)
        return ops.softmax(-(self.alpha + 1) / 2 * ops.log1p(d2 / self.alpha))

    def compute_output_shape(self, input_shape):
        """(batch, ..., n_clusters)."""
        return (*input_shape[:-1], self.n_clusters)

    def get_config(self):
        """What rebuilds the layer."""
        return {**super().get_config(), "n_clusters": self.n_clusters, "alpha": self.alpha, "seed": self.seed}


@held_back()
def encoder(n_genes: int, widths, seed: int = 0) -> keras.Model:
    """Dense network (batch, n_genes) -> (batch, widths[-1]): ReLU, tanh at the embedding.

    Parameters
    ----------
    widths : units of each layer, the embedding's last.
    seed : of the weights.
    """
    x = inputs = keras.Input((n_genes,), name="genes")
    for i, width in enumerate(widths):
        last = i == len(widths) - 1
        x = dense(width, "tanh" if last else "relu", seed + i, name="embedding" if last else f"hidden_{i}")(x)
    return keras.Model(inputs, x, name="encoder")


def dense(units: int, activation: str, seed: int, name: str | None = None) -> keras.layers.Dense:
    """Dense layer whose weights depend on ``seed`` alone."""
    init = keras.initializers.GlorotUniform(seed=seed)
    return keras.layers.Dense(units, activation=activation, kernel_initializer=init, name=name)


@held_back()
def classifier(
    n_genes: int, widths, n_clusters: int, alpha: float, dropout: float, seed: int, n_starts: int = 1
) -> keras.Model:
    """Encoders and clustering layers, side by side: (batch, n_genes) -> (batch, n_starts, n_clusters) soft assignments.

    Parameters
    ----------
    widths : as of :func:`encoder`.
    dropout : share of each layer's inputs dropped while training.
    seed : of the weights and of dropout.
    n_starts : networks, which differ in their random start alone and share nothing but the minibatches and the genes that
        are dropped. As one model they train much faster than one after the other.
    """
    inputs = keras.Input((n_genes,), name="genes")
    x = inputs
    for i, width in enumerate(widths):
        if dropout:
            x = keras.layers.Dropout(dropout, seed=seed + i)(x)
        activation, last = ("tanh", "embedding") if i == len(widths) - 1 else ("relu", f"hidden_{i}")
        start = partial(_started, seed=seed + i)
        x = keras.layers.EinsumDense(
            "bsi,sio->bso" if i else "bi,sio->bso",
            (n_starts, width),
            activation,
            bias_axes="so",
            kernel_initializer=start,
            name=last,
        )(x)
    return keras.Model(inputs, ClusteringLayer(n_clusters, alpha, seed + 50, name="clustering")(x))


def _started(shape, dtype=None, seed=0):
    """Kernels (n_starts, n_in, n_out), each drawn by itself (Glorot and Bengio 2010)."""
    draws = [keras.initializers.GlorotUniform(seed=seed + STARTS_APART * k) for k in range(shape[0])]
    return ops.stack([draw(shape[1:], dtype) for draw in draws])


@held_back()
def embedding(model) -> keras.Model:
    """The part of a classifier up to its embeddings, (batch, n_starts, n_latent)."""
    return keras.Model(model.input, model.get_layer("embedding").output)


@held_back()
def averaged(model) -> keras.Model:
    """A classifier's mean answer over its starts, (batch, n_clusters)."""
    return keras.Model(model.input, ops.mean(model.output, 1))


def compile_classifier(model, learning_rate, weight_decay: float, n_steps: int | None = None) -> None:
    """AdamW on the cross entropy with soft labels.

    Parameters
    ----------
    learning_rate : step of the optimiser; with ``n_steps`` it falls to a fiftieth by half a cosine.
    weight_decay : of the kernels alone.
    """
    if n_steps is not None:
        learning_rate = keras.optimizers.schedules.CosineDecay(learning_rate, n_steps, alpha=0.02)
    optimizer = keras.optimizers.AdamW(learning_rate, weight_decay=weight_decay)
    optimizer.exclude_from_weight_decay(var_names=["bias", "centroids"])
    compile_model(model, optimizer, keras.losses.CategoricalCrossentropy())


@held_back()
def compile_model(model, optimizer, loss) -> None:
    """Compile for training; XLA everywhere but on TensorFlow, where it is slow around dropout on a CPU."""
    model.compile(optimizer, loss, jit_compile=False if keras.backend.backend() == "tensorflow" else "auto")


def learn(model, x, y, order, epochs: int = 1, after=None) -> float:
    """Train on minibatches, which turn dense only when they are taken; the last epoch's mean loss.

    ``model.fit`` does the same behind a pipeline that takes longer to build than a small target takes to learn.

    Parameters
    ----------
    x : (n, n_genes) CSR or dense.
    y : (n, ...) what the model is to answer, or None: the input is the output (autoencoder).
    order : rows of each minibatch, an epoch at a time: see :func:`shuffled` and :func:`drawn`.
    after : called with epoch (0, 1, ...) and loss after each epoch; where it returns True, that was the last one.
    """
    loss = float("nan")
    for epoch, minibatches in enumerate(islice(order, epochs)):
        losses = []
        for rows in minibatches:
            dense = dense_rows(x, rows)
            with held_back():
                losses.append(model.train_on_batch(dense, dense if y is None else y[rows]))
        loss = float(np.average(losses, weights=[len(rows) for rows in minibatches]))
        if after is not None and after(epoch, loss):
            break
    return loss


def shuffled(n: int, batch_size: int, seed: int) -> Iterator[list[np.ndarray]]:
    """Each of ``n`` rows once an epoch, in an order that depends on ``seed`` alone."""
    rng = np.random.default_rng(seed)
    while True:
        rows = rng.permutation(n)
        yield [rows[i : i + batch_size] for i in range(0, n, batch_size)]


def drawn(chance, n_steps: int, batch_size: int, seed: int) -> Iterator[np.ndarray]:
    """Rows drawn with replacement, (n_steps, batch_size) an epoch; the draws depend on ``seed`` alone.

    Parameters
    ----------
    chance : (n,) of each row to be drawn, any scale.
    """
    rng, sums = np.random.default_rng(seed), np.cumsum(chance, dtype=np.float64)
    while True:
        draws = rng.random((n_steps, batch_size)) * sums[-1]
        yield np.minimum(np.searchsorted(sums, draws, side="right"), len(sums) - 1)


def dense_rows(x, rows) -> np.ndarray:
    """Rows of a sparse or dense matrix as a dense float32 array."""
    part = x[rows]
    return np.asarray(part.toarray() if sp.issparse(part) else part, dtype=np.float32)


def predict(model: keras.Model, x, chunk: int = 8192) -> np.ndarray:
    """``model`` over all rows in chunks, without Keras' per-call loop: (n, ..., n_units) float32."""
    parts = []
    for i in range(0, x.shape[0], chunk):
        dense = dense_rows(x, slice(i, i + chunk))
        with held_back():
            parts.append(ops.convert_to_numpy(model(dense, training=False)))
    return np.concatenate(parts) if parts else np.zeros((0, *model.output_shape[1:]), np.float32)


@held_back()
def weights(model) -> list[np.ndarray]:
    """What training changes; not the state of the random generators."""
    return [ops.convert_to_numpy(w) for w in model.trainable_variables]


@held_back()
def set_weights(model, values) -> None:
    """Put :func:`weights` of a network of the same shape into this one."""
    for variable, value in zip(model.trainable_variables, values, strict=True):
        variable.assign(value)


def reported(progress, stage: str, epochs: int, note: str = ""):
    """What :func:`learn` calls after each epoch, to tell ``progress(stage, fraction, message)``."""

    def after(epoch, loss):
        progress(stage, min(1.0, (epoch + 1) / epochs), f"{note}epoch {epoch + 1}/{epochs}, loss {loss:.4g}")

    return after
