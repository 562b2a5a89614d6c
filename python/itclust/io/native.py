"""AnnData's own formats: h5ad and zarr, whole or backed."""

from __future__ import annotations

from pathlib import Path

from itclust.io.chunks import check_chunks, collect
from itclust.io.hdf5 import check_hdf5
from itclust.io.recognise import Unreadable
from itclust.io.structure import check_read, check_store


def read_h5ad(path: Path, *, backed: bool = False, follow_links: bool = False):
    """AnnData of an h5ad file; with ``backed``, ``X`` stays on disk."""
    import h5py
    from anndata.io import read_h5ad as read

    check_hdf5(path, follow_links=follow_links, left_on_disk="X" if backed else None)
    with h5py.File(path, "r") as file:
        check_store(path, file, *_named(file))
    adata = read(path, backed="r" if backed else None)
    check_read(path, adata)
    return adata


def read_zarr(path: Path, *, backed: bool = False):
    """AnnData of a zarr folder or zip; with ``backed``, ``X`` stays on disk and layers and ``raw`` are left out."""
    try:
        import zarr
    except ImportError as error:
        msg = "reading zarr needs the package zarr: pip install zarr"
        raise ImportError(msg) from error
    collect()
    store = zarr.storage.ZipStore(str(path), mode="r") if path.is_file() else str(path)
    group = zarr.open_group(store, mode="r")
    if not {"obs", "var"} <= set(group.keys()):
        msg = f"{path} is a zarr store, but no AnnData: it holds {', '.join(sorted(group)) or 'nothing'}."
        raise Unreadable(msg)
    check_chunks(path, group, left_on_disk="X" if backed else None)
    check_store(path, group, *_named(group))
    adata = _of_group(group, backed=backed)
    check_read(path, adata)
    return adata


def _of_group(group, *, backed: bool):
    import anndata
    import zarr
    from anndata.io import read_elem, sparse_dataset

    if not backed:
        return anndata.io.read_zarr(group)
    x = group["X"]
    parts = {name: read_elem(group[name]) for name in ("obs", "var", "obsm", "uns") if name in group}
    return anndata.AnnData(X=sparse_dataset(x) if isinstance(x, zarr.Group) else x, **parts)


def _named(group) -> tuple[int | None, int | None]:
    """How many cells and genes a store names; None where that takes reading."""
    return tuple(_n_rows(group[name]) if name in group else None for name in ("obs", "var"))


def _n_rows(table) -> int | None:
    if not hasattr(table, "keys"):  # of anndata before 0.7: one array of records
        return table.shape[0] if table.shape else None
    name = table.attrs.get("_index", "_index")
    index = table[name] if isinstance(name, str) and name in table else None
    return index.shape[0] if getattr(index, "shape", None) else None
