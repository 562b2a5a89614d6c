"""AnnData, one or several, become a Dataset: once, at the gate. Nothing behind it knows AnnData."""

from __future__ import annotations

import dataclasses
import logging

import numpy as np
import scipy.sparse as sp

from itclust.data import check, naming
from itclust.data.expression import Expression, expression
from itclust.data.matching import join, match_genes, shared
from itclust.data.matrices import as_csr

log = logging.getLogger("itclust")


@dataclasses.dataclass(frozen=True, eq=False)
class Dataset:
    """Cells of one dataset.

    Attributes
    ----------
    values : linear expression values, see :class:`itclust.data.expression.Expression`.
    batch : (n,) int batch 0, 1, ... of each cell.
    types : (n_types,) str, sorted; none for a target.
    codes : (n,) int type of each cell, -1 where there is none.
    """

    values: Expression
    batch: np.ndarray
    types: np.ndarray
    codes: np.ndarray

    @property
    def genes(self) -> np.ndarray:
        """(n_genes,) str."""
        return self.values.genes

    def over(self, genes) -> Dataset:
        """The same cells over these genes, in this order; genes that are not there are zero."""
        return dataclasses.replace(self, values=self.values.over(genes))

    def cells(self, rows) -> Dataset:
        """Some cells: a mask."""
        return Dataset(self.values.cells(rows), self.batch[rows], self.types, self.codes[rows])

    def labelled(self) -> Dataset:
        """The cells that have a type."""
        return self.cells(self.codes >= 0)


def source_of(
    source, *, labels_key=None, unlabelled=(), layer=None, use_raw=False, values="auto", gene_symbols=None,
    batch_key=None, minimum=50,
) -> Dataset:  # fmt: skip
    """The labelled cells' dataset, of one AnnData or a list or dict of several; several are batches of their own.

    Parameters
    ----------
    minimum : genes that several sources must share.
    unlabelled, labels_key, layer, use_raw, values, gene_symbols, batch_key : as in :func:`itclust.transfer`.
    """
    datasets = named(source)
    labels = []
    for name, adata in datasets.items():
        check.is_anndata(adata, name)
        key = naming.labels_key(adata.obs, labels_key, name)
        if labels_key is None:
            log.info("labels are taken from obs[%r] of the %s", key, name)
        labels.append(adata.obs[key].to_numpy(dtype=object))
        naming.no_names(labels[-1], adata.obs_names, key, name)
    types, codes = naming.labels(np.concatenate(labels), unlabelled)
    parts = [_values(adata, layer, use_raw, values, gene_symbols, name) for name, adata in datasets.items()]
    batch, used = [], 0
    for name, adata in datasets.items():
        batch.append(_batch(adata, batch_key, name) + used)
        used = batch[-1].max(initial=used) + 1
    return Dataset(join(parts, minimum), np.concatenate(batch), types, codes)


def target_of(
    target, *, layer=None, use_raw=False, values="auto", gene_symbols=None, batch_key=None, draw=None
) -> Dataset:
    """The dataset of cells without labels.

    Parameters
    ----------
    draw : function of the batches (n,) that gives the sorted positions of the cells to keep from the first walk over a
        target that is not in memory; None: the first ones.
    layer, use_raw, values, gene_symbols, batch_key : as in :func:`itclust.transfer`.
    """
    check.is_anndata(target, "target")
    batch = _batch(target, batch_key, "target")
    drawn = None if draw is None else draw(batch)
    found = _values(target, layer, use_raw, values, gene_symbols, "target", drawn)
    return Dataset(found, batch, np.zeros(0, "U"), np.full(target.n_obs, -1))


def named(source) -> dict:
    """One source or several, by what messages call them."""
    if isinstance(source, list | tuple):
        source = dict(enumerate(source))
    elif not isinstance(source, dict):
        return {"source": source}
    if not source:
        msg = "source is an empty list; pass at least one AnnData."
        raise ValueError(msg)
    return {f"source {k!r}": v for k, v in source.items()}


def check_batch_key(batch_key, datasets: dict) -> None:
    """Raise unless the column is in one at least of the datasets, AnnData by name."""
    _check_in_one(batch_key, "batch_key", "obs", datasets)


def check_gene_symbols(gene_symbols, datasets: dict) -> None:
    """Raise unless the column is in ``var`` of one at least of the datasets, AnnData by name."""
    _check_in_one(gene_symbols, "gene_symbols", "var", datasets)


def _check_in_one(key, argument: str, table: str, datasets: dict) -> None:
    if key is None:
        return
    for name, adata in datasets.items():
        check.is_anndata(adata, name)
        if naming.has(getattr(adata, table), key):
            return
    naming.column(getattr(adata, table), key, argument, f"{name}.{table}")


def matched(source: Dataset, target: Dataset, minimum: int) -> tuple[Dataset, Dataset]:
    """Both with gene names that match, see :func:`itclust.data.matching.match_genes`."""
    values = match_genes(source.values, target.values, minimum)
    return tuple(dataclasses.replace(d, values=v) for d, v in zip((source, target), values, strict=True))


def matched_to(genes, target: Dataset, minimum: int) -> Dataset:
    """The target with names that match ``genes``, (n_genes,) str, as far as they do."""
    known = Expression(sp.csr_matrix((0, len(genes)), dtype=np.float32), np.asarray(genes, str))
    return dataclasses.replace(target, values=match_genes(known, target.values, minimum)[1])


def shared_genes(source: Dataset, target: Dataset) -> np.ndarray:
    """Genes of the source that the target has, in the source's order."""
    return shared(source.values, target.values)


def _batch(adata, batch_key, name: str) -> np.ndarray:
    """(n,) int batch 0, 1, ... of each cell, cells without one last; one batch where there is no such column."""
    if batch_key is None or not naming.has(adata.obs, batch_key):
        return np.zeros(adata.n_obs, int)
    codes = naming.codes(adata.obs[batch_key], batch_key, name)
    return np.where(codes < 0, codes.max() + 1, codes)


def _values(adata, layer, use_raw, values, gene_symbols, name, draw=None) -> Expression:
    matrix, genes = check.place(adata, layer, use_raw, name)
    var, place = (adata.raw.var, f"{name}'s raw.var") if use_raw else (adata.var, f"{name}'s var")
    named = gene_symbols is not None and naming.has(var, gene_symbols)
    genes = naming.symbols(
        var[gene_symbols] if named else genes, f"{place}[{gene_symbols!r}]" if named else f"{place}_names"
    )
    where = f"the {name}" + (".raw" if use_raw else f"'s layer {layer!r}" if layer else "")
    return expression(matrix, genes, values, where, lambda: _holders(adata, layer, use_raw), draw)


def _holders(adata, layer, use_raw) -> list[str]:
    """Where values without negatives lie besides the place that was asked for."""
    holders = [f"layer={k!r}" for k in adata.layers if k not in (None, layer) and _lowest(adata.layers[k]) >= 0]
    if adata.raw is not None and not use_raw and _lowest(adata.raw.X) >= 0:
        holders.append("use_raw=True")
    return holders


def _lowest(matrix):
    return as_csr(matrix[:1000]).data.min(initial=0)
