"""Layers, losses and minibatches, written in keras.ops: any Keras 3 backend runs them."""

from __future__ import annotations

import math
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # TensorFlow's start-up lines are no news to the user

import keras
import numpy as np
import scipy.sparse as sp
from keras import ops


@keras.saving.register_keras_serializable("itclust")
class ClusteringLayer(keras.layers.Layer):
    """Soft assignment of an embedding to trainable centroids (Hu et al. 2020, eq. 1).

    Parameters
    ----------
    n_clusters : number of centroids.
    alpha : degrees of freedom of Student's t kernel.

    Notes
    -----
    Input (batch, n_latent), output (batch, n_clusters), rows sum to 1.
    """

    def __init__(self, n_clusters: int, alpha: float = 1.0, **kwargs):
        super().__init__(**kwargs)
        self.n_clusters = n_clusters
        self.alpha = alpha

    def build(self, input_shape):
        """Create the centroids."""
        self.centroids = self.add_weight(
            shape=(self.n_clusters, input_shape[-1]), initializer="zeros", name="centroids"
        )
        super().build(input_shape)

    def call(self, z):
        """Soft assignment (batch, n_clusters) of an embedding (batch, n_latent)."""
        d2 = ops.sum(ops.square(ops.expand_dims(z, 1) - self.centroids), axis=2)
        q = ops.power(1.0 + d2 / self.alpha, -(self.alpha + 1.0) / 2.0)
        return q / ops.sum(q, axis=1, keepdims=True)

    def compute_output_shape(self, input_shape):
        """(batch, n_clusters)."""
        return (input_shape[0], self.n_clusters)

    def get_config(self):
        """What rebuilds the layer."""
        return {**super().get_config(), "n_clusters": self.n_clusters, "alpha": self.alpha}


def encoder(n_genes: int, widths, dropout: float = 0.0, seed: int = 0) -> keras.Model:
    """Dense network (batch, n_genes) -> (batch, widths[-1]): ReLU, tanh at the embedding.

    Parameters
    ----------
    widths : units of each layer, the embedding's last.
    dropout : share of each layer's inputs dropped while training.
    seed : of the weights and of dropout.
    """
    x = inputs = keras.Input((n_genes,), name="genes")
    for i, width in enumerate(widths):
        if dropout:
            x = keras.layers.Dropout(dropout, seed=seed + i, name=f"dropout_{i}")(x)
        last = i == len(widths) - 1
        x = dense(width, "tanh" if last else "relu", seed + i, name="embedding" if last else f"hidden_{i}")(x)
    return keras.Model(inputs, x, name="encoder")


def dense(units: int, activation: str, seed: int, name: str | None = None) -> keras.layers.Dense:
    """Dense layer whose weights depend on ``seed`` alone."""
    init = keras.initializers.GlorotUniform(seed=seed)
    return keras.layers.Dense(units, activation=activation, kernel_initializer=init, name=name)


class Minibatches(keras.utils.PyDataset):
    """Shuffled minibatches that turn dense only when they are taken; the order depends on ``seed`` alone.

    Parameters
    ----------
    x : (n, n_genes) CSR or dense.
    y : (n, n_outputs) dense, or None: the input is the output (autoencoder).
    batch_size : rows of a batch.
    seed : of the order.
    weight : (n,) probability to be drawn (with replacement), or None: each row once an epoch.
    """

    def __init__(self, x, y, batch_size: int, seed: int, weight=None):
        super().__init__(workers=1, use_multiprocessing=False)
        self.x, self.y, self.batch_size = x, y, batch_size
        self.rng = np.random.default_rng(seed)
        self.weight = None if weight is None else weight / weight.sum()
        self.on_epoch_end()

    def __len__(self):
        return math.ceil(self.x.shape[0] / self.batch_size)

    def on_epoch_end(self):
        """Draw the next epoch's order."""
        n = self.x.shape[0]
        self.order = self.rng.permutation(n) if self.weight is None else self.rng.choice(n, n, p=self.weight)

    def __getitem__(self, i):
        rows = self.order[i * self.batch_size : (i + 1) * self.batch_size]
        x = dense_rows(self.x, rows)
        return (x, x) if self.y is None else (x, self.y[rows])


def dense_rows(x, rows) -> np.ndarray:
    """Rows of a sparse or dense matrix as a dense float32 array."""
    part = x[rows]
    return np.asarray(part.toarray() if sp.issparse(part) else part, dtype=np.float32)


def predict(model: keras.Model, x, chunk: int = 8192) -> np.ndarray:
    """``model`` over all rows in chunks, without Keras' per-call loop: (n, n_outputs) float32."""
    parts = [
        ops.convert_to_numpy(model(dense_rows(x, slice(i, i + chunk)), training=False))
        for i in range(0, x.shape[0], chunk)
    ]
    return np.concatenate(parts) if parts else np.zeros((0, model.output_shape[-1]), np.float32)


class Report(keras.callbacks.Callback):
    """Tells ``progress(stage, fraction, message)`` after each epoch."""

    def __init__(self, progress, stage: str, epochs: int, note: str = ""):
        super().__init__()
        self.progress, self.stage, self.epochs, self.note = progress, stage, epochs, note

    def on_epoch_end(self, epoch, logs=None):
        """Called by Keras."""
        loss = (logs or {}).get("loss", float("nan"))
        text = f"{self.note}epoch {epoch + 1}/{self.epochs}, loss {loss:.4g}"
        self.progress(self.stage, min(1.0, (epoch + 1) / self.epochs), text)
