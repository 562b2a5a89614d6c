"""The closed-form classifiers against brute force, and the alignment of the target."""

import numpy as np
import pytest
import scipy.sparse as sp

from itclust.numerics import classifiers
from itclust.numerics.moments import moments


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    profile = rng.gamma(1, 1, (3, 40))
    codes = np.repeat([0, 1, 2], 30)
    x = np.log1p(rng.poisson(profile[codes] * 3)).astype("f4")
    return x, codes, moments([sp.csr_matrix(x)], codes, 3)


def test_similarity_is_pearsons_correlation(data):
    x, _, m = data
    columns = np.arange(5, 35)
    s = classifiers.correlation_classifier(m.over(columns)).correlation(x[:, columns])
    mean = m.mean[:, columns]
    sd = np.sqrt(m.var[:, columns].mean(0)) + classifiers.MIN_SD
    for i in (0, 40, 89):
        for k in range(3):
            a, b = (x[i, columns] - mean.mean(0)) / sd, (mean[k] - mean.mean(0)) / sd
            assert s[i, k] == pytest.approx(np.corrcoef(a, b)[0, 1], abs=1e-4)


def test_sparse_cells_answer_as_dense_ones(data):
    x, _, m = data
    x = np.vstack([x, np.zeros_like(x[:1])])
    view = classifiers.correlation_classifier(m, 0.1)
    np.testing.assert_allclose(view.of_sparse(sp.csr_matrix(x)), view.correlation(x), atol=1e-5)
    np.testing.assert_allclose(view.probabilities(sp.csr_matrix(x)), view.probabilities(x), atol=1e-4)


def test_classifiers_answer_right_and_rows_sum_to_one(data):
    x, codes, m = data
    view = classifiers.correlation_classifier(m)
    view = view._replace(temperature=classifiers.fitted_temperature(sp.csr_matrix(x), codes, view))
    coef, intercept = classifiers.discriminant(classifiers.within_covariance(sp.csr_matrix(x), codes, m.mean), m.mean)
    for p in (view.probabilities(x), classifiers.by_discriminant(x, coef, intercept)):
        np.testing.assert_allclose(p.sum(1), 1, rtol=1e-5)
        assert (p.argmax(1) == codes).mean() > 0.95


def test_discriminant_is_gaussian_with_the_shrunken_covariance(data):
    x, codes, m = data
    coef, intercept = classifiers.discriminant(classifiers.within_covariance(sp.csr_matrix(x), codes, m.mean), m.mean)
    cov = np.mean([np.cov(x[codes == k].T, bias=True) for k in range(3)], axis=0)
    cov = 0.5 * cov + 0.5 * np.trace(cov) / 40 * np.eye(40)
    log_p = -0.5 * np.stack([((x - mu) @ np.linalg.inv(cov) * (x - mu)).sum(1) for mu in m.mean], axis=1)
    expected = np.exp(log_p - log_p.max(1, keepdims=True))
    np.testing.assert_allclose(
        classifiers.by_discriminant(x, coef, intercept), expected / expected.sum(1, keepdims=True), atol=1e-3
    )


def test_wrong_labels_do_not_train(data):
    x, codes, _ = data
    wrong = codes.copy()
    wrong[:3] = 1
    m = moments([sp.csr_matrix(x)], wrong, 3)
    keep = classifiers.reliable_labels(sp.csr_matrix(x), wrong, m, np.ones(len(x)))
    assert not keep[:3].any() and keep[3:].mean() > 0.95


def test_a_cell_is_compared_with_the_others_of_its_type(data):
    """Each label's posterior against the profile of the other cells, computed anew; a type of one cell stays."""
    x, codes, _ = data
    rng = np.random.default_rng(1)
    codes = np.append(np.where(rng.random(len(codes)) < 0.15, rng.integers(0, 3, len(codes)), codes), 3)
    x = np.concatenate([x, x[:1]])
    m = moments([sp.csr_matrix(x)], codes, 4)
    view = classifiers.correlation_classifier(m)
    keep = classifiers.reliable_labels(sp.csr_matrix(x), codes, m, np.ones(len(x)))
    s = view.correlation(x)
    for i in range(len(codes) - 1):
        others = x[(codes == codes[i]) & (np.arange(len(codes)) != i)].mean(0)
        s[i, codes[i]] = np.corrcoef((others - view.centre) / view.sd, (x[i] - view.centre) / view.sd)[0, 1]
    best = (-np.inf,)
    for t in classifiers.TEMPERATURES:
        own = classifiers.softmax(s / t)[np.arange(len(codes)), codes]
        for w in classifiers.WRONG:
            best = max(best, (np.log((1 - w) * own + w / 4).mean(), w, tuple(own)))
    _, w, own = best
    posterior = (1 - w) * np.array(own) / ((1 - w) * np.array(own) + w / 4)
    np.testing.assert_array_equal(keep, posterior >= classifiers.ODDS / (1 + classifiers.ODDS))
    assert keep[-1] and 0.05 < w < 0.25


def test_at_least_a_quarter_of_a_type_stays(data):
    x, codes, m = data
    keep = classifiers.reliable_labels(sp.csr_matrix(x), (codes + 1) % 3, m, np.ones(len(x)))
    assert all(keep[codes == k].mean() >= 0.25 for k in range(3))


def test_alignment_follows_the_targets_own_composition(data):
    """A batch effect is found; another composition alone is not mistaken for one."""
    x, codes, m = data
    few = codes != 2
    q = np.eye(3)[codes]
    np.testing.assert_allclose(classifiers.alignment(np.expm1(x[few]).mean(0), q[few], m.linear), 1, rtol=1e-3)
    effect = np.random.default_rng(1).uniform(0.5, 2, 40)
    shifted = np.log1p(np.expm1(x[few]) * effect)
    factor = classifiers.alignment(np.expm1(shifted).mean(0), q[few], m.linear)
    expressed = m.linear[:2].mean(0) > 2
    np.testing.assert_allclose(factor[expressed], 1 / effect[expressed], rtol=0.15)
    back = classifiers.aligned(shifted, 1 / effect)
    np.testing.assert_allclose(back, x[few], atol=1e-4)


def test_factors_are_bounded():
    x = np.log1p(np.array([[1000.0, 0.0]]))
    factor = classifiers.alignment(np.expm1(x).mean(0), np.ones((1, 1)), np.array([[1.0, 1000.0]]))
    np.testing.assert_allclose(factor, [1 / classifiers.MOST, classifiers.MOST])


def test_a_temperature_is_read_off_some_cells_where_scores_are_many(monkeypatch):
    rng = np.random.default_rng(0)
    codes = np.arange(4000) % 4
    x = sp.csr_matrix(rng.poisson(1 + 2 * np.eye(4)[codes].repeat(10, 1)).astype("f4"))
    of_types = moments([x], codes, 4)
    classifier = classifiers.correlation_classifier(of_types)
    of_all = classifiers.fitted_temperature(x, codes, classifier)
    monkeypatch.setattr(classifiers, "MOST_SCORES", 4000)
    monkeypatch.setattr(classifiers, "CHUNK", 77)
    near = np.flatnonzero(classifiers.TEMPERATURES == of_all)[0] - np.flatnonzero(
        classifiers.TEMPERATURES == classifiers.fitted_temperature(x, codes, classifier)
    )
    assert abs(near) <= 1
    keep = classifiers.reliable_labels(x, codes, of_types, np.ones(len(codes)))
    assert keep.mean() > 0.9
