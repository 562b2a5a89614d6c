"""Expression by group: source types and target clusters over the genes that the network sees."""

from __future__ import annotations

import warnings
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp

from itclust import check, preprocess


class Profile(NamedTuple):
    """Log values of the cells of each group.

    Attributes
    ----------
    groups : (n_groups,) str.
    genes : (n_genes,) str.
    size : (n_groups,) cells.
    mean, variance, rate : (n_groups, n_genes); the rate is the share of cells with a count.
    """

    groups: np.ndarray
    genes: np.ndarray
    size: np.ndarray
    mean: np.ndarray
    variance: np.ndarray
    rate: np.ndarray

    @classmethod
    def of(cls, x: sp.csr_matrix, codes, groups, genes) -> Profile:
        """From log values (n_cells, n_genes); cells of code -1 do not count."""
        rows = np.flatnonzero(codes >= 0)
        member = sp.csr_matrix((np.ones(len(rows)), (codes[rows], rows)), (len(groups), len(codes)))
        size = np.asarray(member.sum(1)).ravel()
        n = np.maximum(size, 1)[:, None]
        squares, seen = (sp.csr_matrix((d, x.indices, x.indptr), x.shape) for d in (x.data**2, (x.data > 0) * 1.0))
        mean, square, rate = ((member @ m).toarray() / n for m in (x, squares, seen))
        variance = np.maximum(square - mean**2, 0) * n / np.maximum(n - 1, 1)
        return cls(np.asarray(groups, str), np.asarray(genes, str), size, mean, variance, rate)

    def others(self, group: int, apart=None) -> np.ndarray:
        """Mean profile (n_genes,) of the other groups, each weighing the same; ``apart``: bool, groups left out."""
        rest = np.ones(len(self.groups), bool) if apart is None else ~apart
        rest[group] = False
        rest &= self.size > 0
        return self.mean[rest].mean(0) if rest.any() else np.zeros(len(self.genes))


def of_types(source, labels_key, unlabelled=(), layer=None, use_raw=False, values="auto"):
    """Expression of the cells of one source or several, their types' codes (-1: no label), and the types."""
    parts = (
        list(source.values()) if isinstance(source, dict) else source if isinstance(source, list | tuple) else [source]
    )
    labels = [s.obs[check.labels_key(s.obs.columns, labels_key)].to_numpy(dtype=object) for s in parts]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the transfer has told of cells without a label
        types, codes, _ = check.labels(np.concatenate(labels), unlabelled)
    return preprocess.join([read(s, layer, use_raw, values, "source") for s in parts]), codes, types


def both(target, found, source=None, labels_key=None, layer=None, use_raw=False, values="auto"):
    """Profiles of the source's types (None without a source) and of the target's clusters, over the same genes.

    Parameters
    ----------
    target : AnnData.
    source : AnnData, a list or dict of them, or None.
    found : :class:`itclust.annotation.Annotation` of the target.
    labels_key, layer, use_raw, values : as in :func:`itclust.transfer`.
    """
    layers, raws, kinds = (check.pair(n, v) for n, v in (("layer", layer), ("use_raw", use_raw), ("values", values)))
    x_target = read(target, layers[1], raws[1], kinds[1], "target")
    if source is not None:
        unlabelled = [str(u) for u in found.params.get("unlabelled", ())]
        x_source, codes, types = of_types(source, labels_key, unlabelled, layers[0], raws[0], kinds[0])
        x_source, x_target = preprocess.match_genes(x_source, x_target)
        genes = preprocess.shared(x_source, x_target)
    else:
        genes = x_target.genes
    used = np.isin(np.char.upper(genes.astype(str)), np.char.upper(found.genes))
    clusters = [str(c) for c in found.clusters.index]
    place = found.cluster.cat.rename_categories(str).cat.set_categories(clusters).cat.codes.to_numpy()
    of_target = _profile(x_target.take(genes), place, clusters, used)
    return (None if source is None else _profile(x_source.take(genes), codes, types, used)), of_target


def _profile(expression, codes, groups, used) -> Profile:
    log_values = sp.csr_matrix(preprocess.lognorm(expression.x)[:, used])
    return Profile.of(log_values, codes, groups, expression.genes[used])


def read(adata, layer, use_raw, values, name) -> preprocess.Expression:
    """Linear values of a dataset."""
    check.is_anndata(adata, name)
    matrix, genes = check.place(adata, layer, use_raw, name)
    return preprocess.expression(matrix, genes, values, f"the {name}")
