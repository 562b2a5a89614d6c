"""10x files: HDF5 of version 2 and 3, and the folders of matrix, barcodes and features; any .mtx with names beside."""

from __future__ import annotations

import csv
import logging
from pathlib import Path

import numpy as np
from scipy import sparse

from itclust.io.hdf5 import check_hdf5
from itclust.io.lines import Guarded, guarded_text
from itclust.io.recognise import Unreadable
from itclust.io.structure import check_indices

logger = logging.getLogger("itclust")

_CELL_FILES = ("barcodes", "cells", "cell_names", "colnames")
_GENE_FILES = ("features", "genes", "gene_names", "rownames")
_ENDINGS = tuple(e + gz for e in (".tsv", ".txt", ".csv") for gz in (".gz", ""))
_HEADERS = {"", "barcode", "cell", "cell_id", "gene", "gene_id", "gene_ids", "feature", "index", "x", "v1"}
_FIELDS_2 = {"id": "genes", "name": "gene_names"}
_FIELDS_3 = {"id": "id", "name": "name", "kind": "feature_type", "genome": "genome"}
_GENES = "Gene Expression"
_LINE = 1 << 16  # bytes of a line of a Matrix Market file, at most
_EXPANDS = 1100  # the most that gzip makes of a byte; with a reserve


def read_10x_h5(path: Path):
    """AnnData of a 10x HDF5 file, version 2 (a group a genome) or 3 (one group, several kinds of features)."""
    import h5py

    check_hdf5(path)
    with h5py.File(path, "r") as file:
        groups = [g for g in file.values() if isinstance(g, h5py.Group) and "barcodes" in g]
        if len(groups) > 1:
            names = ", ".join(g.name.strip("/") for g in groups)
            msg = f"{path} holds several genomes: {names}. Read one with scanpy.read_10x_h5(path, genome=...)."
            raise Unreadable(msg)
        group = groups[0]
        n_genes, n_cells = (int(n) for n in group["shape"][:])
        parts = tuple(group[name][:] for name in ("data", "indices", "indptr"))
        cells = group["barcodes"].asstr()[:]
        group, names = (group["features"], _FIELDS_3) if "features" in group else (group, _FIELDS_2)
        genes = {key: group[name].asstr()[:] for key, name in names.items() if name in group}
    _same_shape(path, (n_genes, n_cells), len(genes["name"]), len(cells), "its features", "its barcodes")
    if len(parts[0]) != len(parts[1]) or any(part.dtype.kind not in "iu" for part in parts[1:]):
        msg = f"{path} is damaged: it has {len(parts[0])} values and {len(parts[1])} indices. Get it again."
        raise Unreadable(msg)
    check_indices(path, "matrix", parts[2], parts[1], (n_cells, n_genes))
    x = sparse.csr_matrix(parts, shape=(n_cells, n_genes))
    return _assemble(path, x, cells, genes)


def read_mtx(path: Path):
    """AnnData of a 10x folder, of a Matrix Market file with its names beside it, or of a prefix of three such files."""
    from scipy.io import mmread

    path = _matrix_file(path)
    cell_file, gene_file = named_by(path)
    cells, genes = _rows(cell_file), _rows(gene_file)
    by_cells = _check_header(path, cells, genes, cell_file.name, gene_file.name)
    with Guarded(path, longest=_LINE) as stream:
        matrix = sparse.csr_matrix(mmread(stream))
    if by_cells:
        logger.info("%s: rows are cells, columns are genes (by the counts of names)", path.name)
    else:
        matrix = matrix.T
    columns = list(zip(*genes)) if genes else [()]
    keys = ("name",) if len(columns) == 1 else ("id", "name", "kind")
    return _assemble(path, matrix.tocsr(), [row[0] for row in cells], dict(zip(keys, columns)))


def _check_header(path: Path, cells, genes, cell_file: str, gene_file: str) -> bool:
    """Whether rows are cells; refuses a header that the names or the size of the file contradict."""
    with guarded_text(path) as text:
        kind = text.readline(_LINE).lower().split()
        line = next((line for line in iter(lambda: text.readline(_LINE), "") if line.strip() and line[0] != "%"), "")
    try:
        n_rows, n_columns, *rest = (int(n) for n in line.split())
        n_entries = rest[0] if "coordinate" in kind else n_rows * n_columns
    except (ValueError, IndexError):
        msg = f"{path} is damaged: its sizes should be whole numbers, and are {line.strip()[:40]!r}. Get it again."
        raise Unreadable(msg) from None
    if "complex" in kind:
        msg = f"{path} holds complex numbers: that is no expression."
        raise Unreadable(msg)
    by_cells = (n_rows, n_columns) == (len(cells), len(genes)) != (len(genes), len(cells))
    if not by_cells:
        _same_shape(path, (n_rows, n_columns), len(genes), len(cells), gene_file, cell_file)
    most = path.stat().st_size * (_EXPANDS if path.suffix != ".mtx" else 1) // (4 if "coordinate" in kind else 2) + 1
    if not 0 <= n_entries <= most:
        msg = f"{path} is damaged: it claims {n_entries:,} entries, and {path.stat().st_size:,} bytes hold fewer."
        raise Unreadable(msg)
    return by_cells


