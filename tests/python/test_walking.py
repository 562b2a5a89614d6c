"""Values beyond memory: slices read ahead."""

import pytest

from itclust.data.walking import ahead, near_workers, side_by_side


def test_slices_come_in_order_and_an_error_reaches_the_caller():
    def slices():
        yield from range(3)
        raise OSError("the disk is gone")

    seen = []
    with pytest.raises(OSError, match="the disk is gone"):
        seen.extend(ahead(slices()))
    assert seen == [0, 1, 2] and list(ahead([])) == []


def test_answers_made_side_by_side_come_in_order_and_an_error_reaches_the_caller():
    assert list(side_by_side(lambda a, b: a * b, [(i, 2) for i in range(7)])) == list(range(0, 14, 2))
    seen = []
    with pytest.raises(ZeroDivisionError):
        seen.extend(side_by_side(lambda a: 1 / a, [(1,), (0,), (1,)]))
    assert seen == [1]


def test_without_a_cluster_a_matrix_stays_what_it_is():
    matrix = object()
    assert near_workers(matrix, 5) is matrix
