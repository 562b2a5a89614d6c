"""Moments, markers and variable genes against brute force."""

import numpy as np
import pytest
import scipy.sparse as sp

from itclust.numerics import genes
from itclust.numerics.moments import group_means, moments


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    x = rng.poisson(0.8, (50, 30)).astype("f4")
    codes = rng.integers(0, 4, 50)
    x[:, [5, 9]] = rng.poisson(0.1, (50, 2))
    x[codes == 2, 5] += 6
    x[codes == 2, 9] += 3
    return np.log1p(x), codes


def test_moments(data):
    x, codes = data
    m = moments([sp.csr_matrix(x)], codes, 5)
    for k in range(4):
        part = x[codes == k]
        np.testing.assert_allclose(m.mean[k], part.mean(0), atol=1e-5)
        np.testing.assert_allclose(m.detected[k], (part > 0).mean(0), atol=1e-6)
        np.testing.assert_allclose(m.var[k], part.var(0), atol=1e-5)
        np.testing.assert_allclose(m.linear[k], np.expm1(part).mean(0), rtol=1e-5)
    assert m.size.tolist() == [*np.bincount(codes, minlength=4), 0] and not m.mean[4].any()


def test_moments_of_chunks_are_those_of_the_whole(data):
    x, codes = data
    codes = np.where(np.arange(50) % 7 == 0, -1, codes)
    weight = np.random.default_rng(2).random(50) + 0.5
    chunks = [sp.csr_matrix(x[i : i + 13]) for i in range(0, 50, 13)]
    whole, parts = moments([sp.csr_matrix(x)], codes, 4, weight), moments(chunks, codes, 4, weight)
    kept = codes >= 0
    alone = moments([sp.csr_matrix(x[kept])], codes[kept], 4, weight[kept])
    for a, b, c in zip(whole, parts, alone):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(a, c)
    np.testing.assert_array_equal(genes.variable(chunks, 9), genes.variable([sp.csr_matrix(x)], 9))


def test_group_means_are_means_and_nan_where_there_is_no_cell():
    z, codes = np.random.default_rng(3).random((20, 3)), np.r_[np.arange(16) % 3, np.full(4, -1)]
    mean = group_means(z, codes, 5)
    np.testing.assert_allclose(mean[:3], [z[codes == k].mean(0) for k in range(3)])
    assert np.isnan(mean[3:]).all()


@pytest.mark.parametrize("candidates", [4, 12, 512])
def test_markers_of_all_pairs_are_those_of_each(data, candidates, monkeypatch):
    monkeypatch.setattr(genes, "CANDIDATES", candidates)
    x, codes = data
    m = moments([sp.csr_matrix(x)], codes, 4)
    for i in range(4):
        found = genes.markers_of(m.mean, m.detected, i, 3)
        assert sorted(found) == [j for j in range(4) if j != i]
        for j, top in found.items():
            score = np.maximum(m.mean[i] - m.mean[j], 0) * np.maximum(m.detected[i] - m.detected[j], 0)
            best = np.argsort(-score, kind="stable")[:3]
            np.testing.assert_array_equal(top, best[score[best] > 0])


def test_markers_tell_the_pair_apart(data):
    x, codes = data
    m = moments([sp.csr_matrix(x)], codes, 4)
    best = genes.markers_against(m.mean, m.detected, 2, 0, 3)
    assert best[0] == 5 and 9 in best
    score = [(m.mean[2, g] - m.mean[0, g]) * (m.detected[2, g] - m.detected[0, g]) for g in best]
    assert score == sorted(score, reverse=True) and min(score) > 0
    united = genes.pairwise_markers(m.mean, m.detected, 3)
    brute = {
        g for i in range(4) for j in range(4) if i != j for g in genes.markers_against(m.mean, m.detected, i, j, 3)
    }
    assert united.tolist() == sorted(brute)


def test_variable_genes_stand_out_among_their_like(data):
    x = np.random.default_rng(1).poisson(2.0, (200, 60)).astype("f4")
    x[:100, 7] = 0
    x[100:, 7] *= 2
    found = genes.variable([sp.csr_matrix(np.log1p(x))], 5)
    assert 7 in found and len(found) == 5 and (np.diff(found) > 0).all()


def test_genes_seen_in_few_cells_are_left_out():
    x = np.zeros((20, 4), "f4")
    x[:2, 0] = 1
    x[:10, 1] = 1
    assert genes.variable([sp.csr_matrix(x)], 4).tolist() == [1]


def test_a_types_batches_count_by_the_square_roots_of_their_sizes():
    from itclust.numerics import sketch

    codes = np.repeat([0, 1], [25, 6])
    batch = np.r_[np.repeat([0, 1], [16, 9]), np.full(6, 1)]
    weight = sketch.balanced(codes, batch)
    np.testing.assert_allclose(np.bincount(codes, weight), [25, 6])
    np.testing.assert_allclose(weight[:16].sum() / weight[16:25].sum(), 4 / 3)
    np.testing.assert_allclose(sketch.balanced(codes, np.zeros(31, int)), 1)
    x = np.random.default_rng(0).poisson(1.0, (31, 9)).astype("f4")
    m = moments([sp.csr_matrix(x)], codes, 2, weight)
    mean = (4 * x[:16].mean(0) + 3 * x[16:25].mean(0)) / 7
    np.testing.assert_allclose(m.mean[0], mean, rtol=1e-5)
    np.testing.assert_allclose(m.mean[1], x[25:].mean(0), rtol=1e-5)
    np.testing.assert_allclose(
        m.var[0], (4 * (x[:16] ** 2).mean(0) + 3 * (x[16:25] ** 2).mean(0)) / 7 - mean**2, rtol=1e-4
    )


def test_a_gene_of_every_cell_is_no_ones_marker_whatever_the_weights():
    rng = np.random.default_rng(1)
    x = 1 + rng.poisson(5.0, (300, 4)).astype("f4")
    codes = np.arange(300) % 3
    m = moments([sp.csr_matrix(x)], codes, 3, rng.random(300) + 0.5)
    assert (m.detected == 1).all() and not len(genes.pairwise_markers(m.mean, m.detected, 4))
