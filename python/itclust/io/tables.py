"""csv and tsv: a matrix of text with the names of cells on one side and of genes on the other."""

from __future__ import annotations

import csv
import itertools
import logging
import re
import warnings
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from scipy import sparse

from itclust.io.lines import Guarded, guarded_text
from itclust.io.orientation import rows_are_cells
from itclust.io.recognise import Unreadable

logger = logging.getLogger("itclust")

_PEEK = 50  # rows that decide what is text
_VALUES_AT_ONCE = 4_000_000
_WIDEST = 400_000  # columns: the parser takes some kilobytes for each
_DENSE = 0.5  # share of non-zeros above which CSR saves nothing
# What stands above a column of names, also where these are numbers.
_INDEX = re.compile(
    r"|unnamed: 0|(.*[ _.-])?(index|cell|barcode|gene|symbol|id|name|row)s?|(cell|gene)_?(id|name)s?",
    re.IGNORECASE,
)
# Columns that describe a cell, also where they hold numbers.
_COLUMNS_OF_CELLS = (
    "cell_type celltype cell.type label labels cluster clusters seurat_clusters leiden louvain batch donor sample "
    "tissue tech orig.ident n_counts n_genes ncount_rna nfeature_rna percent_mito percent.mt pct_counts_mt "
    "total_counts n_genes_by_counts"
)
_OF_CELLS = frozenset(_COLUMNS_OF_CELLS.split())


@dataclass
class _Layout:
    """What the first rows of a table say about it."""

    delimiter: str
    columns: list[str]
    named_rows: bool
    text_columns: list[int] = field(default_factory=list)
    text_rows: dict[int, list[str]] = field(default_factory=dict)  # line number -> its fields


def read_table(path: Path):
    """AnnData of a table in either orientation; columns and rows of text become ``obs`` or ``var``."""
    import anndata
    import pandas as pd

    layout = _look(path)
    x, rows, row_notes = _parse(path, layout)
    columns = [c for j, c in enumerate(layout.columns) if j not in layout.text_columns]
    column_notes = pd.DataFrame(index=pd.Index(columns, dtype=object))
    for fields in layout.text_rows.values():
        column_notes[fields[0]] = [v for j, v in enumerate(fields[1:]) if j not in layout.text_columns]
    _check_text(path, rows, layout.columns, row_notes.to_numpy().ravel(), column_notes.to_numpy().ravel())
    if _rows_are_cells(path, rows, columns, row_notes):
        return anndata.AnnData(X=x, obs=row_notes, var=column_notes)
    return anndata.AnnData(X=x.T.tocsr() if sparse.issparse(x) else x.T.copy(), obs=column_notes, var=row_notes)


def _rows_are_cells(path: Path, rows, columns, row_notes) -> bool:
    by_names = rows_are_cells(rows, columns)
    how = "by their names"
    if by_names is None and any(str(c).lower() in _OF_CELLS for c in row_notes):
        by_names, how = True, "by the columns that describe them"
    if by_names is None:
        logger.info(
            "%s: the names do not say which side is which; rows are taken as cells, as in AnnData. "
            "If they are genes, use itclust.read(path).T",
            path.name,
        )
        return True
    logger.info("%s: rows are %s, recognised %s", path.name, "cells" if by_names else "genes", how)
    return by_names


def _look(path: Path) -> _Layout:
    with guarded_text(path) as text:
        lines = list(itertools.islice(text, _PEEK + 1))
    delimiter = max("\t,; ", key=lines[0].count)
    if lines[0].count(delimiter) > _WIDEST:
        msg = f"{path} has more than {_WIDEST:,} columns in its first line. Keep a matrix of that size as h5ad or mtx."
        raise Unreadable(msg)
    header, *body = (row for row in csv.reader(lines, delimiter=delimiter) if row)
    if not body:
        msg = f"{path} has one line only: no cell and no gene to read."
        raise Unreadable(msg)
    no_corner = len(header) == len(body[0]) - 1
    decimal = "," if delimiter == ";" else "."
    first = [row[0] for row in body]
    named_rows = no_corner or _is_index(header[0], first, decimal)
    layout = _Layout(delimiter, header if no_corner or not named_rows else header[1:], named_rows)
    _find_text(layout, [row[1:] if named_rows else row for row in body], first, decimal)
    n_numeric = len(layout.columns) - len(layout.text_columns)
    if not n_numeric or len(layout.text_rows) == len(body):
        hint = " For the files of a 10x folder, pass the folder." if _is_part_of_10x(path) else ""
        msg = f"{path} holds no numbers to read: it begins with {lines[0].strip()[:40]!r}.{hint}"
        raise Unreadable(msg)
    if not named_rows and all(_is_number(c, decimal) for c in header):
        msg = f"{path} names neither genes nor cells: its first line is numbers. Add a line with the names."
        raise Unreadable(msg)
    return layout


