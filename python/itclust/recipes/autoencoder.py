"""The networks of Hu et al. 2020: stacked denoising autoencoder, clustering and softmax models, their training rates."""

from __future__ import annotations

import keras

from itclust.recipes import network
from itclust.settings import PaperSettings

MOMENTUM = 0.9
PATIENCE, MIN_DELTA = 4, 0.001
RATE = 0.1  # of pretraining, at its start


def pretrain(encoder, x, settings: PaperSettings, seed, progress) -> None:
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
        _reconstruct(keras.Model(inputs, out), h, 3 * step, step, settings, seed, progress, f"layer {i + 1}, ")
        h = network.predict(keras.Model(inputs, layer(inputs)), h)
        decoders.insert(0, decoder)
    out = encoder.output
    for decoder in decoders:
        out = decoder(out)
    _reconstruct(keras.Model(encoder.input, out), x, epochs, max(1, epochs // 6), settings, seed, progress, "")


def _reconstruct(model, x, epochs, step, settings, seed, progress, note) -> None:
    """Mean squared error, SGD, its rate divided by 10 every ``step`` epochs."""
    _compile(model, keras.losses.MeanSquaredError(), RATE)
    report = network.reported(progress, "pretrain", epochs, note)

    def after(epoch, loss):
        report(epoch, loss)
        model.optimizer.learning_rate = RATE * 0.1 ** ((epoch + 1) // step)

    network.learn(model, x, None, network.shuffled(x.shape[0], settings.batch_size, seed), epochs, after)


def clustering_model(encoder, centroids, settings: PaperSettings) -> keras.Model:
    """Encoder and clustering layer, trained by the divergence of a distribution over clusters to q."""
    layer = network.ClusteringLayer(len(centroids), settings.alpha, name="clustering")
    model = keras.Model(encoder.input, layer(encoder.output))
    layer.set_weights([centroids])
    _compile(model, keras.losses.KLDivergence(), settings.learning_rate)
    return model


def softmax_model(encoder, n_types, settings: PaperSettings, seed) -> keras.Model:
    """Encoder and softmax layer over the types."""
    head = network.dense(n_types, "softmax", seed + 400, "types")
    model = keras.Model(encoder.input, head(encoder.output))
    _compile(model, keras.losses.KLDivergence(), settings.learning_rate)
    return model


def early_stopping(report):
    """``report(epoch, loss)`` after each epoch, and True where the training loss falls no more (step 5)."""
    best, wait = float("inf"), 0

    def after(epoch, loss):
        nonlocal best, wait
        report(epoch, loss)
        best, wait = (loss, 0) if loss < best - MIN_DELTA else (best, wait + 1)
        return wait >= PATIENCE

    return after


def _compile(model, loss, rate) -> None:
    network.compile_model(model, keras.optimizers.SGD(rate, momentum=MOMENTUM), loss)
