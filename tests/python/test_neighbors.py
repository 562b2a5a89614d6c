"""Neighbours, averages over mutual ones, clusters."""

import numpy as np
import pytest
import scipy.sparse as sp

from itclust.numerics import assign, neighbors


@pytest.fixture(scope="module")
def points():
    rng = np.random.default_rng(0)
    return np.concatenate([rng.normal(0, 1, (40, 5)), rng.normal(8, 1, (30, 5))])


def test_neighbours_are_the_nearest_others(points):
    near = neighbors.nearest(points, 4)
    for i in (0, 33, 69):
        d = ((points - points[i]) ** 2).sum(1)
        d[i] = np.inf
        assert set(near[i]) == set(np.argsort(d)[:4])


def test_mutual_averages(points):
    near = neighbors.nearest(points, 4)
    a = neighbors.mutual(near).toarray()
    np.testing.assert_allclose(a.sum(1), 1, rtol=1e-6)
    for i in range(70):
        both = [j for j in near[i] if i in near[j]]
        expected = np.zeros(70)
        expected[both] = 1 / (len(both) + 2)
        expected[i] = 2 / (len(both) + 2)
        np.testing.assert_allclose(a[i], expected, rtol=1e-6)


def test_smoothing_is_the_mean_field(points):
    near = neighbors.mutual(neighbors.nearest(points, 4))
    q = np.random.default_rng(1).dirichlet(np.ones(3), 70)
    p = q
    for _ in range(5):
        new = np.array(
            [[q[i, j] * (near[i].toarray()[0] @ p[:, j] + 0.02) ** 1.5 for j in range(3)] for i in range(70)]
        )
        p = new / new.sum(1, keepdims=True)
    np.testing.assert_allclose(assign.smooth_over_neighbors(q, near, 1.5), p, rtol=1e-8)


def test_structure_and_leiden_find_the_groups():
    rng = np.random.default_rng(2)
    profile = rng.gamma(0.5, 2, (2, 300))
    codes = np.repeat([0, 1], 60)
    x = sp.csr_matrix(np.log1p(rng.poisson(profile[codes])).astype("f4"))
    found = neighbors.structure(x, 15)
    assert (codes[found.knn] == codes[:, None]).mean() > 0.95
    clusters = neighbors.leiden(found.snn, 0.1)
    assert all(len(np.unique(codes[clusters == c])) == 1 for c in np.unique(clusters))
    np.testing.assert_array_equal(clusters, neighbors.leiden(found.snn, 0.1))


def test_components_are_sklearns():
    from sklearn.decomposition import PCA

    rng = np.random.default_rng(3)
    x = sp.csr_matrix(np.log1p(rng.poisson(rng.gamma(0.5, 4, (3, 80))[rng.integers(0, 3, 300)])).astype("f4"))
    columns = np.arange(5, 80)
    found = neighbors.principal_components(x, columns, 2)
    dense = x.toarray()[:, columns]
    z = np.clip((dense - dense.mean(0)) / (dense.std(0) + neighbors.MIN_SD), -neighbors.CLIP, neighbors.CLIP)
    expected = PCA(2, svd_solver="full").fit_transform(z)
    np.testing.assert_allclose(np.abs(found.scores(x)), np.abs(expected), atol=1e-2)
    np.testing.assert_array_equal(found.scores(x[50:60]).shape, (10, 2))
    np.testing.assert_allclose(found.sparse_scores(x), found.scores(x), atol=1e-4)


@pytest.mark.parametrize("n", [1, 2])
def test_one_or_two_cells(n):
    found = neighbors.structure(sp.csr_matrix(np.ones((n, 5), "f4")), 15)
    np.testing.assert_allclose(found.average.toarray(), np.eye(n))


def cloud(*centres, n=60):
    """Cells around ``centres`` on a line, in five dimensions."""
    rng = np.random.default_rng(4)
    return np.concatenate([rng.normal(0, 1, (n, 5)) + np.eye(5)[0] * c for c in centres])


def snn_of(points):
    return neighbors.shared_neighbors(neighbors.nearest(points, 10))


def test_two_clouds_of_one_label_fall_apart_and_one_cloud_does_not():
    points = cloud(0, 20, 40)
    label = np.repeat([0, 1, 0], 60)  # the first and the last cloud share a label
    part = neighbors.subclusters(snn_of(points), np.flatnonzero(label == 0))
    np.testing.assert_array_equal(part, np.repeat([part[0], 1 - part[0]], 60))
    assert not neighbors.subclusters(snn_of(points), np.flatnonzero(label == 1)).any()
    assert not neighbors.subclusters(snn_of(cloud(0, n=200)), np.arange(200)).any()


def test_subclusters_are_never_smaller_than_asked():
    points = np.concatenate([cloud(0), cloud(30, n=neighbors.MIN_SUBCLUSTER - 1)])
    assert not neighbors.subclusters(snn_of(points), np.arange(len(points))).any()
    points = np.concatenate([cloud(0), cloud(30, n=neighbors.MIN_SUBCLUSTER + 5)])
    assert np.bincount(neighbors.subclusters(snn_of(points), np.arange(len(points)))).tolist() == [
        60,
        neighbors.MIN_SUBCLUSTER + 5,
    ]
    assert neighbors.subclusters(snn_of(points), np.arange(3)).tolist() == [0, 0, 0]


def test_no_neighbours_asked_for_is_no_graph():
    found = neighbors.structure(sp.csr_matrix(np.random.default_rng(5).random((20, 30), "f4")), 0)
    assert found.snn is None and not found.graphs and found.knn.shape == (20, 0)
    np.testing.assert_array_equal(found.average.toarray(), np.eye(20))


@pytest.mark.parametrize("n", [60, neighbors.MANY_CELLS])
def test_components_do_not_hang_on_the_seed(n):
    rng = np.random.default_rng(0)
    x = sp.csr_matrix(rng.poisson(rng.gamma(1, 1, (n, 1)) @ rng.gamma(1, 1, (1, 50))).astype("f4"))
    a, b = (neighbors.principal_components(x, np.arange(50), 8, seed).scores(x) for seed in (0, 1))
    np.testing.assert_allclose(a, b, atol=5e-3)
    z = np.asarray(neighbors.principal_components(x, np.arange(50), 8).scaled(x.toarray()), float)
    exact = np.linalg.svd(z - z.mean(0), compute_uv=False)[:8]
    np.testing.assert_allclose(np.sqrt((a.astype(float) ** 2).sum(0)), exact, rtol=1e-4)
