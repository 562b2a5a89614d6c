"""The functions that R calls, on objects of R, which rpy2 runs in this process; R's own half is tests/testthat."""

import os
import shutil
import sys

import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

import itclust
from itclust import rbridge, results
from itclust.rbridge import conversion

EXPERIMENT = """function(i, p, x, n_genes, n_cells, genes, columns) {
    values <- new("dgCMatrix", i = i, p = p, x = x, Dim = c(n_genes, n_cells))
    dimnames(values) <- list(genes, as.character(seq_len(n_cells)))
    cells <- S4Vectors::DataFrame(row.names = colnames(values))
    for (name in names(columns)) cells[[name]] <- factor(columns[[name]])
    SingleCellExperiment::SingleCellExperiment(list(X = values), colData = cells)
}"""
QUICK = {"source_epochs": 2, "max_iter": 1}


@pytest.fixture(scope="module")
def r():
    """R's functions; R runs in this process."""
    if shutil.which("R") is None:
        pytest.skip("R is not installed")
    pytest.importorskip("anndata2ri")
    robjects = pytest.importorskip("rpy2.robjects")
    if not robjects.r('nzchar(system.file(package = "SingleCellExperiment"))')[0]:
        pytest.skip("R's SingleCellExperiment is not installed")
    robjects.r("suppressPackageStartupMessages(library(SingleCellExperiment)); options(warn = -1)")
    return robjects.r


@pytest.fixture
def bridge(r, monkeypatch):
    """An environment of R in the place of the package's ``.bridge``."""
    environment = r("new.env()")
    monkeypatch.setattr(rbridge, "_environment", lambda: environment)
    yield environment
    rbridge.forget()


def value(outcome):
    """What a function of the bridge returns, where it goes well."""
    assert outcome["ok"], outcome.get("traceback")
    return outcome["value"]


@pytest.fixture
def take(r, bridge):
    """Lay an AnnData into ``.bridge`` as R's half does, and take it from there."""
    from rpy2.robjects import FloatVector, IntVector, ListVector, StrVector

    make = r(EXPERIMENT)

    def lay(name, adata, file=None, **columns):
        x = sp.csr_matrix(adata.X if file is None else adata.shape, dtype=float)
        columns = ListVector({k: StrVector([str(v) for v in values]) for k, values in columns.items()})
        parts = IntVector(x.indices.tolist()), IntVector(x.indptr.tolist()), FloatVector(x.data.tolist())
        bridge[name] = make(*parts, adata.n_vars, adata.n_obs, StrVector(adata.var_names.tolist()), columns)
        return rbridge.take(name, file)

    return lay


@pytest.fixture(scope="module")
def small():
    """A source and a target, small."""
    return itclust.datasets.toy(60, 40, n_genes=60, n_types=4)


def of_r(value):
    """An R object as plain Python: lists, numbers, text; factors as text."""
    if hasattr(value, "levels") or "factor" in tuple(value.rclass):
        levels = list(value.levels)
        return [levels[i - 1] if i > 0 else None for i in value]
    if value.typeof.name == "VECSXP":
        return {k: of_r(v) for k, v in zip(value.names, value)}
    return list(value)


def matrix(value):
    """A numeric array of R."""
    return np.array(value).reshape(tuple(value.do_slot("dim")), order="F")


# ---------------------------------------------------------------------------------------------------------- in and out


def test_a_dataset_arrives_whole_and_can_be_written(take, small, tmp_path):
    source = small[0]
    value(take("source a", source, label=source.obs["cell_type"]))
    held = rbridge._held["source a"]
    assert (held.X != source.X).nnz == 0
    assert held.var_names.tolist() == source.var_names.tolist()
    assert held.obs_names.tolist() == [str(i) for i in range(1, 61)]
    assert held.obs["label"].tolist() == source.obs["cell_type"].tolist()
    held.write_h5ad(tmp_path / "x.h5ad")
    value(rbridge.forget())
    assert not rbridge._held


@pytest.mark.parametrize("sparse", [True, False])
def test_values_stay_in_their_file(sparse, take, small, tmp_path):
    target, path = small[1], tmp_path / "x.h5"
    x = sp.csr_matrix(target.X, dtype=float)
    with h5py.File(path, "w") as f:
        f["dense"] = x.toarray()
        for part in ("data", "indices", "indptr"):
            f[f"sparse/{part}"] = getattr(x, part)
    name = "sparse" if sparse else "dense"
    file = {"path": str(path), "name": name, "sparse": sparse, "links": str(tmp_path / "links.h5")}
    value(take("target", target, file))
    held = rbridge._held["target"].X
    assert not isinstance(held, (np.ndarray, sp.spmatrix))
    rows = held[3:9]
    assert np.array_equal(rows.toarray() if sparse else rows, x[3:9].toarray())
    outcome = take("target", target[:5], file)
    assert outcome["kind"] == "error" and not outcome["ok"]
    if not sparse:
        assert "holds (40, 60), not (5, 60)" in outcome["message"]