def _is_index(corner: str, first_column: list[str], decimal: str) -> bool:
    if corner.lower() in _OF_CELLS:
        return False
    return bool(_INDEX.fullmatch(corner)) or not all(_is_number(v, decimal) for v in first_column)


def _find_text(layout: _Layout, body: list[list[str]], names: list[str], decimal: str) -> None:
    is_text = [[not _is_number(v, decimal) for v in row] for row in body]
    for j, column in enumerate(layout.columns):
        share = np.mean([row[j] for row in is_text if j < len(row)] or [True])
        if share > 0.5 or column.lower() in _OF_CELLS:
            layout.text_columns.append(j)
    numeric = set(range(len(layout.columns))) - set(layout.text_columns)
    for i, row in enumerate(is_text):
        if np.mean([v for j, v in enumerate(row) if j in numeric] or [False]) > 0.5:
            layout.text_rows[i + 1] = [names[i], *body[i]]


def _parse(path: Path, layout: _Layout):
    import pandas as pd

    n_names = int(layout.named_rows)
    notes = [j + n_names for j in layout.text_columns]
    numeric = [j + n_names for j in range(len(layout.columns)) if j not in layout.text_columns]
    options = {
        "sep": layout.delimiter,
        "header": None,
        "names": range(n_names + len(layout.columns)),
        "skiprows": [0, *layout.text_rows],
        "dtype": dict.fromkeys(numeric, np.float32),
        "converters": {0: str} if n_names else None,
        "decimal": "," if layout.delimiter == ";" else ".",
        "chunksize": max(1, _VALUES_AT_ONCE // len(numeric)),
        "encoding_errors": "replace",
        "index_col": False,
    }
    blocks, rows, frames = [], [], []
    with Guarded(path) as stream:
        for chunk in _chunks(path, layout, pd.read_csv(stream, **options)):
            values = chunk[numeric].to_numpy()
            rows += chunk[0].tolist() if n_names else [str(i) for i in chunk.index]
            _check_ends(path, values, rows)
            blocks.append(sparse.csr_matrix(values) if np.mean(values != 0) <= _DENSE else values)
            frames.append(chunk[notes])
        _check_last(path, stream)
    row_notes = pd.concat(frames).set_axis([layout.columns[j] for j in layout.text_columns], axis=1)
    row_notes.index = pd.Index(rows, dtype=object)
    return _stack(blocks), rows, row_notes


def _chunks(path: Path, layout: _Layout, chunks):
    try:
        yield from chunks
    except ValueError as error:
        if "could not convert" not in str(error):
            raise
        msg = f"{path} has {_first_word(path, layout)}, among numbers. Correct it there."
        raise Unreadable(msg) from error


def _first_word(path: Path, layout: _Layout) -> str:
    offset, decimal = int(layout.named_rows), "," if layout.delimiter == ";" else "."
    with guarded_text(path) as text:
        for i, row in enumerate(csv.reader(text, delimiter=layout.delimiter)):
            for j, value in enumerate(row[offset:] if i and i not in layout.text_rows else ()):
                if j not in layout.text_columns and not _is_number(value, decimal):
                    return f"{value!r} in line {i + 1}, column {layout.columns[j]!r}"
    return "a word"


def _stack(blocks: list):
    if all(sparse.issparse(b) for b in blocks):
        return sparse.vstack(blocks, format="csr")
    x = np.vstack([b.toarray() if sparse.issparse(b) else b for b in blocks])
    return x if np.mean(x != 0) > _DENSE else sparse.csr_matrix(x)


def _check_ends(path: Path, values: np.ndarray, rows: list[str]) -> None:
    short = np.flatnonzero(np.isnan(values[:, -1]))
    if len(short):
        name = rows[len(rows) - len(values) + short[0]]
        msg = f"{path} is cut short or incomplete: the row {name!r} has no value in the last column. Get it again."
        raise Unreadable(msg)


def _check_last(path: Path, stream: Guarded) -> None:
    if stream.last not in (b"\n", b"\r"):
        warnings.warn(
            f"{path}: its last line does not end. If the file was cut, its last value is short.", stacklevel=2
        )


def _check_text(path: Path, *names) -> None:
    """Say where bytes of another encoding were read as the sign for an unknown letter."""
    strange = next((str(n) for some in names for n in some if "\ufffd" in str(n)), None)
    if strange:
        what = f"it has letters that are not UTF-8, as in {strange[:40]!r}"
        warnings.warn(f"{path}: {what}. Save it as UTF-8 to keep these names apart.", stacklevel=2)


def _is_number(value: str, decimal: str) -> bool:
    try:
        float(value.replace(decimal, ".") if value and value != "NA" else "nan")
    except ValueError:
        return False
    return True


def _is_part_of_10x(path: Path) -> bool:
    return any(part in path.name for part in ("barcodes", "features", "genes"))
