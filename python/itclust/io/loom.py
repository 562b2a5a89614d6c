"""loom: an HDF5 file of genes x cells with attributes of both (loom specification 2 and 3)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy import sparse

from itclust.io.hdf5 import check_hdf5
from itclust.io.recognise import Unreadable

_GENE_NAMES = ("Gene", "gene", "GeneName", "gene_names", "gene_name", "var_names", "Symbol", "Name", "Accession")
_CELL_NAMES = ("CellID", "cell_id", "obs_names", "Barcode", "barcode", "cell_names", "CellName", "Name")
_VALUES_AT_ONCE = 8_000_000


def read_loom(path: Path):
    """AnnData of a loom file, with its layers; attributes of more than one dimension are left."""
    import anndata
    import h5py

    check_hdf5(path)
    with h5py.File(path, "r") as file:
        shape = _shape(path, file)
        var = _attributes(path, file["row_attrs"], shape[0], "row_attrs", _GENE_NAMES)
        obs = _attributes(path, file["col_attrs"], shape[1], "col_attrs", _CELL_NAMES)
        layers = {name: _cells_by_genes(values) for name, values in file.get("layers", {}).items()}
        return anndata.AnnData(X=_cells_by_genes(file["matrix"]), obs=obs, var=var, layers=layers)


def _shape(path: Path, file) -> tuple[int, int]:
    shape = file["matrix"].shape
    for name, item in {"matrix": file["matrix"], **dict(file.get("layers", {}))}.items():
        if getattr(item, "shape", None) != shape or len(shape) != 2 or item.dtype.kind not in "iufb":
            msg = f"{path} is damaged: {name!r} is no matrix of numbers of the shape {shape}. Get it again."
            raise Unreadable(msg)
    return shape


def _cells_by_genes(values) -> sparse.csr_matrix:
    n_genes, n_cells = values.shape
    step = max(1, _VALUES_AT_ONCE // max(n_genes, 1))
    blocks = [sparse.csr_matrix(values[:, i : i + step].T.astype(np.float32)) for i in range(0, n_cells, step)]
    return sparse.vstack(blocks, format="csr") if blocks else sparse.csr_matrix((0, n_genes), dtype=np.float32)


def _attributes(path: Path, group, n: int, where: str, names: tuple[str, ...]):
    import h5py
    import pandas as pd

    flat = {key: item for key, item in group.items() if isinstance(item, h5py.Dataset) and item.ndim == 1}
    wrong = {key: len(item) for key, item in flat.items() if len(item) != n}
    if wrong:
        key, length = next(iter(wrong.items()))
        msg = f"{path} is inconsistent: {where}/{key} has {length} values for {n} {where[:3]}s. Get it again."
        raise Unreadable(msg)
    key = next((name for name in names if name in flat), None)
    if key is None:
        msg = f"{path} has no names in {where}: none of {', '.join(names)}. It holds: {', '.join(group) or 'nothing'}."
        raise Unreadable(msg)
    columns = {k: v.asstr()[:] if h5py.check_string_dtype(v.dtype) else v[:] for k, v in flat.items()}
    index = pd.Index(columns.pop(key), dtype=object)
    return pd.DataFrame(columns, index=index)
