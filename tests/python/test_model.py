"""Saving, loading, and targets that lack genes."""

import dataclasses
import io
import sys
import zipfile
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

import itclust
from itclust import modelfile

sys.path.insert(0, str(Path(__file__).parent))
from catalogue.models import rewritten


def test_save_load_same_answer(fitted, pair, annotated, tmp_path):
    fitted.save(tmp_path / "m.itclust")
    loaded = itclust.ItClust.load(tmp_path / "m.itclust")
    assert repr(loaded) == repr(fitted) and loaded.genes == fitted.genes and loaded.types == fitted.types
    loaded.transfer(pair[1], progress=False)
    pd.testing.assert_frame_equal(pair[1].obs, annotated[1].obs)


def test_paper_model_survives_too(toy, tmp_path):
    source, target = toy
    quick = {"pretrain_epochs": 6, "source_epochs": 50, "max_iter": 3}
    model = itclust.ItClust("paper", **quick).fit(source, genes=target.var_names, progress=False)
    model.save(tmp_path / "m")
    a, b = target.copy(), target.copy()
    model.transfer(a, progress=False)
    itclust.ItClust.load(tmp_path / "m").transfer(b, progress=False)
    pd.testing.assert_frame_equal(a.obs, b.obs)


def test_the_file_holds_no_pickle(fitted, tmp_path):
    fitted.save(tmp_path / "m")
    with zipfile.ZipFile(tmp_path / "m") as file:
        for name in file.namelist():
            np.load(io.BytesIO(file.read(name)), allow_pickle=False)


def test_no_model_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no model file"):
        itclust.ItClust.load(tmp_path / "none")


def test_saving_keeps_the_old_file_when_it_fails(fitted, tmp_path, monkeypatch):
    path = tmp_path / "m"
    path.write_bytes(b"old")

    def fail(*_, **__):
        raise OSError("disk full")

    monkeypatch.setattr(np, "savez_compressed", fail)
    with pytest.raises(OSError, match="disk full"):
        fitted.save(path)
    assert path.read_bytes() == b"old" and [p.name for p in tmp_path.iterdir()] == ["m"]


def test_a_target_may_lack_genes_up_to_half(fitted, pair):
    target = pair[1]
    seen = set(fitted.genes)
    some = [g for g in target.var_names if g not in seen or hash(g) is None]
    lacking = sorted(seen)[: len(seen) // 4]
    part = target[:, [g for g in target.var_names if g not in lacking]].copy()
    fitted.transfer(part, progress=False)
    assert np.mean(part.obs["itclust"].astype(str) == part.obs["truth"].astype(str)) > 0.9
    most = sorted(seen)[: int(len(seen) * 0.6)]
    with pytest.raises(ValueError, match="lacks"):
        fitted.transfer(target[:, [g for g in target.var_names if g not in most or g in some]].copy())


def test_unfitted_models_say_so(pair, tmp_path):
    model = itclust.ItClust()
    assert "not fitted" in repr(model)
    with pytest.raises(RuntimeError, match="call fit"):
        model.transfer(pair[1])
    with pytest.raises(RuntimeError, match="nothing to save"):
        model.save(tmp_path / "m")


def test_paper_needs_the_targets_genes(pair):
    with pytest.raises(ValueError, match="takes its genes from the target"):
        itclust.ItClust("paper").fit(pair[0])


def test_the_model_stays_as_it_is(fitted, pair):
    before = {k: v.copy() for k, v in modelfile._flat(fitted._fit).items()}
    fitted.transfer(pair[1], progress=False)
    for k, v in modelfile._flat(fitted._fit).items():
        np.testing.assert_array_equal(v, before[k])


@pytest.mark.parametrize("preset", ["default", "paper"])
def test_models_of_format_1_load_and_answer_the_same(preset):
    """Made by the code of commit 432808b, with what it answered on TensorFlow."""
    if preset == "default" and keras.backend.backend() != "tensorflow":
        pytest.skip("the stored answers are those of TensorFlow's random numbers")
    folder = Path(__file__).parent / "data"
    _, target = itclust.datasets.toy(200, 120, n_genes=150, n_types=4)
    model = itclust.ItClust.load(folder / f"format1-{preset}.itclust")
    model.transfer(target, progress=False)
    then = np.load(folder / f"format1-{preset}.npz")
    assert (target.obs["itclust"].astype(str) == then["label"]).mean() > 0.99
    off = target.obs["itclust_confidence"] - then["confidence"]
    z = target.obsm["X_itclust"]
    if preset == "paper":
        assert off.abs().max() < 1e-5
        np.testing.assert_allclose(z, then["embedding"], atol=1e-5)
    else:  # its minibatches are drawn otherwise since, and its components are exact
        assert abs(off.mean()) < 0.02 and off.abs().max() < 0.1
        assert np.corrcoef(z.ravel(), then["embedding"].ravel())[0, 1] > 0.95


def test_edited_settings_are_saved(fitted, tmp_path, monkeypatch):
    edited = dataclasses.replace(fitted.settings, max_iter=1, novelty=False)
    monkeypatch.setattr(fitted, "settings", edited)
    fitted.save(tmp_path / "m")
    assert itclust.ItClust.load(tmp_path / "m").settings == edited


def test_zeros_that_are_stored_do_not_count_as_detected(pair, fitted):
    source, _ = pair
    x = source.X.toarray()
    source.X = sp.csr_matrix(
        (x.ravel(), np.tile(np.arange(x.shape[1]), len(x)), np.arange(len(x) + 1) * x.shape[1]), x.shape
    )
    again = itclust.ItClust().fit(source, progress=False)
    for name, value in modelfile._flat(fitted._fit).items():
        np.testing.assert_array_equal(value, modelfile._flat(again._fit)[name])


def test_damage_is_told_from_intent(fitted, tmp_path):
    path = tmp_path / "m"
    fitted.save(path)
    rewritten(path, lambda a, h: np.put(a["centroids"], 3, 0.5), seal=False)
    with pytest.raises(ValueError, match="damaged or changed after it was written"):
        itclust.ItClust.load(path)
    fitted.save(path)
    rewritten(path, lambda a, h: a.pop("coef"))
    with pytest.raises(ValueError, match="Do not trust it"):
        itclust.ItClust.load(path)


@pytest.mark.parametrize("preset", ["default", "paper"])
def test_every_array_of_a_model_has_a_shape(fitted, preset):
    fit = fitted._fit
    if preset == "paper":
        folder = Path(__file__).parent / "data"
        fit = itclust.ItClust.load(folder / "format1-paper.itclust")._fit
    options = itclust.settings.PaperSettings() if preset == "paper" else fitted.settings
    assert set(modelfile._flat(fit)) == set(fit.shapes(options))


def test_a_header_that_is_no_python_is_named(tmp_path):
    """NumPy tries it a second time with a tokenizer, whose error is no ValueError."""
    text = b"{'descr'h'descr'h'des\n"
    with zipfile.ZipFile(tmp_path / "m", "w") as file:
        file.writestr("header.npy", b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text)
    with pytest.raises(ValueError, match="is not an ItClust model file, or it is damaged"):
        itclust.ItClust.load(tmp_path / "m")
