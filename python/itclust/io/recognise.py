"""Which format a path holds, told by its content; its name only helps to word what is wrong."""

from __future__ import annotations

import bz2
import difflib
import gzip
import lzma
import stat
import zipfile
import zlib
from pathlib import Path
from typing import BinaryIO

# Format -> (what it is called, how its files usually end).
FORMATS = {
    "h5ad": ("AnnData h5ad", ".h5ad"),
    "zarr": ("AnnData zarr", ".zarr (folder) or .zarr.zip"),
    "10x_h5": ("10x HDF5", ".h5"),
    "mtx": ("10x folder or Matrix Market", "folder, .mtx or .mtx.gz"),
    "table": ("table", ".csv or .tsv, also .gz"),
    "loom": ("loom", ".loom"),
    "rds": ("R object", ".rds"),
}

_HDF5 = b"\x89HDF\r\n\x1a\n"
_COMPRESSED = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ": lzma.open}
_QUOTES = "'\""
_TEXT_ENDINGS = (".csv", ".tsv", ".txt")
_BINARY_ENDINGS = {".h5ad": "an HDF5", ".h5": "an HDF5", ".loom": "an HDF5", ".rds": "an R", ".zip": "a zip"}
_OF_STORES = {".zgroup", "zarr.json"}  # files, one of which is in every zarr store
# What reading damaged bytes raises, below the errors that we word ourselves.
BROKEN = (
    *(OSError, EOFError, ValueError, KeyError, IndexError, TypeError, AttributeError, RuntimeError),
    *(zlib.error, lzma.LZMAError, zipfile.BadZipFile),
)


class Unreadable(ValueError):
    """A file that is there but cannot be read as a matrix of cells and genes; the message says why."""


def recognise(path: Path) -> str:
    """Key of ``FORMATS`` for an existing file or folder."""
    node = kind_of_node(path)
    if node == "a folder":
        return _folder(path)
    if node:
        msg = f"{path} is {node}, and files are read more than once. Save what comes from it as a file, and pass that."
        raise Unreadable(msg)
    if path.stat().st_size == 0:
        msg = f"{path} is empty (0 bytes). Was the download or the copy complete?"
        raise Unreadable(msg)
    with path.open("rb") as file:
        first = file.read(8)
    if first == _HDF5:
        return _hdf5(path)
    if first.startswith(b"PK\x03\x04"):
        return _zip(path)
    return _stream(path, head(path))


def kind_of_node(path: Path) -> str | None:
    """What is at a path that is no plain file: ``"a folder"``, ``"a pipe"`` ...; None for a file, and for nothing."""
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    kinds = {"a folder": stat.S_ISDIR, "a pipe": stat.S_ISFIFO, "a device": stat.S_ISCHR, "a disk": stat.S_ISBLK}
    kinds["a socket"] = stat.S_ISSOCK
    return next((kind for kind, holds in kinds.items() if holds(mode)), None)


def is_store(path: Path) -> bool:
    """Whether a folder is a zarr store."""
    return any((path / name).is_file() for name in _OF_STORES)


def own_class(group, name: str) -> type | None:
    """Class of h5py that a name in a group of this very file stands for; None where it is a link."""
    import h5py

    return group.get(name, getclass=True) if isinstance(group.get(name, getlink=True), h5py.HardLink) else None


def opened(path: Path) -> BinaryIO:
    """The file's content as a stream, decompressed where its first bytes say that it is compressed."""
    with path.open("rb") as file:
        first = file.read(8)
    opener = next((f for magic, f in _COMPRESSED.items() if first.startswith(magic)), open)
    return opener(path, "rb")


def head(path: Path, n_bytes: int = 1 << 16) -> bytes:
    """First bytes of the decompressed content."""
    try:
        with opened(path) as stream:
            return stream.read(n_bytes)
    except (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile, OSError) as error:
        msg = f"{path} is damaged or cut short: {first_line(error)}. Get it again."
        raise Unreadable(msg) from error


def missing(path: Path) -> FileNotFoundError:
    """The error for a path that does not exist, with what is there of a like name."""
    if not path.parent.is_dir():
        return FileNotFoundError(f"no such file: {path}. There is no folder {path.parent} either.")
    names = sorted(p.name for p in path.parent.iterdir() if not p.name.startswith("."))
    near = difflib.get_close_matches(path.name, names, n=3, cutoff=0.6)
    hint = f" Did you mean {' or '.join(repr(n) for n in near)}?" if near else ""
    return FileNotFoundError(f"no such file: {path}.{hint}")


