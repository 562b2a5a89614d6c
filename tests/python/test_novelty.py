"""New types are found, kept apart and named; known cells do not pay."""

import numpy as np
import pytest

import itclust
from itclust import assign


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
    assert c[0] == p[0] and c[1] < p[1] and c[2] == pytest.approx(0.75) and c[3] > c[2]
    assert assign.confidence(p, None, None) is p
