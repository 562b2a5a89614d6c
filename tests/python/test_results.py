"""Order and categories of what is written."""

import numpy as np

from itclust import results


def test_natural_order():
    names = ["novel 10", "novel 2", "B", "10", "9", "CD4 T"]
    assert results.natural(names) == ["9", "10", "B", "CD4 T", "novel 2", "novel 10"]


def test_categories_are_those_that_occur_and_minus_one_is_missing():
    c = results.categorical(np.array([1, -1, 1, 0]), np.array(["b", "a", "never"], dtype=object))
    assert list(c.categories) == ["a", "b"] and list(c.codes) == [0, -1, 0, 1]


def test_one_name_per_place():
    assert len(set(results.keys("k").values())) == len(results.keys("k")) - 1  # obs[k] and uns[k]
