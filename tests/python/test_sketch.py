"""A sketch keeps rare states, batches and proportions."""

import numpy as np

from itclust.numerics import sketch


def test_a_rare_state_far_away_keeps_its_place():
    rng = np.random.default_rng(0)
    points = np.concatenate([rng.normal(0, 1, (6000, 12)), rng.normal(12, 1, (6, 12))])
    rows = sketch.sketched(points, 400)
    assert len(rows) == 400 == len(np.unique(rows)) and (np.diff(rows) > 0).all()
    assert (rows >= 6000).sum() >= 3  # at random: 0.4 of the 6
    np.testing.assert_array_equal(rows, sketch.sketched(points, 400))


def test_most_of_it_keeps_the_proportions():
    points = np.random.default_rng(1).normal(0, 1, (5000, 10)) + 3 * (np.arange(5000) % 4 == 0)[:, None]
    rows = sketch.sketched(points, 2000)
    assert abs((rows % 4 == 0).mean() - 0.25) < 0.1


def test_small_data_are_their_own_sketch():
    np.testing.assert_array_equal(sketch.sketched(np.zeros((7, 3)), 10), np.arange(7))
    np.testing.assert_array_equal(sketch.candidates(np.zeros(7, int), 10), np.arange(7))


def test_every_batch_has_candidates():
    batch = np.r_[np.zeros(20_000, int), np.ones(60, int), np.full(3, 2)]
    rows = sketch.candidates(batch, 100)
    counts = np.bincount(batch[rows])
    assert counts[1] == sketch.LEAST and counts[2] == 3 and abs(counts[0] - sketch.CANDIDATES * 100) < 5
