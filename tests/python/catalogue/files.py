"""Files that are damaged, hostile or no files: what is read, refused or warned of, through Python and the shell."""

from __future__ import annotations

import gzip
import itertools
import json
import os
import shutil
import socket
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import corpus
import numpy as np


@dataclass(frozen=True)
class Input:
    """A file, and what becomes of it: ``refused``, ``warned`` or ``read``; ``says`` is a part of the message."""

    area: str
    make: Callable[[Path], Path]
    becomes: str
    says: str = ""


# ------------------------------------------------------------------------------- pointers and indices out of a matrix


def _parts_of(file, where: str):
    group = file[where]
    return {name: group[name][:] for name in ("data", "indices", "indptr")}


SPARSE = {
    "h5ad, X": (corpus.h5ad, "X"),
    "h5ad, X with gzip": (corpus.h5ad_gzip, "X"),
    "h5ad, a layer (CSC)": (corpus.h5ad, "layers/double"),
    "h5ad, raw": (corpus.h5ad, "raw/X"),
    "h5ad, obsp": (corpus.h5ad, "obsp/near"),
    "10x HDF5": (corpus.tenx_h5, "matrix"),
    "10x HDF5 of version 2": (corpus.tenx_h5_v2, "GRCh38"),
}
DAMAGE = {
    "an index beyond the genes": ("indices", lambda v: _put(v, 3, 60)),
    "a negative index": ("indices", lambda v: _put(v, 3, -1)),
    "an index of 2^30": ("indices", lambda v: _put(v, 0, 2**30)),
    "pointers that fall": ("indptr", lambda v: _put(v, 2, v[-1])),
    "a pointer beyond the values": ("indptr", lambda v: _put(v, -1, v[-1] + 1000)),
    "a negative pointer": ("indptr", lambda v: _put(v, 1, -5)),
    "a first pointer that is not 0": ("indptr", lambda v: _put(v, 0, 1)),
    "a pointer too few": ("indptr", lambda v: v[:-1]),
    "a value too few": ("data", lambda v: v[:-1]),
}


def _put(values, at: int, value: int):
    values[at] = value
    return values


def _sparse_damage(maker, where, part, change):
    def make(folder: Path) -> Path:
        import h5py

        path = maker(folder)
        with h5py.File(path, "r+") as f:
            group = f[where]
            values = change(group[part][:])
            attributes = dict(group[part].attrs)
            del group[part]
            group.create_dataset(part, data=values).attrs.update(attributes)
        return path

    return make


INPUTS = {
    f"{at}: {what}": Input(
        "pointers and indices", _sparse_damage(maker, where, part, change), "refused", "Get it again"
    )
    for (at, (maker, where)), (what, (part, change)) in itertools.product(SPARSE.items(), DAMAGE.items())
}

# ------------------------------------------------------------------------------------------------- claims and links


def _changed(maker, change):
    """A file of HDF5 that ``change`` was let at."""

    def make(folder: Path) -> Path:
        import h5py

        path = maker(folder)
        with h5py.File(path, "r+") as f:
            change(f)
        return path

    return make


def _claim(name, shape, **options):
    def change(f):
        del f[name]
        f.create_dataset(name, shape=shape, dtype="f4", **options)

    return change


def _shape(name, shape):
    return lambda f: f[name].attrs.__setitem__("shape", np.array(shape))


def _text_of_1_gb(maker):
    """A file of HDF5 in which a text is said to have a gigabyte: its length, before the address of its heap."""

    def make(folder: Path) -> Path:
        path = maker(folder)
        content = bytearray(path.read_bytes())
        at = content.index(content.index(b"GCOL\1").to_bytes(8, "little")) - 4
        content[at : at + 4] = (2**30).to_bytes(4, "little")
        path.write_bytes(content)
        return path

    return make


def _link(name, link):
    def change(f):
        import h5py

        secret = Path(f.filename).with_name("secret.h5")
        shutil.copy(f.filename, secret)
        del f[name]
        f[name] = h5py.ExternalLink(secret.name, name) if link == "external" else h5py.SoftLink("/nowhere")

    return change


