"""Scripts for ItClust 1.2.0: the same calls, the same names of columns, keys and files."""

import dataclasses
import inspect
import re
import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.io
import scipy.sparse as sp

import itclust as ic
from itclust import legacy, settings
from itclust.data.expression import Expression
from itclust.recipes import zscored

# Names that the published 1.2.0 gives its results; a script that reads them must find them.
SIGNATURE = [
    "source_data", "target_data", "normalize", "take_log", "scale", "batch_size", "maxiter", "pretrain_epochs",
    "epochs_fit", "tol", "alpha", "resolution", "n_neighbors", "softmax", "init", "save_atr",
]  # fmt: skip
OBS = ["decisy_trans_True", "maxprobisy_trans_True", "trajectory_0", "dataset_batch"]
OBSM = ["X_Embeded_zisy_trans_True", "prob_matrixisy_trans_True", "X_pcaZisy_trans_True", "trajectory_Embeded_z_0"]
FILES = {
    "clustering_results.csv": r",cell_id,cluster\n0,\S+-target,\d+\n",
    "clustering_prob.csv": r",cluster0,cluster1(,cluster\d+)*\n\S+-target,0\.\d+,",
    "celltype_assignment.txt": r"Cluster 0 is \d+\.\d+% to be .+ cell\n",
}


@pytest.fixture(scope="module")
def data():
    """A source sorted by type, whose commonest type the target lacks: 1.2.0 named all clusters wrong here."""
    source, target = ic.datasets.toy(300, 200, n_types=4, absent=1)
    source = source[source.obs["cell_type"].argsort()].copy()
    source.obs["celltype"] = source.obs.pop("cell_type")
    target.obs["celltype"] = target.obs["truth"]
    return source, target


@pytest.fixture(scope="module")
def clf(data, short_paper):
    before = [(d.X.copy(), d.obs.copy(), list(d.var_names)) for d in data]
    clf = ic.transfer_learning_clf()
    said = pytest.warns(UserWarning, match=r"no cell is dropped; maxiter, n_neighbors never had an effect")
    with short_paper(), said:
        clf.fit(*data, pretrain_epochs=12, maxiter=5, tol=[0.01], n_neighbors=3)
    for d, (x, obs, genes) in zip(data, before):
        assert (d.X != x).nnz == 0
        assert d.obs.equals(obs)
        assert list(d.var_names) == genes
        assert not d.obsm and not d.uns
    return clf


def test_the_signatures_are_those_of_1_2_0():
    parameters = inspect.signature(ic.transfer_learning_clf.fit).parameters
    assert list(parameters)[1:] == SIGNATURE
    assert [parameters[n].default for n in ("epochs_fit", "batch_size", "save_atr")] == [5, 256, "isy_trans_True"]
    assert list(inspect.signature(ic.transfer_learning_clf.predict).parameters)[1:] == ["save_dir", "write"]
    assert list(inspect.signature(ic.read_10X).parameters) == ["data_path", "var_names"]


def test_results_have_the_names_of_1_2_0(clf, data, tmp_path):
    pred, prob, cell_type_pred = clf.predict(save_dir=str(tmp_path / "results"))
    assert list(pred.columns) == ["cell_id", "cluster"]
    assert list(prob.columns) == [f"cluster{i}" for i in range(prob.shape[1])]
    assert list(cell_type_pred) == [str(i) for i in range(prob.shape[1])]
    assert all(isinstance(label, str) and 0 <= v <= 1 for label, v in cell_type_pred.values())
    for name, form in FILES.items():
        assert re.match(form, (tmp_path / "results" / name).read_text()), name
    saved = pd.read_csv(tmp_path / "results" / "clustering_prob.csv", index_col=0)
    np.testing.assert_allclose(saved, prob, rtol=1e-5)
    np.testing.assert_allclose(prob.sum(1), 1, rtol=1e-5)
    assert (prob.to_numpy().argmax(1).astype(str) == pred["cluster"]).all()


def test_names_are_right_and_every_cell_comes_back(clf, data):
    pred, _, cell_type_pred = clf.predict(write=False)
    assert pred["cell_id"].tolist() == [f"{c}-target" for c in data[1].obs_names]
    named = pred["cluster"].map(lambda c: cell_type_pred[c][0]).to_numpy()
    assert (named == data[1].obs["truth"].to_numpy()).mean() > 0.95


def test_the_objects_hold_the_keys_of_1_2_0(clf, data):
    test, train = clf.adata_test, clf.adata_train
    assert set(OBS) <= set(test.obs) and set(OBSM) <= set(test.obsm)
    assert test.n_obs == data[1].n_obs and train.n_obs == data[0].n_obs
    assert list(test.var_names) == list(train.var_names) == clf.model.genes
    assert test.obs["celltype"].tolist() == data[1].obs["celltype"].tolist()
    assert set(train.obs["dataset_batch"]) == {"source"}
    assert abs(test.X.mean()) < 0.05 and test.X.max() <= 6
    raw = test.raw.to_adata()
    np.testing.assert_allclose(raw.X.toarray(), np.log1p(data[1].X.toarray()), rtol=1e-6)
    prob = test.obsm["prob_matrixisy_trans_True"]
    np.testing.assert_allclose(test.obs["maxprobisy_trans_True"], prob.max(1))
    start, end = test.obsm["trajectory_Embeded_z_0"], test.obsm["X_Embeded_zisy_trans_True"]
    assert start.shape == end.shape and not np.allclose(start, end)


