"""New types are found, kept apart and named; known cells do not pay."""

import numpy as np
import pytest
import scipy.sparse as sp

import itclust
from itclust.numerics import assign, novelty
from itclust.numerics.moments import moments


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


def test_it_can_be_turned_off(toy):
    source, target = itclust.datasets.toy(novel=1, n_types=5)
    out = itclust.transfer(source, target, novelty=False, copy=True, progress=False)
    assert set(out.obs["itclust"]) <= set(source.obs["cell_type"])


def test_confidence_of_known_and_new():
    p = np.array([0.9, 0.9, 0.0, 0.0])
    s = np.array([0.2, 0.8, 0.5, 0.9])
    c = assign.confidence(p, np.array([False, False, True, True]), s)
    assert c[0] == p[0] and c[1] == pytest.approx(0.9 * p[1]) and c[2] == pytest.approx(0.75) and c[3] > c[2]
    assert assign.confidence(p, None, None) is p


def test_a_lone_strange_cell_is_seen_and_a_strange_cluster_is_not_lone():
    rng = np.random.default_rng(0)
    profile = rng.gamma(0.5, 2, (2, 80))
    profile[:, 75:] = 0
    codes = np.arange(200) % 2
    x = np.log1p(rng.poisson(profile[codes])).astype("f4")
    source = moments([sp.csr_matrix(x)], codes, 2)
    x[7, 75:] = 5.0
    of_clusters = np.stack([x[codes == k].mean(0) for k in range(2)])
    evidence = novelty.outlier_cells(source, sp.csr_matrix(x), of_clusters)
    assert evidence.argmax() == 7 and evidence[7] > 0.45 and np.delete(evidence, 7).max() < 0.3
    assert (evidence <= novelty.LONE).all()
    order = rng.permutation(200)
    np.testing.assert_allclose(
        novelty.outlier_cells(source, sp.csr_matrix(x[order]), of_clusters), evidence[order], rtol=1e-5
    )
    explained = np.concatenate([of_clusters, x[[7]]])  # a cluster that has these genes
    assert novelty.outlier_cells(source, sp.csr_matrix(x), explained)[7] < 0.1
