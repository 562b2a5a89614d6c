"""Numerics against brute-force oracles, cell by cell."""

import numpy as np
import pytest

from itclust.numerics import assign
from itclust.numerics.moments import group_means


@pytest.fixture
def z():
    return np.random.default_rng(0).normal(size=(40, 5))


@pytest.fixture
def centroids():
    return np.random.default_rng(1).normal(size=(4, 5))


@pytest.mark.parametrize("alpha", [0.5, 1.0, 3.0])
def test_soft_assignment_is_students_t(z, centroids, alpha):
    q = assign.soft_assignment(z, centroids, alpha)
    for i in range(len(z)):
        kernel = [(1 + sum((z[i] - mu) ** 2) / alpha) ** (-(alpha + 1) / 2) for mu in centroids]
        np.testing.assert_allclose(q[i], np.array(kernel) / sum(kernel), rtol=1e-10)


def test_network_layer_equals_the_oracle(z, centroids):
    from itclust.recipes.network import ClusteringLayer

    layer = ClusteringLayer(4, alpha=2.0)
    layer.build(z.shape)
    layer.set_weights([centroids])
    np.testing.assert_allclose(np.array(layer(z.astype("f4"))), assign.soft_assignment(z, centroids, 2.0), atol=1e-5)


def test_auxiliary_distribution(z, centroids):
    q = assign.soft_assignment(z, centroids)
    p = assign.auxiliary_distribution(q)
    for i in range(len(q)):
        weight = [q[i, j] ** 2 / sum(q[:, j]) for j in range(4)]
        np.testing.assert_allclose(p[i], np.array(weight) / sum(weight), rtol=1e-10)
    np.testing.assert_allclose(p.sum(1), 1)


def test_class_means_and_empty_classes(z):
    codes = np.arange(40) % 3
    means = group_means(z, codes, 5)
    for k in range(3):
        np.testing.assert_allclose(means[k], np.mean([z[i] for i in range(40) if codes[i] == k], axis=0))
    assert np.isnan(means[3:]).all()


def test_stability_counts_cells_that_kept_their_label():
    cluster = np.array([0, 0, 0, 1, 1, 3])
    initial = np.array([0, 0, 1, 1, -1, 0])
    np.testing.assert_allclose(assign.stability(cluster, initial, 4), [2 / 3, 1 / 2, 0, 0])


def test_by_size_orders_and_drops_empty():
    assert assign.by_size(np.array([2, 2, 0, 4, 4, 4]), 6).tolist() == [4, 2, 0]


def test_a_divided_column_keeps_its_mass_and_its_cells(z):
    rng = np.random.default_rng(5)
    q, part = rng.random(40), rng.integers(-1, 3, 40)
    divided = assign.divided(q, part, z, 2.0)
    np.testing.assert_allclose(divided.sum(1), q)
    for i in range(40):
        if part[i] >= 0:
            assert divided[i].tolist() == [q[i] if k == part[i] else 0 for k in range(3)]
        else:
            means = np.array([z[part == k].mean(0) for k in range(3)])
            kernel = (1 + ((z[i] - means) ** 2).sum(1) / 2) ** -1.5
            np.testing.assert_allclose(divided[i], q[i] * kernel / kernel.sum())


def test_runner_up_is_not_the_label():
    p = np.array([[0.6, 0.3, 0.1], [0.6, 0.1, 0.3], [0.1, 0.8, 0.1]])
    assert assign.runner_up(p, np.array([0, 0, 1]), np.array([0, 1]), 2).tolist()[1] in (0, 2)
    assert assign.runner_up(p, np.array([0, 0, 1]), np.array([0, -1]), 2).tolist() == [1, 1]


@pytest.mark.parametrize("function", [assign.soft_assignment])
def test_order_of_cells_genes_and_names_does_not_matter(z, centroids, function):
    q = function(z, centroids)
    rows, columns, names = (np.random.default_rng(2).permutation(n) for n in (40, 5, 4))
    np.testing.assert_allclose(function(z[rows], centroids), q[rows])
    np.testing.assert_allclose(function(z[:, columns], centroids[:, columns]), q)
    np.testing.assert_allclose(function(z, centroids[names]), q[:, names])
    np.testing.assert_allclose(assign.auxiliary_distribution(q[rows]), assign.auxiliary_distribution(q)[rows])