def test_trajectories_follow_the_rounds(clf, data, monkeypatch):
    """What is kept of a round is what a fine-tuning that stops there gives; each has its keys."""
    monkeypatch.setattr(legacy, "EVERY", 1)
    settings = clf.model.settings
    stops = {}
    for n in range(4):
        monkeypatch.setattr(clf.model, "settings", dataclasses.replace(settings, tol=-1.0, max_iter=n, keep_every=1))
        stops[n] = data[1].copy()
        clf.model.transfer(stops[n], progress=False)
    monkeypatch.setattr(clf, "adata_test", clf.adata_test.copy())
    clf._write(stops[3])
    for i in range(3):
        kept = clf.adata_test.obsm[f"trajectory_Embeded_z_{i}"]
        np.testing.assert_allclose(kept, stops[i].obsm["X_itclust"], rtol=1e-5, atol=1e-6)
        assert set(clf.adata_test.obs[f"trajectory_{i}"]) <= {str(c) for c in range(20)}
    assert "trajectory_3" not in clf.adata_test.obs


def test_stability_is_what_the_trajectory_says(clf):
    first, last = clf.adata_test.obs["trajectory_0"].astype(str), clf.adata_test.obs["decisy_trans_True"].astype(str)
    for c, (_, stability) in clf.predict(write=False)[2].items():
        assert stability == pytest.approx((first[last == c] == c).mean(), abs=1e-3)


def test_plots_of_the_tutorial(clf):
    """t-SNE and UMAP come back and lie where scanpy's plots look; UMAP itself is tested with the plots."""
    import matplotlib as mpl

    mpl.use("Agg")
    import scanpy as sc

    clf.adata_test.obsm["X_tsne"] = clf.tSNE()
    assert clf.adata_test.obsm["X_tsne"].shape == (clf.adata_test.n_obs, 2)
    n = clf.adata_test.obs["celltype"].nunique()
    clf.adata_test.uns["decisy_trans_True_colors"] = ["#1f77b4", "#ff7f0e", "#2ca02c"][:n]
    panels = sc.pl.tsne(clf.adata_test, color=["decisy_trans_True", "celltype"], show=False)
    assert len(panels) == 2
    assert clf.Umap().shape == (clf.adata_test.n_obs, 2)


def test_arguments_act_on_the_settings(data, monkeypatch):
    got = {}

    class Fake(ic.ItClust):
        def fit(self, *args, **kwargs):
            got.update(settings=self.settings, values=kwargs["values"])
            raise KeyboardInterrupt

    monkeypatch.setattr(ic, "ItClust", Fake, raising=False)
    monkeypatch.setattr(legacy, "_genes", lambda *args: ["A"])
    with warnings.catch_warnings(record=True) as said, pytest.raises(KeyboardInterrupt):
        warnings.simplefilter("always")
        ic.transfer_learning_clf().fit(
            *data, normalize=False, take_log=False, scale=False, softmax=True, tol=[0.02], alpha=2, epochs_fit=3,
            pretrain_epochs=4, batch_size=32,
        )  # fmt: skip
    expected = {"steps": (), "softmax": True, "tol": 0.02, "alpha": 2.0, "target_epochs": 3, "pretrain_epochs": 4}
    assert got["settings"] == settings.PaperSettings(batch_size=32, keep_every=10, **expected)
    assert got["values"] == "linear"
    assert len(said) == 1 and "never had" not in str(said[0].message)


@pytest.mark.parametrize("steps", [(), ("log",), ("normalize",), ("normalize", "log")])
def test_steps_change_the_values(steps):
    rng = np.random.default_rng(0)
    x = rng.poisson(3, (30, 150)).astype("f4")
    out = zscored.prepare(Expression(sp.csr_matrix(x), np.array([f"G{i}" for i in range(150)])), "source", steps)
    expected = x * np.median(x.sum(1)) / x.sum(1, keepdims=True) if "normalize" in steps else x
    expected = np.log1p(expected) if "log" in steps else expected
    np.testing.assert_allclose(out.x.toarray(), expected, rtol=1e-4)
    np.testing.assert_allclose(zscored.ZScored(out, out.genes, scale=False)[np.arange(30)], expected, rtol=1e-4)


def test_softmax_trains_the_source_without_centroids(data):
    source, target = data
    options = {"softmax": True, "steps": ["normalize", "log"], "pretrain_epochs": 0, "source_epochs": 60, "max_iter": 2}
    out = ic.transfer(source, target, preset="paper", **options, copy=True, progress=False)
    assert (out.obs["itclust_initial"].astype(str) == target.obs["truth"].astype(str)).mean() > 0.9


@pytest.mark.parametrize("var_names", ["gene_symbols", "gene_ids"])
def test_read_10x(tmp_path, var_names):
    x = sp.random(4, 3, 0.7, random_state=0, format="coo")
    x.data = np.arange(1, x.nnz + 1)
    scipy.io.mmwrite(tmp_path / "matrix.mtx", x)
    (tmp_path / "genes.tsv").write_text("ENSG01\tA\nENSG02\tB\nENSG03\tA\nENSG04\tC\n")
    (tmp_path / "barcodes.tsv").write_text("AAA-1\nCCC-1\nGGG-1\n")
    adata = ic.read_10X(str(tmp_path), var_names=var_names)
    np.testing.assert_array_equal(adata.X.toarray(), x.toarray().T)
    assert adata.var["gene_ids"].tolist() == ["ENSG01", "ENSG02", "ENSG03", "ENSG04"]
    assert adata.var["gene_symbols"].tolist() == ["A", "B", "A", "C"]
    assert adata.var_names.tolist() == (
        ["A", "B", "A-1", "C"] if var_names == "gene_symbols" else adata.var["gene_ids"].tolist()
    )
    assert adata.obs["barcode"].tolist() == adata.obs_names.tolist() == ["AAA-1", "CCC-1", "GGG-1"]
    with pytest.raises(ValueError, match="use 'gene_symbols' or 'gene_ids'"):
        ic.read_10X(str(tmp_path), var_names="symbols")
