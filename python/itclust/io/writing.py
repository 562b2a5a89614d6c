"""Write an AnnData, or the table of its results, whole or not at all."""

from __future__ import annotations

import gzip
import logging
import shutil
import warnings
from contextlib import nullcontext
from pathlib import Path

from itclust.io.atomic import whole
from itclust.io.chunks import collect
from itclust.io.recognise import is_store

logger = logging.getLogger("itclust")

_TABLES = {".csv": ",", ".tsv": "\t"}


def write(adata, path) -> None:
    """Write ``adata`` as h5ad or zarr, whole or not at all.

    Parameters
    ----------
    adata
        AnnData, in memory or backed. Of a backed one the file is copied, and ``obs``, ``obsm`` and ``uns`` replaced in the
        copy: its values are never read into memory.
    path
        Ends in ``.h5ad`` (a file) or ``.zarr`` (a folder). What was there is replaced when the new one is complete.
    """
    from anndata.io import write_h5ad, write_zarr

    path = Path(path)
    writers = {".h5ad": write_h5ad, ".zarr": write_zarr}
    if path.suffix not in writers:
        msg = f"cannot tell the format of {path.name!r}: name it .h5ad or .zarr."
        raise ValueError(msg)
    if path.suffix == ".zarr":
        _refuse_to_replace_other_folder(path)
    elif path.is_dir():
        msg = f"cannot write {path}: it is a folder. Give the name of a file."
        raise IsADirectoryError(msg)
    with whole(path) as part, warnings.catch_warnings(), _every_chunk(path):
        warnings.filterwarnings("ignore", message="Writing zarr v2")  # anndata's default is good enough for us
        if path.suffix == ".h5ad" and adata.isbacked and not adata.is_view:
            _beside(adata, part)
        else:
            writers[path.suffix](part, adata)
    logger.info("%s: written, %d cells x %d genes", path, adata.n_obs, adata.n_vars)


def _beside(adata, part: Path) -> None:
    """The file that a backed ``adata`` leaves its values in, copied, with the tables and results as they are now."""
    import h5py
    from anndata.io import write_elem

    shutil.copyfile(adata.filename, part)
    with h5py.File(part, "r+") as file:
        for name in ("obs", "obsm", "uns"):
            if name in file:
                del file[name]
            write_elem(file, name, dict(getattr(adata, name)) if name != "obs" else adata.obs)


def write_csv(adata, path, key: str = "itclust") -> None:
    """Write the result columns of ``adata.obs`` as a table, a row a cell, whole or not at all.

    Parameters
    ----------
    adata
        AnnData that holds results.
    path
        Ends in ``.csv`` or ``.tsv``, or in either with ``.gz``.
    key
        The columns are ``key`` itself and all that start with ``key_``; the first column, ``cell``, has the names.
    """
    path = Path(path)
    plain = path.with_suffix("") if path.suffix == ".gz" else path
    if plain.suffix not in _TABLES:
        msg = f"cannot tell the format of {path.name!r}: name it .csv or .tsv, or either with .gz."
        raise ValueError(msg)
    columns = [c for c in adata.obs.columns if c == key or str(c).startswith(f"{key}_")]
    if not columns:
        msg = f"adata.obs has no column {key!r}. Run itclust.transfer first, or pass key=; its columns are: "
        raise KeyError(msg + (", ".join(map(repr, adata.obs.columns)) or "none") + ".")
    table = adata.obs[columns].to_csv(sep=_TABLES[plain.suffix], index_label="cell", lineterminator="\n").encode()
    with whole(path) as part:
        # no name and no time in the gzip header: the same table gives the same bytes
        part.write_bytes(gzip.compress(table, mtime=0) if path.suffix == ".gz" else table)
    logger.info("%s: written, %d cells, columns %s", path, adata.n_obs, ", ".join(columns))


def _every_chunk(path: Path):
    """Also chunks of zeros, which zarr 3 leaves out: then a chunk that is missing was lost."""
    if path.suffix == ".zarr":
        import zarr

        collect()
        if hasattr(zarr, "config"):
            return zarr.config.set({"array.write_empty_chunks": True})
    return nullcontext()


def _refuse_to_replace_other_folder(path: Path) -> None:
    if path.exists() and not is_store(path):
        msg = f"cannot write {path}: something that is no zarr store is there. Move it, or choose another name."
        raise FileExistsError(msg)
