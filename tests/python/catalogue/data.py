"""Names, labels and values of odd kinds, in memory: the right answer or one line, before the work starts.

Each case changes a copy of :func:`pair`. What becomes of it: ``refused``; ``same``, where the recipe sees what it sees of
the pair as it was, to the bit; ``taken`` or ``warned``, where it sees something else, and rightly.
"""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy.sparse as sp

import itclust

EVERY, FILES, MEMORY = ("python", "shell", "r"), ("python", "shell"), ("python",)  # R meets one of each kind
ENSEMBL = [f"ENSG{i:011d}" for i in range(60)]


@dataclass(frozen=True)
class Case:
    """``change(source, target)`` changes both and returns keywords; ``doors``: through which such data can come."""

    area: str
    change: Callable
    becomes: str
    says: str = ""
    doors: tuple[str, ...] = EVERY


@functools.cache
def _toy():
    return itclust.datasets.toy(60, 40, n_genes=60, n_types=4)


def pair():
    """A source and a target, small, of four types."""
    source, target = (a.copy() for a in _toy())
    del target.obs["cell_type"]
    return source, target


def changed(name: str):
    """Source, target and keywords of a case."""
    source, target = pair()
    return source, target, DATA[name].change(source, target) or {}


def arrays(name: str) -> dict:
    """A case as R takes it, in plain lists: values (column by column of genes x cells), names of both, labels."""
    source, target, keywords = changed(name)
    made = {"labels": [str(v) for v in source.obs["cell_type"]], "keywords": keywords}
    for where, a in (("source", source), ("target", target)):
        x = a.X.toarray() if sp.issparse(a.X) else np.asarray(a.X)
        made[where] = {
            "x": x.astype(float).ravel().tolist(),
            "genes": [str(g) for g in a.var_names],
            "cells": [str(c) for c in a.obs_names],
        }
    return made


# ------------------------------------------------------------------------------------------------------------- genes


def _genes(of_source=None, of_target=None):
    """Another name for each gene."""

    def change(source, target):
        for adata, new in ((source, of_source), (target, of_target)):
            if new is not None:
                adata.var.index = pd.Index([new(g) for g in adata.var_names], dtype=object)

    return change


def _numbered(name):
    """Ensembl ids in place of names, by ``name(i, id)``."""

    def change(source, target):
        source.var_names = ENSEMBL
        target.var_names = [name(i, g) for i, g in enumerate(ENSEMBL)]

    return change


def _some_genes(value):
    def change(source, target):
        names = list(source.var_names)
        names[:2] = [value, value]
        source.var.index = pd.Index(names, dtype=object)

    return change


def _twice(source, target):
    target.var.index = pd.Index([*target.var_names[:-2], *target.var_names[:2]])


def _arrow(values):
    try:
        return pd.array(values, dtype="string[pyarrow]")
    except ImportError:
        return pd.array(values, dtype="string[python]")


def _names(make):
    def change(source, target):
        for adata in (source, target):
            adata.var.index = pd.Index(make(list(adata.var_names)))
            adata.obs.index = pd.Index(make(list(adata.obs_names)))

    return change


DATA = {
    "genes: blanks at their ends": Case("names of genes", _genes(lambda g: f" {g}  "), "same"),
    "genes: in lower case": Case("names of genes", _genes(str.lower), "same", doors=FILES),
    "genes: in lower case in the target": Case("names of genes", _genes(None, str.lower), "same"),
    "genes: as in the mouse": Case("names of genes", _genes(None, str.capitalize), "same", doors=FILES),
    "genes: with versions": Case("names of genes", _numbered(lambda i, g: f"{g}.{i % 9}"), "same", doors=FILES),
    "genes: after GRCh38_": Case("names of genes", _genes(None, lambda g: f"GRCh38_{g}"), "same", doors=FILES),
    "genes: after hg19_": Case("names of genes", _genes(lambda g: f"hg19_{g}"), "same", doors=FILES),
    "genes: after mm10___": Case("names of genes", _genes(None, lambda g: f"mm10___{g}"), "same", doors=FILES),
    "genes: ids here, symbols there": Case("names of genes", _genes(lambda g: ENSEMBL[len(g)] + g), "refused", "look like Ensembl ids"),
    "genes: of another kind": Case("names of genes", _genes(lambda g: f"feature:{g}"), "refused", "share 0 genes", FILES),
    "genes: numbers": Case("names of genes", lambda s, t: setattr(s, "var_names", [str(i) for i in range(60)]), "refused", "look like numbers", FILES),
    "genes: all blank": Case("names of genes", _genes(lambda g: " "), "refused", "there is no gene to match"),
    "genes: two blank": Case("names of genes", _some_genes(""), "taken", doors=FILES),
    "genes: two missing": Case("names of genes", _some_genes(np.nan), "taken", doors=MEMORY),
    "genes: two None": Case("names of genes", _some_genes(None), "taken", doors=MEMORY),
    "genes: two names twice": Case("names of genes", _twice, "warned", "2 gene names of the target are duplicates"),
    "names: pandas' strings": Case("names of genes", _names(lambda v: pd.array(v, dtype="string")), "same", doors=MEMORY),
    "names: Arrow's strings": Case("names of genes", _names(_arrow), "same", doors=MEMORY),
    "names: categories": Case("names of genes", _names(pd.CategoricalIndex), "same", doors=MEMORY),
}  # fmt: skip