def named_by(matrix: Path) -> tuple[Path, Path]:
    """The files beside an .mtx file that name its cells and its genes."""
    return _beside(matrix, _CELL_FILES, "cells"), _beside(matrix, _GENE_FILES, "genes")


def of_prefix(path: Path) -> Path | None:
    """The .mtx file of a prefix such as ``folder/GSM1_``, where there is exactly one."""
    if not path.parent.is_dir():
        return None
    found = _matrices(path.parent, path.name)
    return found[0] if len(found) == 1 else None


def _matrices(folder: Path, prefix: str = "") -> list[Path]:
    # the compressed twin of an unpacked file is left aside
    files = {p.name.removesuffix(".gz"): p for p in sorted(folder.iterdir(), reverse=True) if p.name.startswith(prefix)}
    found = [p for name, p in sorted(files.items()) if name.endswith(".mtx")]
    return [p for p in found if p.name.removesuffix(".gz").endswith("matrix.mtx")] or found


def _matrix_file(path: Path) -> Path:
    if not path.is_dir():
        return path
    found = _matrices(path)
    if len(found) > 1:
        msg = f"{path} holds {len(found)} matrices: {', '.join(p.name for p in found)}. Pass one of these files."
        raise Unreadable(msg)
    return found[0]


def _beside(matrix: Path, nouns: tuple[str, ...], what: str) -> Path:
    stem = matrix.name.removesuffix(".gz").removesuffix(".mtx")
    prefixes = [stem.removesuffix("matrix"), stem + "_", stem + ".", ""]
    for name in (prefix + noun + ending for prefix in prefixes for noun in nouns for ending in _ENDINGS):
        if matrix.with_name(name).is_file():
            return matrix.with_name(name)
    prefix = prefixes[0] if prefixes[0] != stem else prefixes[1]
    msg = f"no file beside {matrix} names its {what}. Put one there, called {prefix}{nouns[0]}.tsv, a line a name."
    raise Unreadable(msg)


def _rows(path: Path) -> list[list[str]]:
    with guarded_text(path, "utf-8", "strict") as text:
        rows = [row for row in csv.reader(text, delimiter="," if ".csv" in path.suffixes else "\t") if row]
    if rows and rows[0][0].lower() in _HEADERS:
        rows = rows[1:]
    return rows


def _same_shape(path: Path, shape, n_genes: int, n_cells: int, genes: str, cells: str) -> None:
    if tuple(shape) != (n_genes, n_cells):
        msg = f"{path} is {shape[0]} x {shape[1]}, but {genes} name {n_genes} genes and {cells} {n_cells} cells. "
        raise Unreadable(msg + "Take all three from one run.")


def _assemble(path: Path, x, cells, genes: dict):
    import anndata
    import pandas as pd

    var = pd.DataFrame(index=pd.Index(np.asarray(genes["name"], dtype=object)))
    if "id" in genes:
        var["gene_ids"] = np.asarray(genes["id"], dtype=object)
    for column, key in (("feature_types", "kind"), ("genome", "genome")):
        if key in genes:
            var[column] = pd.Categorical(genes[key])
    obs = pd.DataFrame(index=pd.Index(np.asarray(cells, dtype=object)))
    adata = anndata.AnnData(X=x.astype(np.float32), obs=obs, var=var)
    return _only_genes(path, adata) if "kind" in genes else adata


def _only_genes(path: Path, adata):
    kinds = adata.var["feature_types"].astype(str)
    if (kinds == _GENES).all():
        return adata
    others = ", ".join(f"{n} {kind}" for kind, n in kinds[kinds != _GENES].value_counts().items())
    if not (kinds == _GENES).any():
        msg = f"{path} holds no {_GENES!r} features, only {others}."
        raise Unreadable(msg)
    logger.info("%s: kept %d features of %r, left %s", path.name, (kinds == _GENES).sum(), _GENES, others)
    return adata[:, (kinds == _GENES).to_numpy()].copy()
