"""What R calls: objects in and out by rpy2 and anndata2ri, models and answers in between.

R starts Python with reticulate, so both share one process. R lays an object into the environment ``.bridge`` of its
package; :func:`take` converts it, :func:`transfer` and :func:`train` work on it without touching R except through the
callbacks, :func:`give` lays the answer back. Nothing here returns a NumPy or pandas object through reticulate: version
1.28 cannot convert them. Every function that R calls returns a plain dict, see :func:`itclust.rbridge.conditions.outcome`;
what R is told is in ``conditions``, values of R and Python in ``conversion``.
"""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

import anndata as ad
import h5py
import numpy as np
import pandas as pd

import itclust
from itclust import results
from itclust.interrupts import held_back
from itclust.rbridge.conditions import outcome, reporter
from itclust.rbridge.conversion import array, to_r

_PACKAGE = "ItClust"
_held: dict = {}  # what was taken from R and not yet given back, by name

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def _environment():
    """Return the environment ``.bridge`` of the R package."""
    from rpy2.rinterface import baseenv

    return baseenv["get"](".bridge", envir=baseenv["getNamespace"](_PACKAGE))


@outcome
def take(name: str, file: dict | None = None) -> None:
    """Convert the SingleCellExperiment ``.bridge$<name>`` and hold it here; with its values in ``file``, see :func:`_on_disk`."""
    from anndata2ri import converter

    adata = converter.rpy2py(_environment()[name])
    adata.obs_names = adata.obs_names.astype(object)  # write_h5ad refuses pandas' "string"
    adata.var_names = adata.var_names.astype(object)
    _held[name] = adata if file is None else ad.AnnData(_on_disk(adata.shape, **file), obs=adata.obs, var=adata.var)


def _on_disk(shape, path, name, sparse, links):
    """Values in an HDF5 file, to be read slice by slice: cells are rows of a dataset, or of a group's CSR arrays.

    anndata reads such groups where they say what they are, as those of 10x Genomics do not. A file that does, ``links``, is
    written, with links to the arrays.
    """
    if not sparse:
        values = h5py.File(path, "r")[name]
    else:
        with h5py.File(links, "w") as file:
            group = file.create_group("X")
            group.attrs.update({"encoding-type": "csr_matrix", "encoding-version": "0.1.0", "shape": shape})
            for part in ("data", "indices", "indptr"):
                group[part] = h5py.ExternalLink(path, f"{name}/{part}")
        values = ad.io.sparse_dataset(h5py.File(links, "r")["X"])
    if values.shape != shape:
        msg = f"{name!r} of {path!r} holds {values.shape}, not {shape}"
        raise ValueError(msg)
    values[:1]  # what cannot be unpacked raises here
    return values


@outcome
def forget() -> None:
    """Drop everything that is held."""
    _held.clear()


@held_back()
def _load_backend():
    """Import Keras and its backend with their start-up lines, which go past R to file descriptor 2, kept away."""
    if "keras" in sys.modules:
        return
    with Path(os.devnull).open("wb") as nowhere:
        saved = os.dup(2)
        os.dup2(nowhere.fileno(), 2)
        try:
            importlib.import_module("keras")
        finally:
            os.dup2(saved, 2)
            os.close(saved)


def _sources():
    """Let go of what was taken as "source NAME": one dataset, or a dict of several."""
    names = [name for name in _held if name.startswith("source ")]
    sources = {name.removeprefix("source "): _held.pop(name) for name in names}
    return next(iter(sources.values())) if len(sources) == 1 else sources


@outcome
def transfer(labels_key, *, progress=None, key_added="itclust", **options) -> None:
    """Annotate the held target from the held source."""
    _load_backend()
    target = _held.pop("target")
    itclust.transfer(
        _sources(), target, labels_key=labels_key, progress=reporter(progress), key_added=key_added, **options
    )
    _hold_answer(target, key_added)


@outcome
def train(path, labels_key, *, genes=None, values="auto", batch_key=None, tree=None, progress=None, **options) -> dict:
    """Train on the held source, save the model at ``path`` and describe it."""
    _load_backend()
    model, place = itclust.ItClust(**options), {"values": values, "batch_key": batch_key, "tree": tree}
    model.fit(_sources(), labels_key, genes, progress=reporter(progress), **place)
    model.save(path)
    return _describe(path)