def test_an_answer_arrives_as_what_r_calls_such_values(bridge):
    table = pd.DataFrame(
        {"label": pd.Categorical(["B", None, "é"]), "n": np.array([1, 2, 3], "i4"), "p": np.float32(0.5)}
    )
    rbridge._held["answer"] = {
        "cells": table, "floats": table[["p"]], "cube": np.arange(24.0).reshape(2, 3, 4), "nothing": None, "empty": [],
        "large": np.array([2**40]), "yes": [True, False], "words": ["a", "b"], "deep": [{"a": 1.5}, {"a": [1, 2]}],
    }  # fmt: skip
    value(rbridge.give())
    found = bridge["answer"]
    given = dict(zip(found.names, found))
    assert of_r(given["cells"]) == {"label": ["B", None, "é"], "n": [1, 2, 3], "p": [0.5] * 3}
    assert tuple(given["cells"].rclass) == ("data.frame",)
    assert list(given["floats"].colnames) == ["p"] and matrix(given["floats"]).tolist() == [[0.5]] * 3
    assert np.array_equal(matrix(given["cube"]), np.arange(24.0).reshape(2, 3, 4))
    assert given["nothing"].typeof.name == "NILSXP" and given["empty"].typeof.name == "STRSXP"
    kinds = {k: (given[k].typeof.name, list(given[k])) for k in ("large", "yes", "words")}
    assert kinds == {"large": ("REALSXP", [2.0**40]), "yes": ("LGLSXP", [True, False]), "words": ("STRSXP", ["a", "b"])}
    assert of_r(given["deep"]) == {"1": {"a": [1.5]}, "2": {"a": [1, 2]}}
    assert not rbridge._held


# ---------------------------------------------------------------------------------------------------------------- runs


def test_a_transfer_hands_r_what_python_finds(bridge, take, annotated, monkeypatch):
    source, expected = annotated
    told, given = [], {}

    def transfer(sources, target, **options):
        given.update(options, labels=sources.obs[options["labels_key"]].tolist())
        given["progress"]("source", np.float32(0.5), "epoch 1")
        target.obs = expected.obs.set_axis(target.obs_names)
        target.uns["itclust"] = expected.uns["itclust"]
        for name, found in expected.obsm.items():
            target.obsm[name] = found.set_axis(target.obs_names) if hasattr(found, "set_axis") else found

    monkeypatch.setattr(itclust, "transfer", transfer, raising=False)
    value(take("source 1", source, label=source.obs["cell_type"]))
    value(take("target", expected))
    value(rbridge.transfer("label", progress=lambda *args: told.append(args), max_iter=1))
    assert given["labels"] == source.obs["cell_type"].tolist() and given["max_iter"] == 1
    assert told == [("source", 0.5, "epoch 1")]
    value(rbridge.give())
    answer = of_r(bridge["answer"])
    assert answer["cells"]["itclust"] == expected.obs["itclust"].tolist()
    np.testing.assert_array_equal(answer["cells"]["itclust_confidence"], expected.obs["itclust_confidence"])
    parts = dict(zip(bridge["answer"].names, bridge["answer"]))["matrices"]
    matrices = dict(zip(parts.names, parts))
    np.testing.assert_array_equal(matrix(matrices["embedding"]), expected.obsm["X_itclust"])
    types = expected.obsm["itclust_type_probabilities"]
    assert list(matrices["type_probabilities"].colnames) == list(types)
    assert answer["run"]["params"]["max_iter"] == [6] and answer["run"]["version"] == [itclust.__version__]
    assert not rbridge._held


def test_several_sources_train_one_model_that_is_applied(bridge, take, small, tmp_path):
    source, target = small
    halves, path = (source[:30], source[30:]), str(tmp_path / "m.itclust")
    for name, half in zip("ab", halves):
        value(take(f"source {name}", half, label=half.obs["cell_type"]))
    about = value(rbridge.train(path, "label", **QUICK))
    assert about["types"] == sorted(source.obs["cell_type"].unique()) and about["preset"] == "default"
    assert value(rbridge.describe(path)) == about and about["version"] == value(rbridge.version())
    value(take("target", target))
    value(rbridge.apply(path))
    found = rbridge._held["answer"]["cells"]["itclust"].astype(str).to_numpy()
    assert (found == target.obs["truth"].to_numpy()).mean() > 0.9


