"""Layers, minibatches and weights."""

from itertools import islice

import keras
import numpy as np
import pytest
import scipy.sparse as sp

import itclust
from itclust.numerics import assign
from itclust.recipes import autoencoder, network, training
from itclust.settings import DefaultSettings


def test_shuffled_shows_each_row_once_an_epoch():
    first, second = islice(network.shuffled(10, 4, seed=0), 2)
    assert [len(rows) for rows in first] == [4, 4, 2]
    assert sorted(np.concatenate(first)) == sorted(np.concatenate(second)) == list(range(10))
    assert (np.concatenate(first) != np.concatenate(second)).any()
    assert (np.concatenate(next(network.shuffled(10, 4, seed=0))) == np.concatenate(first)).all()


def test_drawn_takes_its_share_by_chance():
    rows = next(network.drawn(np.array([0.0, 1.0, 3.0]), 400, 8, seed=0))
    assert rows.shape == (400, 8) and not (rows == 0).any()
    assert abs((rows == 2).sum() / (rows == 1).sum() - 3) < 0.3


def test_learning_shows_rows_beside_their_own_answers_alike_to_each_start():
    shown = []

    class Model:
        def train_on_batch(self, x, y):
            shown.append((x, y))
            return 0.0

    x, y = sp.csr_matrix([[0.0], [1.0], [2.0]]), training.for_each_start(np.arange(3)[:, None] * 10, 2)
    network.learn(Model(), x, y, network.drawn(np.array([0.0, 1.0, 3.0]), 400, 8, seed=0))
    network.learn(Model(), x, y, network.shuffled(3, 2, seed=0))
    x, y = (np.concatenate(v) for v in zip(*shown))
    assert x.shape == (3203, 1) and y.shape == (3203, 2, 1) and (y == 10 * x[:, None]).all()


def test_weights_go_into_another_network_and_back():
    a = network.classifier(6, (5, 3), 4, 2.0, 0.2, seed=1)
    b = network.classifier(6, (5, 3), 4, 2.0, 0.2, seed=2)
    network.set_weights(b, network.weights(a))
    x = np.random.default_rng(0).random((4, 6)).astype("f4")
    np.testing.assert_allclose(network.predict(a, x), network.predict(b, x))


def test_networks_side_by_side_are_those_by_themselves():
    both = network.classifier(6, (5, 3), 4, 2.0, 0.2, seed=1, n_starts=2)
    weights = network.weights(both)
    x = np.random.default_rng(0).random((7, 6)).astype("f4")
    q, z = network.predict(both, x), network.predict(network.embedding(both), x)
    assert not np.allclose(q[:, 0], q[:, 1])  # each has its own start
    for k in range(2):
        alone = network.classifier(6, (5, 3), 4, 2.0, 0.2, seed=9)
        network.set_weights(alone, [w[k : k + 1] for w in weights])
        np.testing.assert_allclose(network.predict(alone, x)[:, 0], q[:, k], rtol=1e-5)
        np.testing.assert_allclose(network.predict(network.embedding(alone), x)[:, 0], z[:, k], rtol=1e-5)
    np.testing.assert_allclose(network.predict(network.averaged(both), x), q.mean(1), rtol=1e-5)


def test_networks_side_by_side_learn_by_themselves():
    rng = np.random.default_rng(0)
    x = sp.csr_matrix(rng.random((40, 6)).astype("f4"))
    y = training.one_hot(rng.integers(0, 3, 40), 3)

    def trained(model):
        network.compile_classifier(model, 1e-2, 0.0)
        same = training.for_each_start(y, model.output_shape[1])
        network.learn(model, x, same, network.drawn(np.ones(40), 20, 16, 0))
        return network.predict(model, x)

    both = network.classifier(6, (5, 3), 3, 2.0, 0.0, seed=1, n_starts=2)
    start = [w.copy() for w in network.weights(both)]
    q = trained(both)
    for k in range(2):
        alone = network.classifier(6, (5, 3), 3, 2.0, 0.0, seed=1)
        network.set_weights(alone, [w[k : k + 1] for w in start])
        np.testing.assert_allclose(trained(alone)[:, 0], q[:, k], atol=2e-3)


