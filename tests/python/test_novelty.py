"""New types are found, kept apart and named; known cells do not pay."""

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.metrics import roc_auc_score

import itclust
from itclust.numerics import assign, classifiers, clusters, evidence, genes, neighbors, novelty, outliers
from itclust.numerics.moments import lognorm, moments


@pytest.fixture(scope="module")
def with_new():
    """Two of six target types are not in the source."""
    source, target = itclust.datasets.toy(n_types=6, novel=2, n_source=500, n_target=500, n_genes=400)
    itclust.transfer(source, target, progress=False)
    return source, target


def test_new_types_are_clusters_of_their_own(with_new):
    source, target = with_new
    truth = target.obs["truth"].astype(str)
    known = truth.isin(source.obs["cell_type"].astype(str))
    found = target.obs["itclust"].astype(str)
    novel = found.str.startswith("novel ")
    assert novel[~known].mean() > 0.8 and novel[known].mean() < 0.05
    assert (found[known] == truth[known]).mean() > 0.95
    for t in truth[~known].unique():
        assert found[truth == t].value_counts(normalize=True).iloc[0] > 0.5
    assert found[~known].nunique() == 2


def test_the_table_says_what_is_new(with_new):
    source, target = with_new
    table = target.uns["itclust"]["clusters"]
    new = table[table["novel"]]
    assert list(new["label"]) == ["novel 1", "novel 2"] and new["n_cells"].is_monotonic_decreasing
    assert new["nearest_type"].isin(source.obs["cell_type"].astype(str)).all()
    assert (table["markers"].str.count(", ") > 2).all() and (new["stability"] == 0).all()
    assert new["novelty"].min() > table.loc[~table["novel"], "novelty"].max()
    p = target.obsm["itclust_type_probabilities"]
    assert (p["novel"] > 0.5).sum() == pytest.approx(new["n_cells"].sum(), rel=0.2)


def test_it_can_be_turned_off():
    source, target = itclust.datasets.toy(120, 120, novel=1, n_types=5)
    out = itclust.transfer(source, target, novelty=False, source_epochs=4, copy=True, progress=False)
    assert set(out.obs["itclust"]) <= set(source.obs["cell_type"])


def test_beliefs_in_known_and_new():
    p = np.array([[0.9, 0.1], [0.9, 0.1], [0.0, 0.0], [0.1, 0.0]])
    s, is_novel = np.array([0.2, 0.8, 0.5, 0.9]), np.array([False, False, True, True])
    c = assign.beliefs(p, is_novel, s)
    np.testing.assert_allclose(c.sum(1), 1)
    even = assign.EVEN * (assign.MOST_NEW + assign.MISSED)  # odds at an even score; half of these cells are called new
    assert c[0, 0] == pytest.approx(0.9 / (1 + even / 4)) and c[1, 0] == pytest.approx(0.9 / (1 + even * 4))
    assert c[2, 2] == pytest.approx(0.75) and c[3, 2] > c[2, 2] and c[2, 0] == c[2, 1]
    alone = assign.beliefs(p[:2], np.zeros(2, bool), s[:2])
    assert (alone[:, 0] > 0.9 * p[:2, 0]).all()  # where nothing new was found, strange cells are hardly doubted
    np.testing.assert_allclose(assign.beliefs(p[:2], None, None)[:, :2], p[:2])