@outcome
def apply(path, *, progress=None, key_added="itclust", **options) -> None:
    """Annotate the held target with the model saved at ``path``."""
    _load_backend()
    target = _held.pop("target")
    itclust.ItClust.load(path).transfer(target, key_added, progress=reporter(progress), **options)
    _hold_answer(target, key_added)


@outcome
def describe(path) -> dict:
    """Types, number of genes and settings of a saved model."""
    return _describe(path)


def _describe(path):
    model = itclust.ItClust.load(path)
    return {
        "types": [str(t) for t in model.types],
        "genes": [str(g) for g in model.genes],
        "preset": str(model.preset),
        "version": str(itclust.__version__),
    }


@outcome
def arguments(preset, given=None) -> list:
    """Names of the settings that ``...`` may hold; those ``given`` must be usable."""
    return list(vars(itclust.settings.resolve(preset, given or {})))


@outcome
def version() -> str:
    """Version of the Python package that answers."""
    return itclust.__version__


@outcome
def explain(labels_key, *, key="itclust", **options) -> None:
    """Explain the labels of the held target, whose results :func:`restore` put back, by the held source."""
    table = itclust.explain(_sources(), _held.pop("target"), labels_key=labels_key, key=key, **options)
    _held["answer"] = {"table": table.astype({c: object for c, d in table.dtypes.items() if d.kind not in "fiub"})}


@outcome
def report(path, labels_key, *, key="itclust", **options) -> None:
    """Write the page about the held target; with the held source, where there is one."""
    target = _held.pop("target")
    source = _sources() or None
    labels_key = labels_key if source is not None else None
    itclust.report(target, path, key=key, source=source, labels_key=labels_key, **options)


@outcome
def restore(key, run) -> None:
    """Put the results that R kept back into the held target: its ``obs`` has them, arrays are in ``.bridge$arrays``.

    ``run`` is the record of the run as plain lists: ``clusters`` (columns by name), ``cluster_names``, ``types`` (names
    of the type probabilities' columns), ``params``, ``history``, ``genes``, ``version``, ``reliability`` (columns by name).
    """
    target, at = _held["target"], results.keys(key)
    given = _environment()["arrays"]
    arrays = {str(k): array(v) for k, v in zip(given.names, given)}
    cells = ("label", "cluster", "confidence", "novelty", "initial", "level", "set")
    target.obs = target.obs.rename(columns={k: at[k] for k in cells})
    names = [str(c) for c in run["cluster_names"]]
    columns = {"probabilities": names, "type_probabilities": [results.as_column(t) for t in run["types"]]}
    for kind, values in columns.items():
        target.obsm[at[kind]] = pd.DataFrame(arrays[kind], index=target.obs_names, columns=values)
    target.obsm[at["embedding"]] = arrays["embedding"]
    if "umap" in arrays:
        target.obsm["X_umap"] = arrays["umap"]
    history = {k: np.asarray(v) for k, v in run["history"].items()}
    history |= {k: arrays[k] for k in ("centroids",) if k in arrays}
    clusters = pd.DataFrame(dict(run["clusters"]), index=pd.Index(names, name="cluster"))
    genes = np.asarray(run["genes"], dtype=object)
    target.uns[at["uns"]] = {
        "params": _params(dict(run["params"])), "clusters": clusters, "history": history, "genes": genes,
        "version": run["version"],
    }  # fmt: skip
    if run.get("reliability"):
        target.uns[at["uns"]]["reliability"] = pd.DataFrame(dict(run["reliability"]), dtype=float)


def _params(params) -> dict:
    """Parameters as Python wrote them: in R, a list of one is no list."""
    lists = {k for k, v in vars(itclust.settings.resolve(params["preset"], {})).items() if isinstance(v, tuple)}
    return {k: v if k not in lists or isinstance(v, (list, tuple)) else [v] for k, v in params.items()}


def _hold_answer(target, key):
    """Keep what the core wrote under ``key``; the expression values go."""
    at, matrices = results.keys(key), ("embedding", "probabilities", "type_probabilities")
    _held["answer"] = {
        "cells": target.obs[[name for name in results.names(key)["obs"] if name in target.obs]],
        "matrices": {k: target.obsm[at[k]] for k in matrices},
        "run": target.uns[at["uns"]],
    }


@outcome
def give() -> None:
    """Lay the answer into ``.bridge$answer`` as R data."""
    _environment()["answer"] = to_r(_held.pop("answer"))
