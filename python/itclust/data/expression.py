"""Expression values of one dataset: on a linear scale, over any genes, walked in chunks. Arrays only."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import logging
import warnings
from collections.abc import Iterator
from functools import partial

import numpy as np
import scipy.sparse as sp

from itclust.data import check
from itclust.data.matrices import as_csr, chosen, in_memory, log_base, recognise
from itclust.data.walking import ahead, near_workers, side_by_side
from itclust.numerics.moments import TARGET_SUM, lognorm, stacked

log = logging.getLogger("itclust")

VALUES = ("auto", "counts", "linear", "log")
CHUNK = 20_000  # cells at a time
ANSWERED = 10_000  # cells at a time where several slices are under way
IN_FLIGHT = 16  # chunks that a Dask cluster answers at a time: their answers come here together


@dataclasses.dataclass(frozen=True, eq=False)
class Expression:
    """Non-negative linear values of cells over genes: counts, or values proportional to them within a cell.

    Nothing is copied before it is walked: cells and genes are chosen, and logarithms undone, chunk by chunk.

    Attributes
    ----------
    matrix : (n_matrix_cells, n_matrix_genes), as the user has it: a float32 CSR matrix, or one that stays on disk or on a
        cluster and gives slices of cells (backed, Dask).
    genes : (n_genes,) str, unique.
    pick : (n_matrix_genes, n_genes) CSR; a product with it chooses, orders and sums columns. None: all as they are.
    rows : sorted int, the cells; None: all.
    base : of the logarithm to undo, ``"e"`` or ``"2"``; None: there is none.
    drawn : some cells of a matrix that is not in memory, read when its values were checked: sorted positions, and their
        rows as they are stored.
    """

    matrix: object
    genes: np.ndarray
    pick: sp.csr_matrix | None = None
    rows: np.ndarray | None = None
    base: str | None = None
    drawn: tuple[np.ndarray, sp.csr_matrix] | None = None

    @property
    def n_cells(self) -> int:
        """Number of cells."""
        return self.matrix.shape[0] if self.rows is None else len(self.rows)

    def over(self, genes) -> Expression:
        """The same cells over these genes, in this order; genes that are not there are zero."""
        genes = np.asarray(genes, dtype=str)
        if np.array_equal(genes, self.genes):
            return self
        where = {g: i for i, g in enumerate(self.genes)}
        index = np.array([where.get(g, -1) for g in genes], int)
        there = np.flatnonzero(index >= 0)
        pick = sp.csr_matrix((np.ones(len(there), np.float32), (index[there], there)), (len(self.genes), len(genes)))
        return self._replace(pick=pick if self.pick is None else self.pick @ pick, genes=genes)

    def cells(self, rows) -> Expression:
        """Some cells: sorted positions or a mask."""
        rows = np.flatnonzero(rows) if np.asarray(rows).dtype == bool else np.asarray(rows)
        if len(rows) == self.n_cells:
            return self
        return self._replace(rows=rows if self.rows is None else self.rows[rows], drawn=None)

    def chunks(self, size=None) -> Iterator[sp.csr_matrix]:
        """Linear values of at most ``size`` (``CHUNK``) cells at a time, in order: sorted CSR without stored zeros."""
        return (self._linear(stored, rows) for stored, rows in self._stored(size or CHUNK))

    def answers(self, function, per_cell) -> Iterator:
        """``function(x, per_cell)`` of every chunk, in order; made by Dask's workers, near the values, where they are Dask's.

        Parameters
        ----------
        function : of linear values (n_chunk, n_genes) and of the part of ``per_cell`` that is theirs.
        per_cell : (n_cells,) array.
        """
        apart = dataclasses.replace(self, matrix=None, rows=None, drawn=None)  # what a worker needs of this
        if not hasattr(self.matrix, "dask"):
            yield from side_by_side(partial(_answer, function, apart), self._tasks(per_cell))
            return
        import dask

        tasks = self._tasks(per_cell)
        while few := [dask.delayed(_answer)(function, apart, *task) for task in itertools.islice(tasks, IN_FLIGHT)]:
            yield from dask.compute(*few)

    def _tasks(self, per_cell) -> Iterator[tuple]:
        """Slices as they are stored, which cells of them, and the part of ``per_cell`` that is theirs."""
        start = 0
        for stored, rows in self._stored(ANSWERED):
            n = stored.shape[0] if rows is None else len(rows)
            yield stored, rows, per_cell[start : start + n]
            start += n

    def _linear(self, stored, rows) -> sp.csr_matrix:
        """Linear values of the cells ``rows`` (None: all) of a slice as it is stored."""
        x = as_csr(stored) if rows is None else as_csr(stored)[rows]
        if self.base is not None:
            data = x.data.astype(float)
            data = np.expm1(data) if self.base == "e" else np.exp2(data) - 1
            x = sp.csr_matrix((data.astype(np.float32), x.indices, x.indptr), x.shape)
        if self.pick is not None:
            x = chosen(x, self.pick)
        return x

    def _stored(self, size) -> Iterator[tuple]:
        """Slices as they are stored, and which cells of them."""
        if in_memory(self.matrix):
            for start in range(0, self.n_cells, size):
                rows = slice(start, start + size) if self.rows is None else self.rows[start : start + size]
                yield (self.matrix if self.rows is None and size >= self.n_cells else self.matrix[rows]), None
            return
        yield from self._in_order(size) if hasattr(self.matrix, "dask") else ahead(self._in_order(size))

    def _in_order(self, size) -> Iterator[tuple]:
        """What is not in memory is read in its own order."""
        for start in range(0, self.matrix.shape[0], size):
            rows = None if self.rows is None else self.rows[slice(*np.searchsorted(self.rows, [start, start + size]))]
            if rows is None or len(rows):
                yield self.matrix[start : start + size], None if rows is None else rows - start

    def whole(self) -> sp.csr_matrix:
        """Linear values of all cells: (n_cells, n_genes)."""
        return stacked(self.chunks(), len(self.genes))

    def some(self, rows) -> sp.csr_matrix:
        """Linear values of some cells, sorted positions: (len(rows), n_genes). What was drawn is not read again."""
        if self.drawn is not None and np.array_equal(rows, self.drawn[0]):
            return self._linear(self.drawn[1], None)
        return stacked(self.cells(rows).answers(_itself, rows), len(self.genes))

    def held(self) -> Expression:
        """The same in memory, read once: for what is walked many times."""
        return self if in_memory(self.matrix) else Expression(self.whole(), self.genes)

    def logged(self, total=TARGET_SUM) -> Logged:
        """log(1 + value scaled to ``total`` a cell), to be walked."""
        return Logged(self, total)

    def _replace(self, **changes) -> Expression:
        return dataclasses.replace(self, **changes)


@dataclasses.dataclass(frozen=True, eq=False)
class Logged:
    """Log values of an :class:`Expression`; each walk takes them in the same chunks, a small dataset is kept."""

    linear: Expression
    total: float

    def __iter__(self) -> Iterator[sp.csr_matrix]:
        if self.linear.n_cells <= CHUNK:
            return iter([self._only] if self.linear.n_cells else [])
        return (lognorm(x, self.total) for x in self.linear.chunks())

    @functools.cached_property
    def _only(self) -> sp.csr_matrix:
        return lognorm(self.linear.whole(), self.total)

    def over(self, columns) -> sp.csr_matrix:
        """All cells over some genes, column numbers: (n_cells, n_columns)."""
        return stacked((sp.csr_matrix(x[:, columns]) for x in self), len(columns))

    def whole(self) -> sp.csr_matrix:
        """All cells over all genes."""
        return stacked(self, len(self.linear.genes))


def _answer(function, values: Expression, stored, rows, per_cell):
    return function(values._linear(stored, rows), per_cell)


def _itself(x, _) -> sp.csr_matrix:
    """What :meth:`Expression.some` asks of each chunk."""
    return x


def _seen(x, keep=None) -> tuple:
    """The values that are no expression, the largest, the lowest and the highest column, and the cells ``keep`` (a mask)."""
    odd = x.data[~((x.data >= 0) & np.isfinite(x.data))]
    return odd, x.data.max(initial=0), x.indices.min(initial=0), x.indices.max(initial=0), keep is not None and x[keep]


def expression(matrix, genes, values="auto", name="source", holders=list, draw=None) -> Expression:
    """Values with unique genes, checked and recognised, in one walk.

    Parameters
    ----------
    matrix : (n_cells, n_genes): dense, sparse, backed or a Dask array. What lies in columns (CSC) is read into memory.
    genes : (n_genes,) names.
    values : ``"auto"``, ``"counts"``, ``"linear"`` or ``"log"`` (natural or base 2, told apart by the counts beneath).
    name, holders : for messages; see :func:`itclust.data.check.values`.
    draw : sorted positions of cells that are kept where the matrix is not in memory; None: the first ones.
    """
    check.choice("values", values, VALUES)
    on_disk = not in_memory(matrix) and getattr(matrix, "format", "csr") != "csc"
    matrix = near_workers(matrix, ANSWERED) if on_disk else as_csr(matrix)
    genes = np.asarray(genes, dtype=str)
    walked = Expression(matrix, genes)
    if in_memory(matrix):
        drawn, seen = None, [_seen(matrix)]
    else:
        drawn = np.arange(min(CHUNK, walked.n_cells)) if draw is None else draw
        seen = walked.answers(_seen, np.isin(np.arange(walked.n_cells), drawn))
    largest, kept = 0.0, []
    for odd, most, low, high, some in seen:
        check.columns(low, high, matrix.shape[1], name)  # whoever follows an index that leads out of a matrix is lost
        check.values(odd, name, holders)
        largest = max(largest, most)
        kept.append(some)
    first = matrix if drawn is None else stacked(kept, len(genes))
    check.not_empty(largest, name)
    kind = recognise(first, largest) if values == "auto" else values
    check.is_log(kind, largest, name)
    base = log_base(first) if kind == "log" else None
    log.info("%s: %d cells x %d genes, %s", name, *matrix.shape, f"{kind} values{f' (base {base})' if base else ''}")
    found = Expression(matrix, genes, base=base, drawn=None if drawn is None else (drawn, first))
    return deduplicated(found, genes, kind, name)


def deduplicated(x: Expression, genes, kind="counts", name=None) -> Expression:
    """``x`` with the names ``genes``, each once: values of duplicates are summed, or the first kept (``kind="log"``).

    Genes whose name is blank are left out.

    Parameters
    ----------
    name : of the dataset, for the warning; None: nothing is said.
    """
    named = np.flatnonzero(genes != "")
    unique, first, inverse = np.unique(genes[named], return_index=True, return_inverse=True)
    if len(unique) == len(genes):
        return x._replace(genes=genes)
    order = np.argsort(first)  # keep the order of first appearance
    if name is not None and len(named) < len(genes):
        log.info("%d genes of %s have no name and are left out", len(genes) - len(named), name)
    if name is not None and len(unique) < len(named):
        how = "the first of each is kept" if kind == "log" else "their values are summed"
        n = len(named) - len(unique)
        what = check.counted(n, f"gene name of {name} is a duplicate", f"gene names of {name} are duplicates")
        warnings.warn(f"{what}; {how}.", UserWarning, stacklevel=4)
    rank = np.argsort(order)
    kept = first[order] if kind == "log" else np.arange(len(named))
    ones, shape = np.ones(len(kept), np.float32), (len(genes), len(unique))
    pick = sp.csr_matrix((ones, (named[kept], rank[inverse[kept]])), shape)
    return x._replace(pick=pick if x.pick is None else sp.csr_matrix(x.pick @ pick), genes=unique[order])