def test_a_lone_strange_cell_is_seen_and_a_strange_cluster_is_not_lone():
    rng = np.random.default_rng(0)
    profile = rng.gamma(0.5, 2, (2, 80))
    profile[:, 75:] = 0
    codes = np.arange(200) % 2
    x = np.log1p(rng.poisson(profile[codes])).astype("f4")
    source = moments([sp.csr_matrix(x)], codes, 2)
    x[7, 75:] = 5.0
    of_clusters = np.stack([x[codes == k].mean(0) for k in range(2)])
    alone = outliers.outlier_cells(source, sp.csr_matrix(x), of_clusters)
    assert alone.argmax() == 7 and alone[7] > 0.45 and np.delete(alone, 7).max() < 0.3
    assert (alone <= outliers.LONE).all()
    order = rng.permutation(200)
    np.testing.assert_allclose(
        outliers.outlier_cells(source, sp.csr_matrix(x[order]), of_clusters), alone[order], rtol=1e-5
    )
    explained = np.concatenate([of_clusters, x[[7]]])  # a cluster that has these genes
    assert outliers.outlier_cells(source, sp.csr_matrix(x), explained)[7] < 0.1


def simulated(n_types, source_cells, target_cells, seed=0, n_genes=1500, relatives=1, share=0.05):
    """Log values and types of a source and a target with a batch effect; types with no source cells are new.

    So many ``relatives`` share a programme; a type's own one is a ``share`` of the genes.
    """
    rng = np.random.default_rng(seed)

    def programmes(n, share):
        return rng.normal(0, 1.5, (n, n_genes)) * (rng.random((n, n_genes)) < share)

    profile = rng.normal(0, 1.2, n_genes) + programmes(n_types, share)
    if relatives > 1:
        profile += programmes(-(-n_types // relatives), 0.05).repeat(relatives, 0)[:n_types]
    out = []
    for cells, shift in ((source_cells, 0), (target_cells, rng.normal(0, 0.2, n_genes))):
        codes = np.repeat(np.arange(n_types), cells)
        rate = np.exp(profile + shift)
        rate = 1500 * rate / rate.sum(1, keepdims=True)
        out.append((lognorm(sp.csr_matrix(rng.poisson(rate[codes]).astype("f4"))), codes))
    return out


def judged(source, target):
    """:func:`novelty.score_novelty` beside the correlation classifier's answers, and the mask of the target cells of known types."""
    (x, codes), (z, truth) = source, target
    types, codes = np.unique(codes, return_inverse=True)
    of_types = moments([x], codes, len(types))
    variable = genes.variable([x], 1000)
    classifier = classifiers.correlation_classifier(of_types.over(variable))
    classifier = classifier._replace(temperature=classifiers.fitted_temperature(x[:, variable], codes, classifier))
    q = classifier.probabilities(z[:, variable].toarray())
    found = novelty.score_novelty(of_types, z, q, neighbors.structure(z), 0.62, 10)
    return found, np.isin(truth, types)


def test_nothing_new_is_called_new_however_many_types_there_are():
    for n_types, cells in ((3, 60), (8, 40), (40, 15)):
        found, _ = judged(*simulated(n_types, cells, cells))
        assert (found.group < 0).all() and not len(found.nearest)


def test_new_types_that_are_most_of_the_target():
    found, known = judged(*simulated(8, [60] * 4 + [0] * 4, [30] * 4 + [80] * 4))
    novel = found.group >= 0
    assert known.mean() < 0.3 and novel[~known].mean() > 0.7 and novel[known].mean() < 0.02


def test_a_new_type_among_its_many_relatives():
    """Thirty types in five lineages: on components of all cells, relatives are one cluster."""
    gone = np.isin(np.arange(30), (3, 17, 28))
    source, target = simulated(30, np.where(gone, 0, 30), [40] * 30, n_genes=4000, relatives=6, share=0.02)
    found, known = judged(source, target)
    novel = found.group >= 0
    assert novel[~known].mean() > 0.6 and novel[known].mean() < 0.02
    assert roc_auc_score(~known, found.score) > 0.95


def test_a_rare_new_type_of_ten_cells_is_ranked_first():
    found, known = judged(*simulated(6, [60] * 5 + [0], [60] * 5 + [10]))
    assert found.score[~known].mean() > 2 * found.score[known].mean()
    assert (found.group[known] < 0).all()


def test_the_order_of_cells_hardly_matters():
    source, (z, truth) = simulated(6, [60] * 5 + [0], [60] * 6)
    order = np.random.default_rng(1).permutation(len(truth))
    found, known = judged(source, (z, truth))
    again, _ = judged(source, (sp.csr_matrix(z[order]), truth[order]))
    assert ((again.group >= 0) == (found.group >= 0)[order]).mean() > 0.95  # Leiden's borders
    assert (found.group[~known] >= 0).mean() > 0.7


def test_pieces_are_what_cluster_and_label_share():
    cluster = np.repeat([0, 0, 1, 1], [6, 2, 5, 7])
    label = np.repeat([3, 4, 3, 5], [6, 2, 5, 7])
    piece = novelty.pieces(cluster, label, 5)
    assert len(set(piece[:8])) == 1 and len(set(piece)) == 3  # two cells are no piece of their own
    assert len(set(piece[8:13])) == 1 and piece[8] != piece[13]


def test_the_level_is_not_moved_by_a_type_that_hides_something_new():
    total, size, label = np.array([-3.0, -2.5, -2.0, 4.0]), np.array([9, 9, 9, 99]), np.array([0, 1, 2, 2])
    assert evidence.level(total, size, label, [0, 1, 2]) == (-2.5, -2.5, 1)
    assert evidence.level(total, size, label, []) == (-3.0, -3.0, 1)


def test_a_whole_type_as_common_as_in_the_source_is_asked_more():
    size, label, of_source = np.array([90, 10, 60, 40]), np.array([0, 0, 1, 1]), np.array([100, 100])
    logit = np.array([0.5, -1.5, -0.2, -1.5])
    off = evidence.whole_type(logit, size, label, of_source)
    np.testing.assert_array_equal(off, [evidence.WHOLE_WEIGHT] * 2 + [0, 0])  # 9 in 10; 6 in 10
    assert not evidence.whole_type(logit - 1, size, label, of_source).any()
    assert not evidence.whole_type(logit, size, label, np.array([20, 100])).any()  # three times as common
    rare = evidence.whole_type(logit, size, label, np.array([900, 100]))
    assert (rare[:2] == evidence.WHOLE_WEIGHT).all()


def test_many_types_say_by_themselves_how_far_known_ones_lie_apart():
    rng = np.random.default_rng(0)
    for n_types, sd, expected in ((12, 0.1, 1), (40, 0.1, 0.3), (40, 0.01, evidence.LEAST_SPREAD), (40, 2.0, 1)):
        total = rng.normal(-3, sd, n_types)
        each = np.arange(n_types)
        assert evidence.level(total, np.full(n_types, 20), each, each)[2] == pytest.approx(expected, rel=0.4)


def test_a_piece_in_doubt_joins_the_new_type_that_it_is_like():
    profile = np.array([[1.0, 0, 0, 0], [1, 0.1, 0, 0], [0, 0, 1, 0], [0, 0, 0.1, 1]])
    found = clusters.Clusters.__new__(clusters.Clusters)
    found.profile, found.centre_target, found.centre_source, found.columns = (
        profile,
        np.zeros(4),
        np.zeros(4),
        slice(None),
    )
    found.moments = moments([sp.csr_matrix(profile.astype("f4"))], np.arange(4), 4)
    found.moments = found.moments._replace(mean=np.eye(4))
    new, known = np.array([True, False, False, False]), np.array([False, False, True, False])
    assert list(found.nearer(new, known, 0.8)) == [False, True, False, False]
    assert not found.nearer(new, new | known, 0.8).any()  # as near to a known one
    assert not found.nearer(~new & ~known, new, 0.8)[3] and not found.nearer(np.zeros(4, bool), known, 0.8).any()


def test_a_cell_of_a_new_group_that_surely_is_of_a_type_is_told():
    """Against correlations of dense cells, the cell itself left out of its group's mean."""
    (x, codes), (z, truth) = simulated(4, [30] * 3 + [0], [20, 20, 5, 20])
    found = clusters.Clusters.__new__(clusters.Clusters)
    found.moments, found.x, found.columns = moments([x], codes, 3), z, np.arange(0, z.shape[1], 2)
    rng = np.random.default_rng(0)
    found.centre_target, found.centre_source = z.mean(0).A1, found.moments.mean.mean(0) + rng.normal(0, 0.1, z.shape[1])
    group = np.select([truth == 3, truth == 2, truth == 1], [0, 0, 1], -1)  # a new type with a known one in its group
    found.q = np.where(rng.random(len(truth)) < 0.8, 0.9, 0.5)[:, None] * np.eye(3)[np.minimum(truth, 2)] + 0.03
    told, sure = found.more_like_label(group), found.q.max(1) > 0.8
    cells = (z.toarray() - found.centre_target)[:, found.columns]
    types = (found.moments.mean - found.centre_source)[:, found.columns]
    for i in np.flatnonzero(group >= 0):
        others = (group == group[i]) & (np.arange(len(group)) != i)
        like_group, like_type = (
            np.corrcoef(cells[i], v)[0, 1] for v in (cells[others].mean(0), types[min(truth[i], 2)])
        )
        assert told[i] == (sure[i] and like_type > like_group), i
    assert told[(truth == 2) & sure].all() and told[truth == 3].mean() < 0.2 and not told[group < 0].any()
    assert not found.more_like_label(np.full(len(group), -1)).any()


def test_groups_are_numbered_from_the_largest_and_small_ones_are_none():
    group = np.array([4, -1, 4, 2, 2, 2, 0, -1])
    np.testing.assert_array_equal(novelty.numbered(group, 2), [1, -1, 1, 0, 0, 0, -1, -1])
    np.testing.assert_array_equal(novelty.numbered(np.array([-1, -1]), 2), [-1, -1])


def test_a_label_stays_where_a_piece_keeps_what_the_pairs_known_types_keep():
    """The same piece: seven tenths of its type's markers are little where known types keep all, and much where they keep less."""
    numbers = np.zeros((4, 6))
    numbers[:, 2] = -np.array([1.0, 0.9, 0.95, 0.65])
    size, label = np.full(4, 20), np.array([0, 1, 2, 2])
    assert evidence.kept_level(numbers, size, label, [0, 1, 2]) == pytest.approx(0.95)
    off = evidence.veto(numbers, 0.95)
    assert (off[:3] == evidence.KEPT_WEIGHT).all() and off[3] == 0
    numbers[:, 2] *= 0.7
    assert evidence.veto(numbers, evidence.kept_level(numbers, size, label, [0, 1, 2]))[3] == 0
    numbers[:, 2] = -np.array([0.7, 0.7, 0.75, 0.65])
    assert (evidence.veto(numbers, evidence.kept_level(numbers, size, label, [0, 1, 2])) == evidence.KEPT_WEIGHT).all()
    assert evidence.kept_level(-numbers, size, label, [0, 1, 2]) == evidence.LEAST_KEPT
    assert evidence.kept_level(2 * numbers, size, label, [0, 1, 2]) == 1


def test_a_piece_much_farther_than_types_are_apart_is_far():
    rng = np.random.default_rng(0)
    lineage = rng.normal(0, 1, (2, 60)).repeat(2, 0)
    types = lineage + rng.normal(0, 0.4, (4, 60))
    found = clusters.Clusters.__new__(clusters.Clusters)
    found.shift, found.markers = np.zeros(60), np.arange(60)
    pieces = np.stack([types[0], types[0] + rng.normal(0, 0.4, 60), types.mean(0) + rng.normal(0, 1, 60)])
    far = found._far(types, pieces, np.zeros(3), np.zeros(4))
    assert far[0] == pytest.approx(0, abs=1e-6) and 0.1 < far[1] < evidence.FAR < far[2]
