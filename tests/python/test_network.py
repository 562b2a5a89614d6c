"""Layers, minibatches and weights."""

import numpy as np
import scipy.sparse as sp

from itclust import network


def test_noise_acts_while_training_only_and_keeps_zeros():
    x = np.array([[0.0, 1.0, 2.0]], "f4")
    layer = network.GeneNoise(0.5, 0)
    np.testing.assert_array_equal(np.array(layer(x, training=False)), x)
    noisy = np.array(layer(np.repeat(x, 2000, 0), training=True))
    assert not noisy[:, 0].any()
    factor = np.log(np.expm1(noisy[:, 1:]) / np.expm1(x[:, 1:]))
    np.testing.assert_allclose(factor.std(0), 0.5, rtol=0.1)
    np.testing.assert_allclose(factor.mean(0), 0, atol=0.05)


def test_minibatches_show_each_row_once_an_epoch():
    x = sp.csr_matrix(np.arange(10.0)[:, None])
    batches = network.Minibatches(x, np.arange(10)[:, None], 4, seed=0)
    seen = np.concatenate([batches[i][0] for i in range(len(batches))]).ravel()
    assert sorted(seen) == list(range(10))
    first = batches.order.copy()
    batches.on_epoch_end()
    assert (batches.order != first).any()
    assert (network.Minibatches(x, None, 4, seed=0).order == first).all()


def test_drawn_takes_its_share_by_chance():
    a = network.Part(sp.csr_matrix([[0.0], [1.0], [2.0]]), np.zeros((3, 1)), np.array([0.0, 1.0, 3.0]), 0.25)
    b = network.Part(sp.csr_matrix([[7.0]]), np.ones((1, 1)), np.ones(1), 0.75)
    batches = network.Drawn([a, b], 400, 8, seed=0)
    x, y = (np.concatenate(v) for v in zip(*(batches[i] for i in range(400))))
    assert (y == 1).mean() == 0.75 and not (x == 0).any()
    assert abs((x == 2).sum() / (x == 1).sum() - 3) < 0.6


def test_weights_go_into_a_network_with_noise_and_back():
    a = network.encoder(6, (5, 3), 0.2, seed=1, gene_noise=0.5)
    b = network.encoder(6, (5, 3), 0.2, seed=2)
    network.set_weights(b, network.weights(a))
    x = np.random.default_rng(0).random((4, 6)).astype("f4")
    np.testing.assert_allclose(network.predict(a, x), network.predict(b, x))


def test_layers_rebuild_from_their_config():
    for layer in (network.ClusteringLayer(3, alpha=2.0, seed=4), network.GeneNoise(0.3, 5)):
        again = type(layer).from_config(layer.get_config())
        assert again.get_config() == layer.get_config()