def first_line(error: BaseException) -> str:
    """An exception in one line."""
    lines = str(error).strip().splitlines()
    if type(error) is KeyError and error.args:
        return f"it lacks {lines[0] if ' ' not in lines[0] else lines[0].strip(_QUOTES)}"
    kind = "zlib" if isinstance(error, zlib.error) else type(error).__name__
    return f"{kind}: {lines[0].rstrip('.')}" if lines else kind


def _folder(path: Path) -> str:
    names = {p.name for p in path.iterdir()}
    if names & {*_OF_STORES, ".zmetadata"}:
        return "zarr"
    if any(n.removesuffix(".gz").endswith(".mtx") for n in names):
        return "mtx"
    inside = sorted(p.parent.name for p in path.glob("*/*matrix.mtx*"))
    hint = f" Its folder {inside[0]!r} has one: pass that." if inside else ""
    msg = f"the folder {path} holds neither a zarr store nor a .mtx file.{hint}"
    raise Unreadable(msg)


def _hdf5(path: Path) -> str:
    import h5py

    from itclust.io.probe import check_opens

    check_opens(path)
    try:
        with h5py.File(path, "r") as file:
            groups = {name: set(file[name]) if own_class(file, name) is h5py.Group else set() for name in file}
    except BROKEN as error:
        msg = f"{path} is a damaged or truncated HDF5 file: {first_line(error)}. Get it again."
        raise Unreadable(msg) from error
    if {"obs", "var"} <= set(groups):
        return "h5ad"
    if {"matrix", "row_attrs", "col_attrs"} <= set(groups):
        return "loom"
    if any({"barcodes", "indptr"} <= inside for inside in groups.values()):
        return "10x_h5"
    held = ", ".join(sorted(groups)) or "nothing"
    msg = f"{path} is an HDF5 file, but no h5ad, 10x or loom file: it holds {held}."
    raise Unreadable(msg)


def _zip(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = {Path(n).name for n in archive.namelist()}
    except (*BROKEN, NotImplementedError) as error:
        msg = f"{path} is a damaged or truncated zip file. Get it again."
        raise Unreadable(msg) from error
    if names & _OF_STORES:
        return "zarr"
    msg = f"{path} is a zip archive without a zarr store. Unpack it and pass what is inside."
    raise Unreadable(msg)


def _stream(path: Path, content: bytes) -> str:
    if content.startswith(b"%%MatrixMarket"):
        return "mtx"
    if content[:2] in (b"X\n", b"A\n", b"B\n"):
        return "rds"
    if content[:3] in (b"RDX", b"RDA", b"RDB"):
        msg = f"{path} was written by R's save(). Write the one object with saveRDS() instead."
        raise Unreadable(msg)
    if content.startswith(_HDF5):
        msg = f"{path} is a compressed HDF5 file. Unpack it first, for instance with gunzip."
        raise Unreadable(msg)
    if content[257:262] == b"ustar":
        msg = f"{path} is a tar archive. Unpack it and pass the folder or file inside."
        raise Unreadable(msg)
    ending = path.suffix.lower()
    if ending in _BINARY_ENDINGS:
        start = content[:24].decode("ascii", "replace").replace("\ufffd", "?").splitlines()[0]
        msg = f"{path} is not {_BINARY_ENDINGS[ending]} file: it begins with {start!r}. Get it again."
        raise Unreadable(msg)
    line = content.split(b"\n", 1)[0]
    if b"\0" not in content and any(d in line for d in (b",", b"\t", b";", b" ")):
        return "table"
    plain = path.with_suffix("") if path.suffix.lower() in (".gz", ".bz2", ".xz") else path
    if plain.suffix.lower() in _TEXT_ENDINGS and b"\0" in content:
        like = "looks like UTF-16: save it as UTF-8" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "get it again"
        msg = f"{path} is no text, it has a zero byte at position {content.index(0)}; {like}."
        raise Unreadable(msg)
    msg = f"cannot tell the format of {path}. Read are: {_listed()}."
    raise Unreadable(msg)


def _listed() -> str:
    return "; ".join(f"{name} ({ending})" for name, ending in FORMATS.values())
