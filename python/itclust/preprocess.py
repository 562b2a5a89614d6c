"""From the user's matrix to the values the numerics see: recognise, undo logs, match genes, normalise. Arrays only."""

from __future__ import annotations

import logging
import re
import warnings
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp

from itclust import check

log = logging.getLogger("itclust")

VALUES = ("auto", "counts", "linear", "log")
TARGET_SUM = 1e4  # counts per 10,000: what log values in the field are made of
CHUNK = 20_000  # cells read at once from a file or a Dask array


class Expression(NamedTuple):
    """Non-negative linear values of one dataset.

    Attributes
    ----------
    x : (n_cells, n_genes) float32 CSR matrix with sorted indices; counts, or values proportional to them within a cell.
    genes : (n_genes,) str, unique.
    """

    x: sp.csr_matrix
    genes: np.ndarray

    def take(self, genes) -> Expression:
        """The same cells with these genes, in this order; genes that are not there are zero."""
        genes = np.asarray(genes, dtype=str)
        where = {g: i for i, g in enumerate(self.genes)}
        index = np.array([where.get(g, -1) for g in genes])
        there = np.flatnonzero(index >= 0)
        pick = sp.csr_matrix((np.ones(len(there), np.float32), (index[there], there)), (len(self.genes), len(genes)))
        x = sp.csr_matrix(self.x @ pick)
        x.sort_indices()  # matrices that share indices with this one must not be sorted under its values
        return Expression(x, genes)


def as_csr(matrix) -> sp.csr_matrix:
    """Any matrix AnnData may hold (dense, sparse, backed, Dask) as a float32 CSR matrix, read in chunks of rows."""
    if isinstance(matrix, (np.ndarray, sp.spmatrix, sp.sparray)):
        return _floats(matrix)
    parts = [matrix[i : i + CHUNK] for i in range(0, matrix.shape[0], CHUNK)]
    return sp.csr_matrix(sp.vstack([_floats(p.compute() if hasattr(p, "compute") else p) for p in parts]))


def _floats(matrix) -> sp.csr_matrix:
    """A copy, never a view: the user's values must not change with ours."""
    x = sp.csr_matrix(matrix, dtype=np.float32, copy=True)
    x.sum_duplicates()
    return x


def expression(matrix, genes, values="auto", name="source", holders=list) -> Expression:
    """Linear values with unique genes.

    Parameters
    ----------
    matrix : (n_cells, n_genes), anything :func:`as_csr` takes.
    genes : (n_genes,) names.
    values : ``"auto"``, ``"counts"``, ``"linear"`` or ``"log"`` (natural or base 2, told apart by the counts beneath).
    name, holders : for messages; see :func:`itclust.check.values`.
    """
    check.choice("values", values, VALUES)
    x = as_csr(matrix)
    check.values(x.data, name, holders)
    kind = recognise(x) if values == "auto" else values
    base = log_base(x) if kind == "log" else None
    log.info("%s: %d cells x %d genes, %s", name, *x.shape, f"{kind} values{f' (base {base})' if base else ''}")
    if kind == "log":
        x.data = (np.expm1(x.data.astype(float)) if base == "e" else np.exp2(x.data.astype(float)) - 1).astype(
            np.float32
        )
    return _deduplicate(x, np.asarray(genes, dtype=str), kind, name)


def recognise(x: sp.csr_matrix) -> str:
    """``"counts"`` where all values are whole, ``"log"`` where none exceeds 25 (2^25 counts), else ``"linear"``."""
    data = x.data[:1_000_000]
    if np.all(data == np.round(data)):
        return "counts"
    return "log" if x.data.max() <= 25 else "linear"