def test_learning_ends_where_it_is_told_to():
    x = np.random.default_rng(0).random((10, 6)).astype("f4")
    model, told = network.encoder(6, (5, 6)), []
    network.compile_model(model, network.keras.optimizers.SGD(0.0), network.keras.losses.MeanSquaredError())
    order = network.shuffled(10, 4, seed=0)
    loss = network.learn(model, x, None, order, 9, lambda epoch, loss: told.append((epoch, loss)) or epoch == 2)
    assert [epoch for epoch, _ in told] == [0, 1, 2] and told[-1][1] == loss
    weighed = tuple(map(int, keras.__version__.split(".")[:2])) > (3, 7)  # Keras 3.7 lets a small batch weigh as much
    assert loss == pytest.approx(((network.predict(model, x) - x) ** 2).mean(), rel=1e-4 if weighed else 1e-2)
    assert np.isnan(network.learn(model, x, None, order, 0))


@pytest.mark.parametrize(
    "losses", [[3, 2, 1, 1, 1, 1, 1, 1], [1, 2, 0.9, 1, 1, 0.8999, 1, 1, 1], [1, 0.5], [9, 9, 9, 9, 9, 9]]
)
def test_stopping_early_is_keras_own(losses):
    theirs = network.keras.callbacks.EarlyStopping(
        "loss", min_delta=autoencoder.MIN_DELTA, patience=autoencoder.PATIENCE
    )
    theirs.set_model(network.encoder(2, (2,)))
    theirs.model.stop_training = False
    theirs.on_train_begin()
    ours = autoencoder.early_stopping(lambda *_: None)
    for epoch, loss in enumerate(losses):
        theirs.on_epoch_end(epoch, {"loss": loss})
        assert ours(epoch, loss) == theirs.model.stop_training
        if theirs.model.stop_training:
            break


def test_layers_rebuild_from_their_config():
    layer = network.ClusteringLayer(3, alpha=2.0, seed=4)
    assert network.ClusteringLayer.from_config(layer.get_config()).get_config() == layer.get_config()


@pytest.mark.parametrize("rate", [1.0])
def test_training_that_learns_nothing_is_repeated_with_a_smaller_step(toy, rate, caplog):
    source, target = toy
    model = itclust.ItClust(learning_rate=rate, source_epochs=4).fit(source, progress=False)
    assert "once more with a tenth" in caplog.text
    out = target.copy()
    model.transfer(out, progress=False)
    truth = out.obs["truth"].astype(str)
    assert (out.obs["itclust_initial"].astype(str) == truth).mean() > 0.9
    assert (out.obs["itclust"].astype(str) == truth).mean() > 0.9


@pytest.mark.parametrize(
    ("loss", "n_types", "smoothing", "yes"),
    [
        (np.nan, 4, 0.05, False),
        (np.inf, 4, 0.05, False),
        (np.log(4), 4, 0.05, False),
        (0.5, 4, 0.05, True),
        (4.0, 200, 0.05, True),
    ],
)
def test_what_has_learnt(loss, n_types, smoothing, yes):
    assert training.learnt(loss, n_types, smoothing) == yes


def test_no_nan_becomes_a_result(fitted, toy, monkeypatch):
    real = training.fine_tune

    def diverged(*args):
        q, trust, history = real(*args)
        return np.full_like(q, np.nan), trust, history

    monkeypatch.setattr(training, "fine_tune", diverged)
    target = toy[1].copy()
    with pytest.raises(ValueError, match="training diverged"):
        fitted.transfer(target, progress=False)
    assert list(target.obs) == list(toy[1].obs) and not target.obsm