def _stored_outside(f):
    secret = Path(f.filename).with_name("secret.bin")
    secret.write_bytes(bytes(4 * 160))
    del f["layers/dense"]
    f.create_dataset("layers/dense", (20, 8), "f4", external=[(str(secret), 0, 640)])


def _virtual(f):
    import h5py

    layout = h5py.VirtualLayout((20, 8), "f4")
    layout[:] = h5py.VirtualSource("secret.h5", "X", (20, 8))
    del f["layers/dense"]
    f.create_virtual_dataset("layers/dense", layout)


def _future(f):
    f["obs"].attrs["encoding-type"] = "table-of-2030"


def _loop(f):
    f["uns/itclust/again"] = f["uns"]


def _mtx(*lines, name="matrix.mtx"):
    def make(folder: Path) -> Path:
        path = corpus.mtx(folder)
        (path / name).write_bytes(
            b"\n".join(line.encode() if isinstance(line, str) else line for line in lines) + b"\n"
        )
        return path

    return make


HEAD = "%%MatrixMarket matrix coordinate integer general"
_TERABYTES = {"shape": (10**6, 10**6), "chunks": (100, 100)}


def _input(area, make, becomes, says):
    return Input(area, make, becomes, says)


def _claims(make, says="Get it again"):
    return Input("claims", make, "refused", says)


INPUTS |= {
    "h5ad: a layer claims 4 TB": _claims(_changed(corpus.h5ad, _claim("layers/dense", **_TERABYTES)), "claims 4.0 TB"),
    "h5ad: X claims 4 TB": _claims(_changed(corpus.h5ad, _claim("X", **_TERABYTES)), "claims 4.0 TB"),
    "h5ad: names claim 4 TB": _claims(_changed(corpus.h5ad, _claim("obs/n", (10**12,), chunks=(1000,))), "claims 4.0 TB"),
    "loom: the matrix claims 4 TB": _claims(_changed(corpus.loom, _claim("matrix", **_TERABYTES)), "claims 4.0 TB"),
    "10x HDF5: values claim 4 TB": _claims(_changed(corpus.tenx_h5, _claim("matrix/data", (10**12,), chunks=(9,)))),
    "h5ad: a chunk of 4 GB": _claims(_changed(corpus.h5ad, _claim("layers/dense", (2**15, 2**15), chunks=(2**15, 2**14)))),
    "h5ad: a text of 1 GB": _claims(_text_of_1_gb(corpus.h5ad), "far more memory than it can fill"),
    "loom: a text of 1 GB": _claims(_text_of_1_gb(corpus.loom), "far more memory than it can fill"),
    "h5ad: X of a million cells more than named": _claims(_changed(corpus.h5ad, _shape("X", [10**6, 8]))),
    "h5ad: X of a negative shape": _claims(_changed(corpus.h5ad, _shape("X", [-1, 8]))),
    "h5ad: X of 2^62 genes": _claims(_changed(corpus.h5ad, _shape("X", [20, 2**62 - 1]))),
    "h5ad: X of three dimensions": _claims(_changed(corpus.h5ad, _shape("X", [20, 8, 1]))),
    "mtx: 1e9 entries": _claims(_mtx(HEAD, "8 20 1000000000", "1 1 1"), "claims 1,000,000,000 entries"),
    "mtx: 1e9 rows": _claims(_mtx(HEAD, "1000000000 20 1", "1 1 1"), "is 1000000000 x 20"),
    "mtx: 1e30 entries": _claims(_mtx(HEAD, "8 20 " + "9" * 30, "1 1 1"), "entries"),
    "mtx: a dense header of 8 x 20 without values": _claims(_mtx(HEAD.replace("coordinate", "array"), "8 20"), "hold fewer"),
    "mtx: entries below zero": _claims(_mtx(HEAD, "8 20 -1", "1 1 1"), "claims -1 entries"),
    "mtx: sizes of words": _claims(_mtx(HEAD, "eight 20 1", "1 1 1"), "should be whole numbers"),
    "mtx: an index beyond the genes": _claims(_mtx(HEAD, "8 20 1", "9 1 1"), "is damaged or cut short"),
    "mtx: an index of 0": _claims(_mtx(HEAD, "8 20 1", "0 1 1"), "is damaged or cut short"),
    "mtx: more entries than said": _claims(_mtx(HEAD, "8 20 1", "1 1 1", "2 2 2"), "is damaged or cut short"),
    "mtx: a number of 5 MB": _claims(_mtx(HEAD, "8 20 1", "1 1 " + "1" * 5_000_000), "line of more than"),
    "mtx: complex numbers": _claims(_mtx(HEAD.replace("integer", "complex"), "8 20 1", "1 1 1 1"), "complex"),
    "h5ad: an external link": Input("links", _changed(corpus.h5ad, _link("layers/dense", "external")), "refused",
                                    "is a link to another file, 'secret.h5'"),
    "h5ad: obs is an external link": Input("links", _changed(corpus.h5ad, _link("obs", "external")), "refused",
                                           "is a link to another file"),
    "h5ad: a link to nowhere": Input("links", _changed(corpus.h5ad, _link("layers/dense", "soft")), "refused", "damaged"),
    "h5ad: external storage": Input("links", _changed(corpus.h5ad, _stored_outside), "refused", "stored in another file"),
    "h5ad: a virtual array": Input("links", _changed(corpus.h5ad, _virtual), "refused", "stored in another file"),
    "loom: an external link": Input("links", _changed(corpus.loom, _link("layers/double", "external")), "refused",
                                    "is a link to another file"),
    "10x HDF5: an external link": Input("links", _changed(corpus.tenx_h5, _link("matrix/data", "external")), "refused",
                                        "is a link to another file"),
    "h5ad: a group within itself": Input("links", _changed(corpus.h5ad, _loop), "refused", "nested without end"),
    "h5ad: an encoding of the future": Input("foreign errors", _changed(corpus.h5ad, _future), "refused",
                                             "the installed anndata cannot read"),
}  # fmt: skip

