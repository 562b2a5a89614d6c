"""Layers, minibatches and weights."""

import numpy as np
import scipy.sparse as sp

from itclust.recipes import network


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
    x, chance = sp.csr_matrix([[0.0], [1.0], [2.0]]), np.array([0.0, 1.0, 3.0])
    batches = network.Drawn(x, np.arange(3)[:, None] * 10, chance, 400, 8, seed=0)
    x, y = (np.concatenate(v) for v in zip(*(batches[i] for i in range(400))))
    assert x.shape == (3200, 1) and not (x == 0).any() and (y == 10 * x).all()
    assert abs((x == 2).sum() / (x == 1).sum() - 3) < 0.3


def test_weights_go_into_another_network_and_back():
    a = network.encoder(6, (5, 3), 0.2, seed=1)
    b = network.encoder(6, (5, 3), 0.2, seed=2)
    network.set_weights(b, network.weights(a))
    x = np.random.default_rng(0).random((4, 6)).astype("f4")
    np.testing.assert_allclose(network.predict(a, x), network.predict(b, x))


def test_layers_rebuild_from_their_config():
    layer = network.ClusteringLayer(3, alpha=2.0, seed=4)
    assert network.ClusteringLayer.from_config(layer.get_config()).get_config() == layer.get_config()
