"""The user's own clusters: one label each, by a loop over cells as oracle."""

import numpy as np
import pandas as pd
import pytest

import itclust
from itclust import groups, results
from itclust.numerics.groups import answered


def test_answered_is_what_a_loop_over_cells_finds():
    rng = np.random.default_rng(0)
    n, n_groups, n_columns = 200, 6, 4
    codes, own = rng.integers(-1, n_groups - 1, n), rng.integers(-1, n_columns, n)  # the last group has no cell
    by_type, confidence, novelty = rng.dirichlet(np.ones(n_columns), n), rng.random(n), rng.random(n)
    found = answered(codes, n_groups, own, by_type, confidence, novelty)
    for g in range(n_groups - 1):
        cells = [i for i in range(n) if codes[i] == g and own[i] >= 0]
        sums = sum(by_type[i] for i in cells)
        best = max(range(n_columns), key=lambda k: sums[k])
        assert found.best[g] == best
        assert found.runner_up[g] == max((k for k in range(n_columns) if k != best), key=lambda k: sums[k])
        belief = [confidence[i] if own[i] == best else by_type[i, best] for i in cells]
        np.testing.assert_allclose(found.confidence[g], np.mean(belief))
        np.testing.assert_allclose(found.novelty[g], np.mean([novelty[i] for i in cells]))
        np.testing.assert_allclose(found.share[g], np.mean([own[i] == best for i in cells]))
    assert [f[-1] for f in found] == [-1, -1, 0, 0, 0]


def annotated(label, by_type):
    """A target with results that were made by hand."""
    import anndata as ad

    n = len(label)
    target = ad.AnnData(np.ones((n, 2), np.float32), obs=pd.DataFrame(index=[f"c{i}" for i in range(n)]))
    k, columns = results.keys("itclust"), ["B", "T|NK", "novel"]
    for name in ("label", "initial", "cluster"):
        target.obs[k[name]] = pd.Categorical(label)
    target.obs[k["confidence"]], target.obs[k["novelty"]] = np.linspace(0, 1, n), np.linspace(1, 0, n)
    for name in ("probabilities", "type_probabilities"):
        target.obsm[k[name]] = pd.DataFrame(by_type, index=target.obs_names, columns=columns)
    target.obsm[k["embedding"]] = np.zeros((n, 2))
    target.uns[k["uns"]] = {
        "params": {}, "clusters": pd.DataFrame({"label": ["B"]}), "history": {}, "types": ["B", "T/NK"], "genes": [],
        "version": "2",
    }  # fmt: skip
    return target


def test_true_names_novel_names_and_cells_without_a_label(tmp_path):
    by_type = np.array([[0.1, 0.8, 0.1]] * 2 + [[0, 0, 1]] * 3 + [[0, 0, 0]] * 2)
    target = annotated(["T/NK", "T/NK", "novel 2", "novel 2", "novel 1", None, None], by_type)
    target.obs["mine"] = [10, 10, 2, 2, 2, 3, np.nan]
    table = itclust.group(target, "mine")
    assert list(table.index) == ["2.0", "3.0", "10.0"]
    assert table["label"].astype(object).tolist()[::2] == ["novel 2", "T/NK"]
    assert table["label"].isna().tolist() == [False, True, False]
    assert table["n_cells"].tolist() == [3, 1, 2]
    groups.write(target, groups.clusters_of(target, "mine"))
    assert target.obs["itclust_group"].isna().tolist() == [False] * 5 + [True, True]
    assert target.obs["itclust_group_confidence"].to_numpy()[5:].tolist() == [0, 0]
    path = tmp_path / "x.h5ad"
    target.obs["mine"] = target.obs["mine"].astype(str)
    target.uns["itclust"]["history"] = {"changed": np.zeros(1)}
    target.write_h5ad(path)
    pd.testing.assert_frame_equal(
        itclust.read(path).uns["itclust"]["groups"], target.uns["itclust"]["groups"], check_names=False
    )
    groups.write(target, None)
    assert not [c for c in target.obs if "group" in c]


def test_an_order_that_the_user_gave_is_kept_and_a_wrong_column_is_named():
    target = annotated(["B", "T/NK", "B"], np.full((3, 3), 1 / 3))
    target.obs["mine"] = pd.Categorical(["z", "a", " "], categories=["z", "unused", " ", "a"])
    assert list(itclust.group(target, "mine").index) == ["z", "a"]
    with pytest.raises(KeyError, match=r"'no' is not a column of target\.obs. Pass clusters_key="):
        itclust.group(target, "no")
    target.obs["none"] = None
    with pytest.raises(ValueError, match="missing or blank"):
        itclust.group(target, "none")


def test_clusters_key_and_gene_symbols_in_the_call(pair, fitted, annotated):
    """Symbols in a column give the answer of symbols as names; the clusters are labelled as by :func:`itclust.group`."""
    source, target = pair
    target.obs["mine"] = np.where(np.arange(target.n_obs) % 2, "odd", "even")
    other = target.copy()
    other.var["symbol"] = pd.Categorical(other.var_names)
    other.var_names = [f"ENSG{i:08d}" for i in range(other.n_vars)]
    done = annotated[1]
    target.obs = target.obs.join(done.obs[[c for c in done.obs if c.startswith("itclust")]])
    target.obsm.update({k: done.obsm[k] for k in done.obsm})
    target.uns["itclust"] = done.uns["itclust"]
    assert "itclust_group" not in target.obs
    fitted.transfer(other, gene_symbols="symbol", clusters_key="mine", progress=False)
    pd.testing.assert_series_equal(target.obs["itclust"], other.obs["itclust"])
    np.testing.assert_array_equal(target.obsm["X_itclust"], other.obsm["X_itclust"])
    pd.testing.assert_frame_equal(other.uns["itclust"]["groups"], itclust.group(target, "mine"))
    label = other.uns["itclust"]["groups"]["label"].astype(object)
    assert (other.obs["itclust_group"].astype(object) == other.obs["mine"].map(label)).all()
    assert len(itclust.explain(source, other, n_genes=2)) == len(itclust.explain(source, target, n_genes=2))
    fitted.transfer(other, gene_symbols="symbol", progress=False)
    assert "itclust_group" not in other.obs
    with pytest.raises(KeyError, match=r"'no' is not a column of target\.var. Pass gene_symbols="):
        itclust.transfer(source, target, gene_symbols="no")
