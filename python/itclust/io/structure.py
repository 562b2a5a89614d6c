"""Compressed rows and columns (CSR, CSC): every pointer and index is checked before it is followed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from itclust.io.recognise import Unreadable

_PARTS = ("data", "indices", "indptr")


def check_store(path: Path, group, n_obs: int | None = None, n_vars: int | None = None) -> None:
    """Refuse an AnnData store (a group of h5py or zarr) whose matrices cannot be what they claim; reads no values.

    Parameters
    ----------
    path
        For messages.
    group
        With ``obs``, ``var`` and matrices.
    n_obs, n_vars
        Cells and genes, where they are known.
    """
    for name in ("X", "layers", "raw"):
        if name not in group:
            continue
        item = group[name]
        inner = {name: item} if name == "X" or is_compressed(item) else _matrices_of(name, item)
        columns = None if name == "raw" else n_vars
        for where, matrix in inner.items():
            shape = _check_parts(path, where, matrix) if is_compressed(matrix) else getattr(matrix, "shape", None)
            check_shape(path, where, shape, n_obs, columns)


def _matrices_of(name: str, item) -> dict:
    if not hasattr(item, "keys"):
        return {}
    wanted = ["X"] if name == "raw" else list(item.keys())
    return {f"{name}/{key}": item[key] for key in wanted if key in item}


def check_shape(path: Path, where: str, shape, n_obs, n_vars) -> None:
    """Refuse a matrix that has other cells or genes than are named; None is not known."""
    if shape is None or len(shape) != 2:
        return
    for found, named, what in ((shape[0], n_obs, "cells"), (shape[1], n_vars, "genes")):
        if named is not None and found != named:
            msg = f"{path} is damaged: {where!r} has {found} {what}, and {named} are named. Get it again."
            raise Unreadable(msg)


def is_compressed(item) -> bool:
    """Whether a group of h5py or zarr is a matrix of compressed rows or columns."""
    return hasattr(item, "keys") and "indptr" in item and "indices" in item


def _check_parts(path: Path, where: str, group) -> tuple[int, int]:
    """Shape of a stored CSR or CSC whose parts fit together, by their lengths and the last pointer."""
    attributes = dict(group.attrs)
    kind = str(attributes.get("encoding-type", attributes.get("h5sparse_format", "csr")))
    missing = [part for part in _PARTS if part not in group]
    if missing:
        _refuse(path, where, f"lacks {missing[0]!r}")
    shape = attributes.get("shape", attributes.get("h5sparse_shape"))
    if shape is None or np.shape(shape) != (2,) or not all(0 <= n < 2**62 for n in np.asarray(shape).tolist()):
        _refuse(path, where, f"has no shape of two whole numbers, but {shape!r}")
    shape = tuple(int(n) for n in shape)
    sizes = {part: _length(path, where, group[part], part) for part in _PARTS}
    n_major = shape[1] if kind.startswith("csc") else shape[0]
    if sizes["data"] != sizes["indices"]:
        _refuse(path, where, f"has {sizes['data']} values and {sizes['indices']} indices")
    if sizes["indptr"] != n_major + 1:
        _refuse(path, where, f"has {sizes['indptr']} pointers for {n_major} {_axis(kind)}")
    last = int(group["indptr"][sizes["indptr"] - 1])
    if last != sizes["data"]:
        _refuse(path, where, f"ends at value {last} of {sizes['data']}")
    return shape


def _length(path: Path, where: str, item, part: str) -> int:
    shape = getattr(item, "shape", ())
    if len(shape) != 1 or item.dtype.kind not in ("iu" if part != "data" else "iufb"):
        _refuse(path, where, f"has {part!r} of {len(shape)} dimensions and type {getattr(item, 'dtype', 'none')}")
    return shape[0]


def _axis(kind: str) -> str:
    return "genes" if kind.startswith("csc") else "cells"


def check_read(path: Path, adata) -> None:
    """Refuse an AnnData in which an index or a pointer of any sparse matrix leads out of it.

    The indices of rows that stay on disk are looked at when they are walked, see :func:`itclust.data.check.columns`.
    """
    for where, x in _sparse_in(adata):
        if x.data.shape[0] != x.indices.shape[0]:
            _refuse(path, where, f"has {x.data.shape[0]} values and {x.indices.shape[0]} indices")
        shape = x.shape if x.format == "csr" else x.shape[::-1]
        _check_pointers(path, where, x.indptr, x.indices.shape[0], shape[0])
        if x.format == "csc" or not isinstance(x, _Stored):
            _check_columns(path, where, x.indices[:], shape[1])


def check_indices(path: Path, where: str, indptr, indices, shape) -> None:
    """Refuse pointers that fall or lead out of the indices, and indices that lead out of the matrix.

    Parameters
    ----------
    path, where
        For messages.
    indptr
        (n_major + 1,) int.
    indices
        (n_stored,) int.
    shape
        (n_major, n_minor).
    """
    _check_pointers(path, where, indptr, indices.shape[0], shape[0])
    _check_columns(path, where, indices, shape[1])


def _check_pointers(path: Path, where: str, indptr, n_stored: int, n_major: int) -> None:
    indptr = np.asarray(indptr[:])
    if len(indptr) != n_major + 1:
        _refuse(path, where, f"has {len(indptr)} pointers for {n_major} rows")
    if indptr[0] != 0 or indptr[-1] != n_stored:
        _refuse(path, where, f"has pointers from {indptr[0]} to {indptr[-1]} into {n_stored} values")
    if len(indptr) > 1 and (indptr[1:] < indptr[:-1]).any():
        row = int(np.argmax(indptr[1:] < indptr[:-1]))
        _refuse(path, where, f"has pointers that fall, from {indptr[row]} to {indptr[row + 1]} at row {row}")


def _check_columns(path: Path, where: str, indices, n_minor: int) -> None:
    low, high = (int(indices.min()), int(indices.max())) if indices.shape[0] else (0, -1)
    if low < 0 or high >= n_minor:
        _refuse(path, where, f"has the index {low if low < 0 else high}, and {n_minor} columns")


def _refuse(path: Path, where: str, what: str) -> None:
    msg = f"{path} is damaged: the sparse matrix {where!r} {what}. Get it again."
    raise Unreadable(msg)


def _sparse_in(adata) -> Iterator[tuple]:
    from scipy import sparse

    slots = {"X": adata.X, "layers": adata.layers, "obsm": adata.obsm, "varm": adata.varm, "obsp": adata.obsp}
    slots |= {"varp": adata.varp, "uns": adata.uns, "raw": None if adata.raw is None else adata.raw.X}
    waiting = list(slots.items())
    while waiting:
        where, item = waiting.pop(0)
        if sparse.issparse(item) and item.format in ("csr", "csc"):
            yield where, item
        elif hasattr(item, "group") and is_compressed(item.group):  # backed
            group = item.group
            yield where, _Stored(group["data"], group["indices"], group["indptr"], item.shape, item.format)
        elif hasattr(item, "items") and not hasattr(item, "dtypes"):
            waiting += [(f"{where}/{key}", value) for key, value in item.items()]


class _Stored(NamedTuple):
    """A matrix that stays on disk, with what :func:`check_read` looks at."""

    data: object
    indices: object
    indptr: object
    shape: tuple[int, int]
    format: str
