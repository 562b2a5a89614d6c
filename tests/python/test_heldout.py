"""Answers to held-back source cells against brute force, and what they say of the labels."""

import dataclasses

import numpy as np
import pytest
import scipy.sparse as sp

from itclust import modelfile
from itclust.numerics import classifiers, heldout
from itclust.numerics.moments import Moments, moments


@pytest.fixture(scope="module")
def source():
    """Three types, one of them in two that only the labels tell apart: 3 is 2 at random."""
    rng = np.random.default_rng(0)
    kind = np.repeat([0, 1, 2], [80, 80, 120])
    x = np.log1p(rng.poisson(rng.gamma(1, 1, (3, 40))[kind] * 3)).astype("f4")
    codes = np.where((kind == 2) & (rng.random(len(kind)) < 0.5), 3, kind)
    return sp.csr_matrix(x), codes


def answered(x, codes):
    weight, m = np.ones(len(codes)), moments([x], codes, codes.max() + 1)
    cov = classifiers.within_covariance(x, codes, m.mean)
    return heldout.answers([x, x], codes, [m, m], weight, cov, 0.1)


@pytest.mark.parametrize("i", [0, 100, 200])
def test_a_cell_left_out_is_a_fit_without_it(source, i):
    x, codes = source
    m = moments([x], codes, 4)
    cov = classifiers.within_covariance(x, codes, m.mean)
    s = heldout.left_out_discriminant(x, codes, m, np.ones(len(codes)), cov)[i]
    others = np.arange(len(codes)) != i
    without = moments([x[others]], codes[others], 4)
    # the shrinkage target stays, and the type's scatter its divisor: the rank-one change is exact for these
    r, n = x[[i]].toarray()[0] - m.mean[codes[i]].astype(float), m.size[codes[i]]
    cov_without = cov - 0.5 / 4 / (n - 1) * np.outer(r, r)
    mean = without.mean.astype(float)
    coef = np.linalg.solve(cov_without, mean.T)
    expected = x[[i]].toarray()[0] @ coef - 0.5 * (mean * coef.T).sum(1)
    np.testing.assert_allclose(s - s.mean(), expected - expected.mean(), atol=2e-3)


def test_labels_that_expression_does_not_know_are_not_believed(source):
    x, codes = source
    found = heldout.worth(answered(x, codes), codes)
    assert found.believed[:2].min() > 0.9 and found.believed[2:].max() < 0.8
    assert found.confused[2].argmax() == 3 and found.confused[3].argmax() == 2
    np.testing.assert_allclose(found.confused.sum(1), 1, rtol=1e-5)


def test_tempering_keeps_sums_and_nears_the_share_that_is_right(source):
    x, codes = source
    q = answered(x, codes)
    after = heldout.tempered(q * 0.9, heldout.worth(q, codes))
    np.testing.assert_allclose(after.sum(1), 0.9, rtol=1e-5)
    best = q.argmax(1)
    right, own = best == codes, after[np.arange(len(q)), best] / 0.9
    assert abs(own.mean() - right.mean()) < 0.7 * (q.max(1).mean() - right.mean())  # its runner-up gives some back
    np.testing.assert_allclose(heldout.tempered(q, heldout.Worth.whole(4)), q)


def test_order_of_types_does_not_matter(source):
    x, codes = source
    q, order = answered(x, codes), np.array([2, 0, 3, 1])
    a, b = heldout.worth(q, codes), heldout.worth(q[:, order], np.argsort(order)[codes])
    np.testing.assert_allclose(a.believed[order], b.believed)
    np.testing.assert_allclose(a.confused[np.ix_(order, order)], b.confused)


def test_types_without_an_answer_or_a_second_cell():
    q = np.array([[0.9, 0.1, 0.0], [0.8, 0.2, 0.0], [0.7, 0.3, 0.0]])
    found = heldout.worth(q, np.array([0, 0, 1]))
    assert np.isfinite(found.believed).all() and np.isfinite(found.confused).all()
    x = sp.csr_matrix(np.random.default_rng(0).random((7, 5), dtype="f4"))
    assert np.isfinite(answered(x, np.array([0, 0, 0, 1, 1, 1, 2]))).all()


@dataclasses.dataclass
class Filed:
    types: np.ndarray
    moments: Moments
    weights: tuple[np.ndarray, ...]
    worth: heldout.Worth | None = None


def test_a_fit_with_and_without_it_survives_a_file():
    base = Filed(np.array(["a", "b"]), Moments(*[np.ones((2, 3))] * 4, np.ones(2)), (np.ones(2), np.zeros(1)))
    for fit in (base, dataclasses.replace(base, worth=heldout.Worth.whole(2))):
        back = modelfile._deep(Filed, modelfile._flat(fit))
        assert (back.worth is None) == (fit.worth is None) and len(back.weights) == 2
    np.testing.assert_array_equal(back.worth.confused, fit.worth.confused)
