"""Model files that are damaged, changed, of another version or of bad intent: none loads, each says what it is."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import corpus
import numpy as np

from itclust import modelfile
from itclust.io import arrays as io_arrays


def _put(array, at, value):
    """``change`` of :func:`rewritten`: another number in an array."""
    return lambda arrays, header: np.put(arrays[array], at, value)


def _set(**values):
    return lambda arrays, header: header.update(values)


def _setting(**values):
    return lambda arrays, header: header["settings"].update(values)


def _as(name, change):
    return lambda arrays, header: arrays.update({name: change(arrays[name])})


# name -> (what is changed in arrays and header, a part of the message); sealed again, as one of bad intent would do
HOSTILE = {
    "a claim of 5 GB": (lambda a, h: a.update(more=np.zeros((70, 10**6), "i1")), "claim"),
    "an array too many": (lambda a, h: a.update(more=np.zeros(3)), "'more' is no part"),
    "an array too few": (lambda a, h: a.pop("coef"), "coef"),
    "a weight too few": (lambda a, h: a.pop("weights.1"), "'1' is missing"),
    "a marker beyond the genes": (_put("markers", 0, 10**6), "'markers' holds"),
    "a negative marker": (_put("markers", 0, -1), "'markers' holds"),
    "NaN": (_put("centroids", 3, np.nan), "'centroids' holds values that are NaN"),
    "an infinite weight": (_put("weights.0", 3, np.inf), "NaN or infinite"),
    "a huge weight": (_put("weights.0", 3, 1e30), "'weights.0' holds"),
    "another shape": (_as("coef", np.transpose), "has the shape"),
    "another kind": (_as("markers", lambda v: v.astype("f4")), "'markers' holds float32"),
    "genes as numbers": (_as("genes", lambda v: np.arange(len(v))), "'genes'"),
    "a type twice": (lambda a, h: a["types"].__setitem__(1, a["types"][0]), "a name twice"),
    "a gene twice": (lambda a, h: a["genes"].__setitem__(1, a["genes"][0]), "a name twice"),
    "types without numbers": (_as("moments.mean", lambda v: v[:2]), "has the shape"),
    "no types": (_as("types", lambda v: v[:0]), "shape"),
    "another width": (_setting(n_latent=64), "has the shape"),
    "a setting out of range": (_setting(batch_size=0), "batch_size=0"),
    "a setting of another kind": (_setting(dropout=[1]), "dropout=[1]"),
    "an unknown setting": (_setting(warp=9), "setting 'warp' is unknown"),
    "an unknown preset": (_set(preset="magic"), "preset='magic' is unknown"),
    "a preset that is a list": (_set(preset=["default"]), "is unknown"),
    "a seed of 2^40": (_set(seed=2**40), "its seed is"),
    "a seed that is text": (_set(seed="x"), "Do not trust it"),
    "settings that are a list": (_set(settings=[]), "Do not trust it"),
    "a tree beyond the types": (_set(tree={"T": [99]}), "Do not trust it"),
    "a format of the future": (_set(format=99, version="9.0"), "was written by itclust '9.0'"),
    "a format below 1": (_set(format=-1), "its format is -1"),
    "a format that is text": (_set(format="3"), "is not an ItClust model file"),
}


def _cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


def _flipped(content: bytes) -> bytes:
    at = len(content) // 2
    return content[:at] + bytes([content[at] ^ 255]) + content[at + 1 :]


DAMAGED = {
    "cut in half": (_cut, "is not an ItClust model file, or it is damaged"),
    "a byte flipped": (_flipped, "damaged"),
    "text": (lambda c: b"hello", "is not an ItClust model file"),
    "a pickle": (lambda c: pickle.dumps({"a": 1}), "is not an ItClust model file"),
    "empty": (lambda c: b"", "is not an ItClust model file"),
    "bytes after its end": (lambda c: c + b"x" * 70_000, "is not an ItClust model file"),
}
MODELS = {**HOSTILE, **DAMAGED, "changed, not sealed": (_put("centroids", 3, 0.5), "damaged or changed after")}


def of_r() -> dict:
    """Some of them, for R, which passes the file's name on: a part of the message by name."""
    return {name: MODELS[name][1] for name in list(MODELS)[::4]}


def make(name: str, folder) -> Path:
    """The model file of a case."""
    path = corpus.model(Path(folder))
    if name in DAMAGED:
        path.write_bytes(DAMAGED[name][0](path.read_bytes()))
    else:
        rewritten(path, MODELS[name][0], seal=name in HOSTILE)
    return path


def rewritten(path, change, *, seal=True):
    """The model file with another content; with a checksum of its own, as one of bad intent would have."""
    arrays = io_arrays.read(path)
    header = json.loads(str(arrays.pop("header")))
    change(arrays, header)
    if seal:
        header["sha256"] = io_arrays.checksum(arrays)
        header["arrays"] = modelfile._described(arrays)
    np.savez_compressed(path.open("wb"), header=np.array(json.dumps(header)), **arrays)