# ------------------------------------------------------------------------------------------------------------- cells


def _cells(make):
    def change(source, target):
        target.obs.index = pd.Index(make(len(target)))

    return change


DATA |= {
    "cells: one name for all": Case("names of cells", _cells(lambda n: ["a"] * n), "same", doors=FILES),
    "cells: missing names": Case("names of cells", _cells(lambda n: ["a", None, np.nan, *map(str, range(n - 3))]), "same", doors=MEMORY),
    "cells: numbers that are no text": Case("names of cells", lambda s, t: setattr(t.obs, "index", pd.RangeIndex(len(t))), "refused",
                                            "target.obs_names.astype(str)", MEMORY),
    "cells: dates": Case("names of cells", lambda s, t: setattr(t.obs, "index", pd.date_range("2020", periods=len(t))), "refused",
                         "target.obs_names.astype(str)", MEMORY),
    "cells: numbers": Case("names of cells", _cells(lambda n: [str(i) for i in range(n)]), "same", doors=FILES),
    "cells: in another alphabet": Case("names of cells", _cells(lambda n: [f"клетка {i}" for i in range(n)]), "same"),
    "cells: an index by the name of the results": Case(
        "names of cells", lambda s, t: setattr(t.obs.index, "name", "itclust"), "refused", "the name of target.obs's index", FILES),
}  # fmt: skip

# ------------------------------------------------------------------------------------------------------------ labels


def _labels(change):
    """Another column of labels, of the labels as an array of objects."""

    def of_source(source, target):
        source.obs["cell_type"] = change(source.obs["cell_type"].astype(str).to_numpy(dtype=object))

    return of_source


def _renamed(**new):
    """Labels of the source's types in order, A to D, under other names."""

    def change(label):
        types = sorted(set(label))
        of = {t: new.get("ABCD"[i], t) for i, t in enumerate(types)}
        return [of[t] for t in label]

    return _labels(change)


def _first(value):
    return _labels(lambda v: [value, *v[1:]])


