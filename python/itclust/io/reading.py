"""``read``: a path in, an AnnData of cells x genes out."""

from __future__ import annotations

import logging
import warnings
from importlib import import_module
from pathlib import Path

from itclust.io import tenx
from itclust.io.orientation import rows_are_cells
from itclust.io.recognise import FORMATS, Unreadable, first_line, missing, recognise

logger = logging.getLogger("itclust")

# Format -> (module, function); a module is imported when its format is met.
_READERS = {
    "h5ad": ("native", "read_h5ad"),
    "zarr": ("native", "read_zarr"),
    "10x_h5": ("tenx", "read_10x_h5"),
    "mtx": ("tenx", "read_mtx"),
    "table": ("tables", "read_table"),
    "loom": ("loom", "read_loom"),
    "rds": ("rds", "read_rds"),
}
_BACKED = ("h5ad", "zarr")
LARGE = 1 << 28  # bytes: some 100,000 cells, whose counts take a gigabyte in memory


def read(path, *, backed: bool = False, follow_links: bool = False):
    """Read a file or folder of expression values.

    The format is recognised by content, not by the name: h5ad, zarr (a folder or a zip), 10x HDF5 and 10x folders of
    version 2 and 3, Matrix Market with names beside it, csv and tsv tables in either orientation, loom, and rds with
    a SingleCellExperiment, a Seurat object or a matrix. What was recognised is logged.

    Parameters
    ----------
    path
        File or folder, or the prefix of three 10x files (``folder/GSM1_``).
    backed
        Leave ``X`` on disk. For h5ad and zarr.
    follow_links
        Read what an h5ad file links to in other files. Not by default: a file from elsewhere could name any of yours.

    Returns
    -------
    AnnData of cells x genes, ``X`` in CSR where the format is sparse. Cell names are unique: duplicated ones get a
    suffix, with a warning. Gene names are left as they are.

    Raises
    ------
    FileNotFoundError
        Nothing is at ``path``.
    Unreadable
        A ValueError: something is there, but no matrix of cells and genes can be read from it.
    """
    path = Path(path).expanduser()
    if not path.exists():
        path = tenx.of_prefix(path) or path
    if not path.exists():
        raise missing(path)
    kind = recognise(path)
    if backed and kind not in _BACKED:
        msg = f"backed=True reads h5ad and zarr; {path} is {FORMATS[kind][0]}. "
        raise ValueError(msg + "Read it without, and itclust.io.write() it as .h5ad.")
    options = {"backed": True} if backed else {}
    if follow_links and kind == "h5ad":
        options["follow_links"] = True
    adata = _read(path, kind, options)
    logger.info("%s: %s, %d cells x %d genes", path, FORMATS[kind][0], adata.n_obs, adata.n_vars)
    return _with_plain_names(adata, path)


def is_large(path) -> bool:
    """Whether a file is an h5ad of more than ``LARGE`` bytes: better read with ``backed=True``."""
    path = Path(path).expanduser()
    try:
        return path.is_file() and path.stat().st_size > LARGE and recognise(path) == "h5ad"
    except Unreadable:  # :func:`read` says what it is
        return False


def _read(path: Path, kind: str, options: dict):
    module, function = _READERS[kind]
    reader = getattr(import_module(f"itclust.io.{module}"), function)
    try:
        with warnings.catch_warnings():
            # we say ourselves what becomes of duplicated names
            warnings.filterwarnings("ignore", message=".*names are not unique")
            return reader(path, **options)
    except (Unreadable, ImportError, PermissionError):
        raise
    except Exception as error:  # whatever the libraries below make of damaged bytes
        if type(error) is FileNotFoundError:
            raise
        raise Unreadable(_reason(path, kind, error)) from error


def _reason(path: Path, kind: str, error: Exception) -> str:
    if isinstance(error, MemoryError):
        return f"{path} does not fit into memory. Read h5ad and zarr with backed=True, or a part of it."
    if type(error).__name__ == "IORegistryError":
        return (
            f"{path} holds what the installed anndata cannot read ({first_line(error)}). Update anndata, or write the "
            "file again without it."
        )
    if isinstance(error, RecursionError):
        return f"{path} is damaged: it is nested without end. Get it again."
    return f"{path} looks like {FORMATS[kind][0]}, but is damaged or cut short: {first_line(error)}. Get it again."


def _with_plain_names(adata, path: Path):
    for axis in ("obs_names", "var_names"):
        setattr(adata, axis, getattr(adata, axis).astype(str).astype(object))
    for slot in ("obs", "var"):
        setattr(adata, slot, _with_own_columns(getattr(adata, slot), f"{path}: {slot}"))
    if rows_are_cells(adata.obs_names.tolist(), adata.var_names.tolist()) is False:
        what = "the names of its cells look like genes, and those of its genes like cells"
        warnings.warn(f"{path}: {what}. If it is transposed, use itclust.read(path).T", stacklevel=3)
    n_repeated = int(adata.obs_names.duplicated().sum())
    if n_repeated:
        warnings.warn(f"{path}: {n_repeated} cell names repeat earlier ones and got a suffix.", stacklevel=3)
        adata.obs_names_make_unique()
    return adata


def _with_own_columns(table, where: str):
    """No two columns of one name: half of pandas takes the first, the other half both."""
    repeated = table.columns.duplicated()
    if not repeated.any():
        return table
    names = ", ".join(map(repr, dict.fromkeys(table.columns[repeated])))
    warnings.warn(f"{where} has more than one column called {names[:60]}; the first is kept.", stacklevel=4)
    return table.loc[:, ~repeated]