def test_settings_are_named_and_refused():
    assert {"n_hidden", "n_sketch"} <= set(value(rbridge.arguments("default")))
    assert value(rbridge.arguments("paper", {"steps": ["log"]})) == value(rbridge.arguments("paper"))
    outcome = rbridge.arguments("default", {"dropout": 2})
    assert (outcome["type"], outcome["message"].split(" is ")[0]) == ("TypeError", "dropout=2")


# ------------------------------------------------------------------------------------------------------ back from R


def as_r_keeps_it(target, key="itclust"):
    """The record of a run as R hands it back: plain lists."""
    run = target.uns[key]
    clusters = {k: v.astype(object).tolist() for k, v in run["clusters"].items()}
    return {
        "clusters": clusters, "cluster_names": run["clusters"].index.tolist(), "genes": list(run["genes"]),
        "types": list(target.obsm[f"{key}_type_probabilities"].columns), "version": run["version"],
        "params": {k: v[0] if isinstance(v, list) and len(v) == 1 else v for k, v in run["params"].items()},
        "history": {k: np.asarray(v).tolist() for k, v in run["history"].items() if np.ndim(v) == 1},
        "reliability": {k: v.tolist() for k, v in run["reliability"].items()},
    }  # fmt: skip


@pytest.fixture
def restored(bridge, take, annotated):
    """A source and an annotated target, taken from R with its results put back."""
    source, target = annotated
    at = results.keys("itclust")
    kept = {k: target.obs[at[k]] for k in ("label", "cluster", "initial", "level", "set")}
    value(take("target", target, **kept))
    value(take("source 1", source, label=source.obs["cell_type"]))
    held = rbridge._held["target"].obs
    for name in ("confidence", "novelty"):
        held[name] = target.obs[at[name]].to_numpy()
    arrays = {k: target.obsm[at[k]] for k in ("embedding", "probabilities", "type_probabilities")}
    arrays |= {"umap": arrays["embedding"][:, :2], "centroids": target.uns["itclust"]["history"]["centroids"]}
    bridge["arrays"] = conversion.to_r({k: np.asarray(v) for k, v in arrays.items()})
    value(rbridge.restore("itclust", as_r_keeps_it(target)))
    return source, target


def test_results_that_r_kept_are_those_that_it_was_given(restored):
    target, back = restored[1], rbridge._held["target"]
    for name in [n for n in target.obs if n.startswith("itclust")]:
        assert back.obs[name].astype(str).tolist() == target.obs[name].astype(str).tolist(), name
    for name in ("X_itclust", "itclust_probabilities", "itclust_type_probabilities"):
        np.testing.assert_allclose(np.asarray(back.obsm[name]), np.asarray(target.obsm[name]))
    assert list(back.obsm["itclust_type_probabilities"]) == list(target.obsm["itclust_type_probabilities"])
    assert back.obsm["X_umap"].shape == (target.n_obs, 2)
    run, expected = back.uns["itclust"], target.uns["itclust"]
    assert {k: list(v) if isinstance(v, tuple) else v for k, v in run["params"].items()} == {
        k: list(v) if isinstance(v, tuple) else v for k, v in expected["params"].items()
    }
    assert run["clusters"]["label"].tolist() == expected["clusters"]["label"].astype(str).tolist()
    np.testing.assert_allclose(run["reliability"], expected["reliability"])


def test_an_explanation_is_pythons(bridge, restored):
    expected = itclust.explain(*restored, n_genes=2)
    value(rbridge.explain("label", n_genes=2))
    value(rbridge.give())
    table = of_r(bridge["answer"])["table"]
    assert list(table) == list(expected) and table["gene"] == expected["gene"].tolist()
    assert not rbridge._held


@pytest.mark.parametrize("with_source", [True, False])
def test_a_report_is_written(with_source, restored, tmp_path):
    if not with_source:
        del rbridge._held["source 1"]
    value(rbridge.report(str(tmp_path / "x.html"), "label"))
    assert ("Why these labels" in (tmp_path / "x.html").read_text()) == with_source
    assert not rbridge._held


def test_lines_of_the_backend_go_past_nobody(monkeypatch, capfd):
    """They are written to file descriptor 2 while Keras is imported, and before and after nothing is lost."""
    monkeypatch.delitem(sys.modules, "keras")
    imported = []

    def import_module(name):
        imported.append(name)
        os.write(2, b"a line of the backend\n")

    monkeypatch.setattr(rbridge.importlib, "import_module", import_module)
    rbridge._load_backend()
    os.write(2, b"a line of ours\n")
    assert imported == ["keras"]
    assert capfd.readouterr().err == "a line of ours\n"