DATA |= {
    "label: novel": Case("labels", _renamed(A="novel"), "refused", "'novel' has the form kept", FILES),
    "label: novel 3": Case("labels", _renamed(B="novel 3"), "refused", "'novel 3' has the form kept", FILES),
    "label: Novel": Case("labels", _renamed(A="Novel"), "taken", doors=FILES),
    "labels: A/B beside A|B": Case("labels", _renamed(A="A/B", B="A|B"), "refused", "would have one name in files"),
    "labels: A/B": Case("labels", _renamed(A="A/B"), "same", doors=FILES),
    "labels: math": Case("labels", _renamed(A="$B_2$ cell"), "same", doors=FILES),
    "labels: a superscript digit": Case("labels", _renamed(A="A2²"), "same", doors=FILES),
    "labels: another alphabet": Case("labels", _renamed(A="А-клетка"), "taken"),
    "labels: HTML": Case("labels", _renamed(A="<script>alert(1)</script>"), "same", doors=FILES),
    "labels: a command": Case("labels", _renamed(A="; rm -rf /"), "same", doors=FILES),
    "labels: an escape": Case("labels", _renamed(A="A\x1b[2J"), "same"),
    "labels: half a letter": Case("labels", _renamed(A="A\ud800"), "refused", "which no file keeps", MEMORY),
    "labels: 5,000 letters": Case("labels", _renamed(A="A" * 5000), "same", doors=FILES),
    "labels: blanks at their ends": Case("labels", _labels(lambda v: [f"{t} " if i % 2 else t for i, t in enumerate(v)]), "warned",
                                         "blanks at their ends only"),
    "labels: one missing": Case("labels", _first(None), "warned", "1 source cell without a label", FILES),
    "labels: one blank": Case("labels", _first("  "), "warned", "1 source cell without a label", FILES),
    "labels: all missing": Case("labels", _labels(lambda v: pd.Categorical([None] * len(v))), "refused", "no label at all", FILES),
    "labels: all the same": Case("labels", _labels(lambda v: ["B"] * len(v)), "refused", "only one type, 'B'"),
    "labels: the cells' names": Case("labels", lambda s, t: s.obs.__setitem__("cell_type", s.obs_names), "refused", "holds the names of the cells"),
    "labels: a measurement": Case("labels", _labels(lambda v: np.arange(len(v)) / 7), "refused", "different fractions", FILES),
    "labels: lists": Case("labels", _labels(lambda v: [[t] for t in v]), "refused", "a list: one value a cell", MEMORY),
    "labels: sets": Case("labels", _labels(lambda v: [{t} for t in v]), "refused", "a set: one value a cell", MEMORY),
    "labels: whole numbers": Case("labels", _labels(lambda v: np.unique(v.astype(str), return_inverse=True)[1]), "same", doors=FILES),
    "labels: nullable numbers": Case("labels", _labels(lambda v: pd.array([None, *np.unique(v.astype(str), return_inverse=True)[1][1:]], "Int64")),
                                     "warned", "1 source cell without a label", FILES),
    "labels: pandas' strings": Case("labels", _labels(lambda v: pd.array([None, *v[1:]], dtype="string")), "warned", "without a label", MEMORY),
    "labels: Arrow's strings": Case("labels", _labels(_arrow), "same", doors=MEMORY),
    "labels: yes and no": Case("labels", _labels(lambda v: v == v[0]), "taken", doors=FILES),
    "labels: a column that is not there": Case("labels", lambda s, t: {"labels_key": "type"}, "refused", "'type' is not a column", FILES),
    "labels: a list of columns": Case("labels", lambda s, t: {"labels_key": ["cell_type"]}, "refused", "['cell_type'] is not a column", MEMORY),
    "labels: a column named by a number": Case("labels", lambda s, t: (s.obs.__setitem__(5, s.obs.pop("cell_type")), {"labels_key": 5})[1], "same", doors=MEMORY),
    "labels: two columns of one name": Case("labels", lambda s, t: (setattr(s, "obs", pd.concat([s.obs, s.obs], axis=1)), {"labels_key": "cell_type"})[1],
                                            "refused", "names 2 columns", MEMORY),
    "obs of the source: columns of two levels": Case("labels", lambda s, t: setattr(s.obs, "columns", pd.MultiIndex.from_tuples([("a", c) for c in s.obs])),
                                                     "refused", "no label column was recognised", MEMORY),
    "obs of the target: columns of two levels": Case("labels", lambda s, t: setattr(t.obs, "columns", pd.MultiIndex.from_tuples([("a", c) for c in t.obs])),
                                                     "refused", "columns of several levels", MEMORY),
}  # fmt: skip

# ------------------------------------------------------------------------------------------------------------ values


def _values(change, where="target"):
    def of_one(source, target):
        adata = {"source": source, "target": target}[where]
        adata.X = change(np.asarray(adata.X.todense(), dtype=np.float64))

    return of_one


def _at(value):
    def change(x):
        x[3, 4] = value
        return x

    return _values(change)


def _keywords(**keywords):
    return lambda source, target: keywords


def _backed(source, target):
    """The target with its values left in a file, as ``read_h5ad(backed="r")`` gives it."""
    with tempfile.TemporaryDirectory() as folder:  # what is open stays readable
        target.filename = f"{folder}/x.h5ad"
    return {"copy": True}


def _with(table, column, values):
    """A column of ``obs`` of the target, and keywords that name it."""

    def change(source, target):
        target.obs[column] = values(len(target))
        return {table: column}

    return change


