"""Targets beyond a sketch: the answers of the small path, wherever the values lie; bounded sources."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

import itclust
from itclust.data import expression
from itclust.numerics import assign, sketch


@pytest.fixture(scope="module")
def large():
    """1,500 target cells, one of whose five types is new; a model of the source."""
    source, target = itclust.datasets.toy(400, 1500, n_types=4, novel=1)
    return itclust.ItClust(n_sketch=500).fit(source, progress=False), target


@pytest.fixture(scope="module")
def answered(large):
    model, target = large
    out = target.copy()
    model.transfer(out, progress=False)
    return out


def test_a_sketch_teaches_all_cells(large, answered):
    model, target = large
    truth, found = target.obs["truth"].astype(str), answered.obs["itclust"].astype(str)
    known = truth.isin(model.types)
    assert (found == truth)[known].mean() > 0.97
    assert found[~known].str.startswith("novel").mean() > 0.9
    assert found[known].str.startswith("novel").mean() < 0.02
    q = answered.obsm["itclust_probabilities"].to_numpy()
    np.testing.assert_allclose(q.sum(1), 1, rtol=1e-5)
    assert (q.argmax(1) == answered.obs["itclust_cluster"].astype(int)).all()
    assert answered.uns["itclust"]["clusters"]["n_cells"].sum() == 1500


@pytest.mark.parametrize("storage", ["backed", "lazy", "dask", "csc", "chunks"])
def test_values_give_the_same_answer_wherever_they_lie(large, answered, storage, tmp_path, monkeypatch):
    model, target = large
    target = target.copy()
    if storage == "dask":
        target.X = pytest.importorskip("dask.array").from_array(target.X.toarray(), chunks=(300, -1))
    elif storage == "backed":
        target.write_h5ad(tmp_path / "t.h5ad")
        target = ad.read_h5ad(tmp_path / "t.h5ad", backed="r")
    elif storage == "lazy":
        pytest.importorskip("xarray", reason="anndata reads lazily with xarray alone")
        target.write_h5ad(tmp_path / "t.h5ad")
        target = ad.experimental.read_lazy(tmp_path / "t.h5ad")
        model.transfer(target, progress=False)
        assert (np.asarray(target.obs["itclust"]).astype(str) == answered.obs["itclust"].astype(str)).all()
        return
    elif storage == "csc":
        target.X = target.X.tocsc()
    else:
        monkeypatch.setattr(expression, "ANSWERED", 170)
    model.transfer(target, progress=False)
    pd.testing.assert_frame_equal(target.obs, answered.obs)


def test_cells_without_a_count_have_no_label_beyond_a_sketch_either(large):
    model, target = large
    target = target.copy()
    empty = [0, 700, 701, 1499]
    target.X = sp.diags(1.0 - np.isin(np.arange(1500), empty)).tocsr() @ target.X
    model.transfer(target, progress=False)
    assert list(np.flatnonzero(target.obs["itclust"].isna())) == empty
    truth, found = target.obs["truth"].astype(str), target.obs["itclust"].astype(str)
    known = truth.isin(model.types) & ~target.obs["itclust"].isna()
    assert (found == truth)[known].mean() > 0.97


def test_numpys_forward_pass_is_the_networks():
    from itclust.recipes import network

    model = network.classifier(7, (5, 3), 4, 3.0, 0.1, seed=1, n_starts=3)
    x = np.random.default_rng(0).random((9, 7)).astype("f4")
    z, q = assign.network(x, network.weights(model), 3.0)
    np.testing.assert_allclose(q, network.predict(network.averaged(model), x), rtol=1e-5)
    np.testing.assert_allclose(z, network.predict(network.embedding(model), x)[:, 0], rtol=1e-5, atol=1e-6)


def test_a_large_source_is_drawn_from_with_rare_types_whole():
    codes = np.repeat([0, 1, 2], [900, 80, 5])
    kept = sketch.by_type(codes, np.zeros(985, int), 200)
    counts = np.bincount(codes[kept])
    assert counts[2] == 5 and counts[1] == 80 and 100 <= counts[0] <= 115
    assert sketch.by_type(codes, np.zeros(985, int), 985).all()