def log_base(x: sp.csr_matrix, n_cells: int = 200) -> str:
    """``"2"`` where undoing a logarithm of base 2 leaves multiples of one count in each cell, and base e does not."""
    error = {"e": [], "2": []}
    for i in np.linspace(0, x.shape[0] - 1, min(n_cells, x.shape[0])).astype(int):
        row = np.unique(x.data[x.indptr[i] : x.indptr[i + 1]].astype(float))
        row = row[row > 0][:8]  # the smallest counts: 1, 2, 3, ...
        if len(row) < 3:
            continue
        for base, lin in (("e", np.expm1(row)), ("2", np.exp2(row) - 1)):
            ratio = lin / lin[0]
            error[base].append(np.abs(ratio - np.round(ratio)).mean())
    if not error["e"]:
        return "e"
    e, two = np.median(error["e"]), np.median(error["2"])
    return "2" if two < 0.01 and e > 2 * two + 0.01 else "e"


def _deduplicate(x, genes, kind, name) -> Expression:
    unique, first, inverse = np.unique(genes, return_index=True, return_inverse=True)
    if len(unique) == len(genes):
        return Expression(x, genes)
    order = np.argsort(first)  # keep the order of first appearance
    rank = np.empty(len(unique), int)
    rank[order] = np.arange(len(unique))
    how = "the first of each is kept" if kind == "log" else "their values are summed"
    warnings.warn(
        f"{len(genes) - len(unique)} gene names of the {name} are duplicates; {how}.", UserWarning, stacklevel=4
    )
    if kind == "log":
        return Expression(sp.csr_matrix(x[:, first[order]]), unique[order])
    summing = sp.csr_matrix((np.ones(len(genes), np.float32), (np.arange(len(genes)), rank[inverse])))
    x = sp.csr_matrix(x @ summing)
    x.sort_indices()
    return Expression(x, unique[order])


def match_genes(source: Expression, target: Expression) -> tuple[Expression, Expression]:
    """Both with names that match, where upper case or Ensembl ids without versions raise what is shared.

    Exact names are used unless fewer than half of the smaller set match. All genes stay; only names change.
    """
    half = min(len(source.genes), len(target.genes)) / 2
    best, how = np.isin(source.genes, target.genes).sum(), None
    if best < half:
        for text, change in (("in upper case", str.upper), ("without Ensembl versions", _unversioned)):
            n = len({change(g) for g in source.genes} & {change(g) for g in target.genes})
            if n > best:
                best, how = n, (text, change)
    if how:
        log.info("gene names are matched %s: %d are shared", how[0], best)
        source, target = (
            _deduplicate(d.x, np.array([how[1](g) for g in d.genes]), "counts", n)
            for d, n in ((source, "source"), (target, "target"))
        )
    check.shared_genes(int(best), source.genes, target.genes)
    return source, target


def _unversioned(gene: str) -> str:
    return re.sub(r"^(ENS[A-Z]*G\d+)\.\d+$", r"\1", gene)


def join(parts: list[Expression]) -> Expression:
    """All cells of several datasets over the genes that all have, in the order of the first."""
    first, *others = parts
    if not others:
        return first
    renamed = [first]
    for part in others:
        first, part = match_genes(first, part)
        renamed.append(part)
    genes = first.genes
    for part in renamed[1:]:
        genes = genes[np.isin(genes, part.genes)]
    check.shared_genes(len(genes), first.genes, renamed[-1].genes)
    renamed[0] = first
    return Expression(sp.csr_matrix(sp.vstack([part.take(genes).x for part in renamed])), genes)


def shared(source: Expression, target: Expression) -> np.ndarray:
    """Genes of the source that the target has, in the source's order."""
    return source.genes[np.isin(source.genes, target.genes)]


def lognorm(x: sp.csr_matrix, total=TARGET_SUM) -> sp.csr_matrix:
    """log(1 + value scaled to ``total`` a cell); cells without a count stay zero."""
    sums = np.asarray(x.sum(1), dtype=np.float64).ravel()
    scale = np.divide(total, sums, out=np.zeros_like(sums), where=sums > 0)
    data = np.log1p(x.data * np.repeat(scale.astype(np.float32), np.diff(x.indptr)))
    return sp.csr_matrix((data, x.indices.copy(), x.indptr.copy()), x.shape)