@pytest.mark.parametrize("layer_alpha", [1.0, 32.0])
def test_gradients_of_the_clustering_layer_are_those_of_finite_differences(layer_alpha):
    """In double precision, against (f(x + h) - f(x - h)) / 2h, for embedding and centroids."""
    if keras.backend.backend() != "tensorflow":
        pytest.skip("the gradients are those of TensorFlow's tape")
    import tensorflow as tf

    rng = np.random.default_rng(0)
    z, centroids, p = rng.normal(size=(5, 3)), rng.normal(size=(4, 3)), rng.dirichlet(np.ones(4), 5)
    layer = network.ClusteringLayer(4, layer_alpha, dtype="float64")
    layer.build((None, 3))

    def loss(z, centroids):
        layer.centroids.assign(centroids)
        return float(-(p * np.log(np.asarray(layer(z)))).sum())

    layer.centroids.assign(centroids)
    with tf.GradientTape() as tape:
        inputs = tf.constant(z)
        tape.watch(inputs)
        value = -tf.reduce_sum(p * tf.math.log(layer(inputs)))
    found = tape.gradient(value, [inputs, layer.centroids.value])
    for which, gradient in enumerate(found):
        numeric, at = np.zeros(gradient.shape), [z, centroids]
        for i in np.ndindex(numeric.shape):
            step = np.zeros(numeric.shape)
            step[i] = 1e-5
            up, down = ([a + s * step if k == which else a for k, a in enumerate(at)] for s in (1, -1))
            numeric[i] = (loss(*up) - loss(*down)) / 2e-5
        np.testing.assert_allclose(gradient, numeric, rtol=1e-6, atol=1e-8)


def test_single_precision_is_as_good_as_double():
    """float32 against float64: soft assignments of embeddings and centroids as large as tanh allows, within 1e-5."""
    rng = np.random.default_rng(1)
    z, centroids = rng.uniform(-1, 1, (500, 32)), rng.uniform(-1, 1, (30, 32))
    answers = []
    for kind in ("float32", "float64"):
        layer = network.ClusteringLayer(30, 32.0, dtype=kind)
        layer.build((None, 32))
        layer.centroids.assign(centroids.astype(kind))
        answers.append(np.asarray(layer(z.astype(kind))))
    np.testing.assert_allclose(answers[0], answers[1], atol=1e-5)
    np.testing.assert_allclose(assign.soft_assignment(z, centroids, 32.0), answers[1], atol=1e-5)


def test_a_backend_that_was_never_tried_is_refused():
    network.check_backend("tensorflow")
    with pytest.raises(ImportError, match=r"'torch'.*KERAS_BACKEND to one of tensorflow, jax"):
        network.check_backend("torch")


@pytest.mark.parametrize(("loss", "yes"), [(0.1, True), (1.3, True), (1.5, False), (np.nan, False), (np.inf, False)])
def test_fine_tuning_diverged_where_its_loss_is_beyond_that_of_no_answer(loss, yes):
    assert training.followed(loss, 4) == yes


def test_an_epoch_of_a_large_source_is_a_hundred_minibatches(monkeypatch):
    steps = []

    def learn(model, x, y, order, epochs, after):
        steps.append(len(next(order)) * epochs)

    monkeypatch.setattr(training.network, "learn", learn)
    n = 100_000
    x, settings = sp.csr_matrix((n, 3), dtype="f4"), DefaultSettings(source_epochs=4, n_starts=1)
    for rows in (n, 1000):
        codes = np.arange(rows) % 2
        training._trained(x[:rows], codes, np.ones(rows), np.bincount(codes), 1e-3, settings, 0, lambda *_: None)
    assert steps[0] == 400 and steps[1] == 300


@pytest.mark.parametrize(("n_types", "n_starts"), [(5, 5), (200, 5), (400, 2), (3000, 1)])
def test_the_more_types_the_fewer_networks(n_types, n_starts):
    assert training.classifier(4, n_types, DefaultSettings(), 0).output_shape == (None, n_starts, n_types)


def test_hundreds_of_types_are_learnt(monkeypatch):
    """Six cells of each, as many steps as such a source has: from random centroids the network learns hardly any."""
    rng = np.random.default_rng(0)
    codes = np.repeat(np.arange(300), 6)
    rate = 0.5 + 0.7 * (rng.random((300, 400)) < 0.1)
    x = sp.csr_matrix(np.log1p(rng.poisson(rate[codes])).astype("f4"))
    right = []
    for place in (training._place_centroids, lambda *_: None):
        monkeypatch.setattr(training, "_place_centroids", place)
        weights, _ = training._trained(
            x, codes, np.ones(len(codes)), np.bincount(codes), 1e-3, DefaultSettings(), 0, lambda *_: None
        )
        model = training.classifier(400, 300, DefaultSettings(), 0, weights)
        right.append(np.mean(network.predict(network.averaged(model), x).argmax(1) == codes))
    assert right[0] > 0.9 and right[0] > right[1] + 0.1, right
