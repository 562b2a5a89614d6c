"""Clusters among many types: lineages, and relatives within each."""

import numpy as np
import pytest
import scipy.sparse as sp

from itclust.numerics import neighbors, novelty, relatives
from itclust.numerics.clusters import markers
from itclust.numerics.moments import moments
from itclust.recipes import surroundings


@pytest.fixture(scope="module")
def halves():
    """Thirty groups of 60 cells, whose two halves differ in few genes."""
    rng = np.random.default_rng(3)
    group, half = np.repeat(np.arange(30), 60), np.tile(np.repeat([0, 1], 30), 30)
    rate = rng.gamma(0.5, 2, (30, 600))[group]
    for g in range(30):
        rate[(group == g) & (half == 1)] *= np.exp(rng.normal(0, 1.2, 600) * (rng.random(600) < 0.1))
    x = sp.csr_matrix(np.log1p(rng.poisson(rate)).astype("f4"))
    return x, group, half, neighbors.structure(x, 15).knn


def nearest(x, lineage, codes, knn):
    """Relatives where the source is the target itself, with types ``codes``."""
    of_source = moments([x], codes, codes.max() + 1)
    return relatives.nearest(x, lineage, codes, knn, of_source.mean, markers(of_source))


def test_relatives_see_what_all_cells_hide(halves):
    x, group, half, of_all = halves
    found = nearest(x, group, group, of_all)  # one label a lineage: its own components alone
    assert (group[found] == group[:, None]).all() and (found != np.arange(len(group))[:, None]).all()
    alike = [(half[knn] == half[:, None]).mean() for knn in (of_all, found)]
    assert alike[1] > 0.9 > alike[0] + 0.2


def test_small_lineages_keep_their_neighbours(halves):
    x, group, _, of_all = halves
    found = nearest(x, np.arange(len(group)) // 10, group, of_all)
    np.testing.assert_array_equal(found, of_all[:, : relatives.N_NEIGHBORS])


def test_contrasts_tell_the_types_of_a_lineage_apart(halves):
    """A cell's own type has the largest score; the noise about it has a standard deviation near one."""
    x, group, half, _ = halves
    mine = np.flatnonzero(group < 3)
    codes = 2 * group[mine] + half[mine]
    of_source = moments([x[mine]], codes, 6)
    scores = relatives.contrasts(x[mine], np.arange(6), of_source.mean, markers(of_source))
    assert (scores.argmax(1) == codes).mean() > 0.95
    within = scores - np.stack([scores[codes == k].mean(0) for k in range(6)])[codes]
    assert 0.3 < within.std() < 1.5
    assert relatives.contrasts(x[mine], np.array([2]), of_source.mean, markers(of_source)).shape == (len(mine), 0)


def test_a_type_without_a_label_has_a_cluster_of_its_own(halves):
    """The second half of each of three lineages bears the first half's label."""
    x, group, half, knn = halves
    codes = 2 * group + half
    label = np.where(group < 3, 2 * group, codes)
    of_source = moments([x], label, 60)
    pairs = markers(of_source)
    found, near = relatives.clusters(neighbors.shared_neighbors(knn), x, label, knn, of_source.mean, pairs)
    assert near.shape == (len(group), relatives.N_NEIGHBORS)
    for g in range(3):
        most = np.bincount(found[codes == 2 * g + 1]).argmax()
        assert (codes[found == most] == 2 * g + 1).mean() > 0.9


def test_answers_are_averaged_over_relatives_where_types_are_many(halves):
    """Neighbours among all cells are of the other half as often; those within lineages are not, given first answers."""
    x, group, half, _ = halves
    codes = 2 * group + half
    around, of_types = neighbors.structure(x, 15), moments([x], codes, 60)
    rng = np.random.default_rng(0)
    q = 0.9 * np.eye(60)[np.where(rng.random(len(codes)) < 0.8, codes, codes ^ 1)] + 0.1 / 60
    average = surroundings.average(around, of_types, x, q, 0)
    alike = [neighbors.concordance(a, codes) for a in (around.average, average)]
    assert alike[1] > 0.9 > alike[0] + 0.1, alike
    found = novelty.score_novelty(of_types, x, q, around, 0.62, 10, 0)
    again = surroundings.average(around, of_types, x, q, 0, found.knn)  # what the search has found is not sought again
    assert (again != average).nnz == 0
    few = moments([x], group % 5, 5)
    assert surroundings.average(around, few, x, q[:, :5], 0) is around.average
