"""Order and categories of what is written."""

import numpy as np
import pytest
import scipy.sparse as sp

import itclust
from itclust import results
from itclust.outcome import outcome
from itclust.recipes import Adapted


def test_natural_order():
    names = ["novel 10", "novel 2", "B", "10", "9", "CD4 T"]
    assert results.natural(names) == ["9", "10", "B", "CD4 T", "novel 2", "novel 10"]


def test_categories_are_those_that_occur_and_minus_one_is_missing():
    c = results.categorical(np.array([1, -1, 1, 0]), np.array(["b", "a", "never"], dtype=object))
    assert list(c.categories) == ["a", "b"] and list(c.codes) == [0, -1, 0, 1]


def test_one_name_per_place():
    assert len(set(results.keys("k").values())) == len(results.keys("k")) - 1  # obs[k] and uns[k]


def test_clusters_that_share_a_label():
    """Columns: A in two parts, B, one new type in two parts, a smaller new type, C that no cell has."""
    types = np.array(["A", "B", "C"])
    best = np.repeat([0, 1, 2, 3, 4, 5], [5, 4, 8, 3, 2, 4])
    q = np.full((len(best), 7), 0.01)
    q[np.arange(len(best)), best] = 0.94
    adapted = Adapted(
        q=q, cluster_type=np.array([0, 0, 1, 4, 4, 3, 2]), initial=np.where(np.arange(26) < 2, 1, np.array([0, 1, 1, 2, 2, 2])[best]),
        z=q, x=sp.csr_matrix(q), genes=np.array(list("abcdefg")), history={}, novelty=np.where(best > 2, 0.9, 0.1), nearest=np.array([2, 1]),
    )  # fmt: skip
    result = outcome(adapted, types)
    table = result.clusters
    assert table["label"].tolist() == ["B", "A", "A", "novel 2", "novel 1", "novel 1"]
    assert table["n_cells"].tolist() == [8, 5, 4, 4, 3, 2]
    assert table["nearest_type"].tolist() == ["B", "A", "A", "C", "B", "B"]
    np.testing.assert_allclose(table["stability"], [1, 3 / 5, 0, 0, 0, 0])  # the initial "B" of A's second part is no A
    assert result.probabilities.shape == (26, 6)
    np.testing.assert_array_equal(result.probabilities.argmax(1), result.cluster)
    np.testing.assert_allclose(result.type_probabilities[0], [0.95, 0.01, 0.01, 0.03], rtol=1e-6)


def test_cells_of_one_type_in_two_states_are_two_clusters_of_one_label():
    source, target = itclust.datasets.toy(n_types=3, n_source=300, n_target=300, n_genes=400)
    state = (np.arange(target.n_obs) % 2).astype(bool)
    x = target.X.toarray()
    quiet = x.mean(0) < np.median(x.mean(0))
    x[np.ix_(state, quiet)] += np.random.default_rng(0).poisson(2, (state.sum(), quiet.sum()))  # stimulated
    target.X = sp.csr_matrix(x)
    itclust.transfer(source, target, progress=False, novelty=False)
    table = target.uns["itclust"]["clusters"]
    assert table["label"].nunique() == 3 and len(table) == 6
    assert (target.obs["itclust"].astype(str) == target.obs["truth"].astype(str)).mean() > 0.9
    for c in table.index:
        assert state[target.obs["itclust_cluster"] == c].mean() == pytest.approx(0, abs=0.05) or state[
            target.obs["itclust_cluster"] == c
        ].mean() == pytest.approx(1, abs=0.05)
    q = target.obsm["itclust_probabilities"].to_numpy()
    np.testing.assert_allclose(q.sum(1), 1, rtol=1e-5)
    assert (q.argmax(1) == target.obs["itclust_cluster"].astype(int)).all()


def test_numbers_in_names_are_in_order_and_odd_digits_are_letters():
    assert results.natural({"T10", "T9", "T2\u00b2", "\u00b2", "T"}) == ["T", "T2\u00b2", "T9", "T10", "\u00b2"]


def test_a_slash_in_a_types_name_comes_back_from_a_file(pair, tmp_path):
    """HDF5 keeps "/" for itself, so no column has it; the types have."""
    source, target = pair
    old = source.obs["cell_type"].astype(str)
    names = {t: f"{t}/a" for t in old.unique()}
    source.obs["cell_type"] = old.map(names).astype("category")
    itclust.transfer(source, target, source_epochs=2, max_iter=1, progress=False)
    target.write_h5ad(tmp_path / "x.h5ad")
    found = results.read(itclust.read(tmp_path / "x.h5ad"), "itclust")
    assert found.types == sorted(names.values())
    own = found.type_probabilities.columns.get_indexer([results.as_column(t) for t in found.types])
    assert own.tolist() == list(range(len(found.types)))
    assert set(found.label.dropna()) - {t for t in found.label.dropna() if t.startswith("novel ")} <= set(found.types)