DATA |= {
    "values: NaN": Case("values", _at(np.nan), "refused", "NaN, infinite or beyond 3e38", FILES),
    "values: infinite": Case("values", _at(np.inf), "refused", "NaN, infinite or beyond 3e38", FILES),
    "values: 1e300": Case("values", _at(1e300), "refused", "NaN, infinite or beyond 3e38", FILES),
    "values: below zero": Case("values", _at(-1.0), "refused", "holds negative values"),
    "values: zeros only": Case("values", _values(np.zeros_like), "refused", "zeros only", FILES),
    "values: 1e-310": Case("values", _values(lambda x: x * 1e-310), "refused", "zeros only", FILES),
    "values: 1e-42": Case("values", _values(lambda x: x * 1e-42), "refused", "no value above", FILES),
    "values: text": Case("values", _values(lambda x: np.full(x.shape, "a", object)), "refused", "of kind str", MEMORY),
    "values: complex": Case("values", _values(lambda x: x.astype(complex)), "refused", "of kind complex128", MEMORY),
    "values: numbers as objects": Case("values", _values(lambda x: x.astype(object)), "same", doors=MEMORY),
    "values: masked": Case("values", _values(lambda x: np.ma.masked_array(x, False)), "same", doors=MEMORY),
    "values: yes and no": Case("values", _values(lambda x: x > 0), "taken", doors=FILES),
    "values: dense": Case("values", _values(lambda x: x), "same", doors=FILES),
    "values: whole numbers": Case("values", _values(lambda x: x.astype(np.int32)), "same", doors=FILES),
    "values: columns": Case("values", _values(sp.csc_matrix), "same", doors=FILES),
    "values: none": Case("values", lambda s, t: setattr(t, "X", None), "refused", "target.X is empty", MEMORY),
    "values: said to be logs, and are counts": Case("values", lambda s, t: (setattr(t, "X", t.X * 100), {"values": "log"})[1], "refused",
                                                    "values='log', but the", FILES),
    "no cells": Case("values", lambda s, t: t._inplace_subset_obs([]), "refused", "target is empty: it has 0 cells", FILES),
    "no genes": Case("values", lambda s, t: t._inplace_subset_var([]), "refused", "target is empty", FILES),
    "a layer that is not there": Case("arguments", _keywords(layer="x"), "refused", "'x' is not a layer", FILES),
    "a layer that is a list": Case("arguments", _keywords(layer=[["a"], ["b"]]), "refused", "is not a layer", MEMORY),
    "values of an unknown kind": Case("arguments", _keywords(values="tpm"), "refused", "values='tpm' is unknown", FILES),
    "batch_key: a list": Case("arguments", _keywords(batch_key=["a"]), "refused", "['a'] is not a column", MEMORY),
    "batch_key: a column of lists": Case("arguments", _with("batch_key", "b", lambda n: [[i % 2] for i in range(n)]), "refused", "holds lists or the like", MEMORY),
    "batch_key: missing for all": Case("arguments", _with("batch_key", "b", lambda n: pd.Categorical([None] * n)), "same", doors=FILES),
    "batch_key: not there": Case("arguments", _keywords(batch_key="b"), "refused", "'b' is not a column", FILES),
    "clusters_key: a list": Case("arguments", _keywords(clusters_key=["a"]), "refused", "['a'] is not a column", MEMORY),
    "gene_symbols: a list": Case("arguments", _keywords(gene_symbols=["a"]), "refused", "['a'] is not a column", MEMORY),
    "tree: a number": Case("arguments", _keywords(tree=5), "refused", "tree=5 is not usable", MEMORY),
    "preset: a list": Case("arguments", _keywords(preset=["default"]), "refused", "preset=['default'] is unknown", MEMORY),
    "copy: a word": Case("arguments", _keywords(copy="no"), "refused", "copy='no' is unknown", MEMORY),
    "copy: of a backed target": Case("arguments", _backed, "refused", "copy=True of a target whose values are in a file", MEMORY),
    "novelty: a word": Case("arguments", _keywords(novelty="no"), "refused", "novelty='no' is not usable", MEMORY),
    "progress: a number": Case("arguments", _keywords(progress=5), "refused", "progress=5 is not usable", MEMORY),
    "progress: a function of one argument": Case("arguments", _keywords(progress=lambda a: None), "refused", "(stage, fraction, message)", MEMORY),
}  # fmt: skip