# --------------------------------------------------------------------------------------------- zarr with parts missing


def _without(pattern: str):
    def make(folder: Path) -> Path:
        path = corpus.zarr_folder(folder)
        for file in [f for f in path.glob(pattern) if f.is_file() and f.name[0] not in ".z"]:
            file.unlink()
        return path

    return make


def _zarr_text(name: str, text: str):
    def make(folder: Path) -> Path:
        path = corpus.zarr_folder(folder)
        (path / name).write_text(text)
        (path / ".zmetadata").unlink(missing_ok=True)
        return path

    return make


LOST = {
    "X/data": "refused", "X/indices": "refused", "X/indptr": "refused", "layers/double/data": "refused",
    "raw/X/indices": "refused", "obs/_index": "refused", "var/_index": "refused", "obs/cell_type/categories": "refused",
    "obs/cell_type/codes": "warned", "layers/dense": "warned", "obsm/X_pca": "warned", "obs/n": "warned",
}  # fmt: skip
INPUTS |= {
    f"zarr: {name} without a chunk": Input(
        "parts missing", _without(f"{name}/*"), becomes, "Copy it again" if becomes == "refused" else "lacks chunks"
    )
    for name, becomes in LOST.items()
}
INPUTS |= {
    "zarr: JSON nested 5,000 deep": Input("foreign errors", _zarr_text("X/.zattrs", "[" * 5000 + "]" * 5000), "refused",
                                         "nested without end"),
    "zarr: JSON cut": Input("foreign errors", _zarr_text("X/data/.zarray", '{"shape": [3'), "refused", "Get it again"),
    "zarr: a shape of 1e12": Input("claims", _zarr_text("obs/n/.zarray", json.dumps(
        {"zarr_format": 2, "shape": [10**12], "chunks": [20], "dtype": "<i8", "compressor": None, "fill_value": 0,
         "order": "C", "filters": None})), "refused", "claims 8.0 TB"),
    "zarr: whole": Input("parts missing", corpus.zarr_folder, "read"),
    "zarr: whole, in a zip": Input("parts missing", corpus.zarr_zip, "read"),
}  # fmt: skip

# ----------------------------------------------------------------------------------------------------------- tables


