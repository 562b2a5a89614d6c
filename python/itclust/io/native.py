"""AnnData's own formats: h5ad and zarr, whole or backed."""

from __future__ import annotations

from pathlib import Path

from itclust.io.recognise import Unreadable


def read_h5ad(path: Path, *, backed: bool = False):
    """AnnData of an h5ad file; with ``backed``, ``X`` stays on disk."""
    from anndata.io import read_h5ad as read

    return read(path, backed="r" if backed else None)


def read_zarr(path: Path, *, backed: bool = False):
    """AnnData of a zarr folder or zip; with ``backed``, ``X`` stays on disk and layers and ``raw`` are left out."""
    try:
        import zarr
    except ImportError as error:
        msg = "reading zarr needs the package zarr: pip install zarr"
        raise ImportError(msg) from error
    import anndata
    from anndata.io import read_elem, sparse_dataset

    store = zarr.storage.ZipStore(str(path), mode="r") if path.is_file() else str(path)
    group = zarr.open_group(store, mode="r")
    if not {"obs", "var"} <= set(group.keys()):
        msg = f"{path} is a zarr store, but no AnnData: it holds {', '.join(sorted(group)) or 'nothing'}."
        raise Unreadable(msg)
    if not backed:
        return anndata.io.read_zarr(group)
    x = group["X"]
    parts = {name: read_elem(group[name]) for name in ("obs", "var", "obsm", "uns") if name in group}
    return anndata.AnnData(X=sparse_dataset(x) if isinstance(x, zarr.Group) else x, **parts)
