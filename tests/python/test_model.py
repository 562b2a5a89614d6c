"""Saving, loading, and targets that lack genes."""

import dataclasses
import io
import json
import pickle
import re
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

import itclust
from itclust import modelfile
from itclust.io import arrays as io_arrays


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


@pytest.mark.parametrize("damage", ["cut", "text", "pickle", "empty"])
def test_damaged_files_are_named(fitted, tmp_path, damage):
    path = tmp_path / "m"
    fitted.save(path)
    whole = path.read_bytes()
    content = {"cut": whole[: len(whole) // 2], "text": b"hello", "pickle": pickle.dumps({"a": 1}), "empty": b""}
    path.write_bytes(content[damage])
    with pytest.raises(ValueError, match="is not an ItClust model file, or it is damaged"):
        itclust.ItClust.load(path)


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
    """Made by the code of commit 432808b, with what it answered."""
    folder = Path(__file__).parent / "data"
    _, target = itclust.datasets.toy(200, 120, n_genes=150, n_types=4)
    model = itclust.ItClust.load(folder / f"format1-{preset}.itclust")
    model.transfer(target, progress=False)
    then = np.load(folder / f"format1-{preset}.npz")
    assert (target.obs["itclust"].astype(str) == then["label"]).mean() > 0.99
    np.testing.assert_allclose(target.obs["itclust_confidence"], then["confidence"], atol=0.02)
    np.testing.assert_allclose(target.obsm["X_itclust"], then["embedding"], atol=0.02)


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


HOSTILE = {
    "a claim of 5 GB": (lambda a, h: a.update(more=np.zeros((70, 10**6), "i1")), "claim"),
    "an array too many": (lambda a, h: a.update(more=np.zeros(3)), "'more' is no part"),
    "an array too few": (lambda a, h: a.pop("coef"), "coef"),
    "a weight too few": (lambda a, h: a.pop("weights.1"), "'1' is missing"),
    "a marker beyond the genes": (lambda a, h: np.put(a["markers"], 0, 10**6), "'markers' holds"),
    "a negative marker": (lambda a, h: np.put(a["markers"], 0, -1), "'markers' holds"),
    "NaN": (lambda a, h: np.put(a["centroids"], 3, np.nan), "'centroids' holds values that are NaN"),
    "an infinite weight": (lambda a, h: np.put(a["weights.0"], 3, np.inf), "NaN or infinite"),
    "a huge weight": (lambda a, h: np.put(a["weights.0"], 3, 1e30), "'weights.0' holds"),
    "another shape": (lambda a, h: a.update(coef=a["coef"].T), "has the shape"),
    "another kind": (lambda a, h: a.update(markers=a["markers"].astype("f4")), "'markers' holds float32"),
    "a type twice": (lambda a, h: a["types"].__setitem__(1, a["types"][0]), "a name twice"),
    "types without numbers": (lambda a, h: a.update({"moments.mean": a["moments.mean"][:2]}), "has the shape"),
    "another width": (lambda a, h: h["settings"].update(n_latent=64), "has the shape"),
    "a setting out of range": (lambda a, h: h["settings"].update(batch_size=0), "batch_size=0"),
    "an unknown setting": (lambda a, h: h["settings"].update(warp=9), "setting 'warp' is unknown"),
    "an unknown preset": (lambda a, h: h.update(preset="magic"), "preset='magic' is unknown"),
    "a seed of 2^40": (lambda a, h: h.update(seed=2**40), "its seed is"),
    "a format of the future": (lambda a, h: h.update(format=99, version="9.0"), "was written by itclust '9.0'"),
    "a format below 1": (lambda a, h: h.update(format=-1), "its format is -1"),
}


def rewritten(path, change, *, seal=True):
    """The model file with another content; with a checksum of its own, as one of bad intent would have."""
    arrays = io_arrays.read(path)
    header = json.loads(str(arrays.pop("header")))
    change(arrays, header)
    if seal:
        header["sha256"] = io_arrays.checksum(arrays)
        header["arrays"] = modelfile._described(arrays)
    np.savez_compressed(path.open("wb"), header=np.array(json.dumps(header)), **arrays)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_models_are_refused(fitted, tmp_path, name):
    change, says = HOSTILE[name]
    fitted.save(tmp_path / "m")
    rewritten(tmp_path / "m", change)
    with pytest.raises(ValueError, match=re.escape(says)) as caught:
        itclust.ItClust.load(tmp_path / "m")
    assert "\n" not in str(caught.value)


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
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match="damaged"):
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