def _text(content: bytes, name="x.csv"):
    def make(folder: Path) -> Path:
        (folder / name).write_bytes(content)
        return folder / name

    return make


_TABLE = b"cell,CD3D,LYZ,MS4A1\nc1,1,0,2\nc2,0,3,11\nc3,5,1,12"
_WIDE = b"cell," + b",".join(b"g%d" % i for i in range(400_100)) + b"\nc1" + b",1" * 400_100 + b"\n"


def _table(content, becomes, says, name="x.csv"):
    return Input("tables", _text(content, name), becomes, says)


INPUTS |= {
    "csv: whole": _table(_TABLE + b"\n", "read", ""),
    "csv: cut in its last number": _table(_TABLE[:-1], "warned", "last line does not end"),
    "csv: cut in its last line": _table(_TABLE[:-5], "refused", "no value in the last column"),
    "csv: a zero byte": _table(_TABLE.replace(b"11", b"1\x001"), "refused", "zero byte at position 37"),
    "csv: a zero byte far down": _table(_TABLE + b"\n" + b"c4,1,1,1\n" * 9000 + b"c5,1,\0,1\n", "refused", "zero byte"),
    "csv: UTF-16": _table(_TABLE.decode().encode("utf-16"), "refused", "save it as UTF-8"),
    "csv: Latin-1": _table(_TABLE.replace(b"c1", b"caf\xe9") + b"\n", "warned", "not UTF-8"),
    "csv: stray bytes in a number": _table(_TABLE.replace(b"11", b"1\xff1") + b"\n", "refused", "among numbers"),
    "csv: 400,100 columns": _table(_WIDE, "refused", "more than 400,000 columns"),
    "csv: a line of 70 MB": _table(_TABLE + b"\n" + b"1" * 70_000_000, "refused", "line of more than"),
    "csv: a field of 200 kB": _table(_TABLE.replace(b"MS4A1", b"M" * 200_000) + b"\n", "refused", "field"),
    "csv: a quote that does not close": _table(_TABLE.replace(b"c2", b'"c2') + b"\n", "refused", ""),
    "csv: rows of too many fields": _table(_TABLE + b"\n" + b"c4,1,1,1,1\n", "refused", "Expected 4 fields"),
    "csv: numbers beyond any float": _table(_TABLE.replace(b"11", b"1" * 400) + b"\n", "refused", ""),
    "csv.gz: 1 GB of zeros": _table(
        gzip.compress(_TABLE + b"0" * 80_000_000), "refused", "line of more than", "x.csv.gz"
    ),
    "csv.gz: bits damaged": _table(
        _put(bytearray(gzip.compress(_TABLE * 50)), 40, 7), "refused", "damaged", "x.csv.gz"
    ),
}

# ---------------------------------------------------------------------------------------- what is no file, or another


def _fifo(folder: Path) -> Path:
    os.mkfifo(folder / "x.csv")
    return folder / "x.csv"


def _socket(folder: Path) -> Path:
    path = folder / "s"
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(str(path))
    return path


def _zip_of_future(folder: Path) -> Path:
    path = corpus.zarr_zip(folder)
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            content[entry.header_offset + 8] = 99
    at = content.find(b"PK\x01\x02")
    while at >= 0:
        content[at + 10] = 99
        at = content.find(b"PK\x01\x02", at + 4)
    path.write_bytes(content)
    return path


def _link_to(target, path: Path) -> Path:
    path.symlink_to(target)
    return path


def _node(make, says):
    return Input("what is no file", make, "refused", says)


INPUTS |= {
    "a named pipe": _node(_fifo, "is a pipe, and files are read more than once"),
    "/dev/zero": _node(lambda d: Path("/dev/zero"), "is a device"),
    "/dev/null": _node(lambda d: Path("/dev/null"), "is a device"),
    "a socket": _node(_socket, "is a socket"),
    "a link to a device": _node(lambda d: _link_to("/dev/zero", d / "x.h5ad"), "is a device"),
    "a link to itself": _node(lambda d: _link_to(d / "x.h5ad", d / "x.h5ad"), ""),
    "zip: a compression of the future": Input("foreign errors", _zip_of_future, "refused", "damaged"),
}
