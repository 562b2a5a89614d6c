"""Ways to damage a file: bytes, text, and what a program of bad intent would write."""

from __future__ import annotations

import gzip
import json
import shutil
import zlib
from pathlib import Path

import numpy as np

NUMBERS = (-1, 0, 1, 2, 255, 2**30, 2**31 - 1, -(2**31), 2**53, 2**62, -(2**62))
WORDS = (b"-1", b"0", b"99999999999999999999", b"1073741824", b"1e309", b"nan", b"", b'"', b"\0", b"\xff\xfe", b"\n", b",",
         b"A" * 5000, b"[" * 500, b"{}", b"null", b"%", b"\t")  # fmt: skip


def damage(path: Path, folder: Path, rng) -> tuple[Path, str]:
    """A damaged copy of ``path`` in ``folder``, and how it was damaged."""
    copy = folder / path.name
    shutil.copytree(path, copy) if path.is_dir() else shutil.copy(path, copy)
    if copy.is_dir() and rng.random() < 0.1:
        victim = _pick(rng, _files(copy))
        victim.unlink()
        return copy, f"without {victim.relative_to(copy)}"
    file = _pick(rng, _files(copy)) if copy.is_dir() else copy
    how = []
    for _ in range(rng.integers(1, 4)):
        how.append(_damage_file(file, rng, whole=not how))
    return copy, f"{file.name}: {', '.join(how)}"


def _files(folder: Path) -> list[Path]:
    return sorted(f for f in folder.rglob("*") if f.is_file())


def _pick(rng, values):
    return values[rng.integers(len(values))]


def _damage_file(file: Path, rng, *, whole: bool) -> str:
    content = file.read_bytes()
    if whole and content.startswith(b"\x89HDF") and rng.random() < 0.5:
        return of_hdf5(file, rng)
    if whole and file.suffix == ".itclust" and rng.random() < 0.7:
        return of_model(file, rng)
    if content.startswith(b"\x1f\x8b") and rng.random() < 0.7:
        try:
            inner, how = of_bytes(gzip.decompress(content), rng)
        except (OSError, EOFError, zlib.error):
            inner, how = content, "not again"
        file.write_bytes(gzip.compress(inner))
        return f"inside: {how}"
    if content[:1] == b"{" and rng.random() < 0.7:
        return of_json(file, rng)
    content, how = of_bytes(content, rng)
    file.write_bytes(content)
    return how


def of_model(file: Path, rng) -> str:
    """Another array, or another header, in a model file that is sealed again half of the time."""
    from itclust.io import arrays as io_arrays

    arrays = io_arrays.read(file)
    header = json.loads(str(arrays.pop("header")))
    name = _pick(rng, sorted(arrays))
    value, how = arrays[name], _pick(rng, ["gone", "number", "shape", "kind", "length", "header", "setting", "claim"])
    if how == "gone":
        del arrays[name]
    elif how == "number" and value.size and value.dtype.kind != "U":
        value.flat[int(rng.integers(value.size))] = _pick(
            rng, [np.nan, np.inf, -1, 1e30] if value.dtype.kind == "f" else [-1, 2**30]
        )
    elif how == "shape":
        arrays[name] = value.T if value.ndim > 1 else value[None]
    elif how == "kind":
        arrays[name] = (
            value.astype(_pick(rng, ["U9", "f8", "c16", "i1", "V4", "?", "S3"]))
            if value.dtype.kind != "U"
            else np.arange(len(value))
        )
    elif how == "length":
        arrays[name] = np.resize(value, (int(_pick(rng, [0, 1, 3, 10**6])), *value.shape[1:]))
    elif how in ("header", "setting"):
        node = header if how == "header" else header["settings"]
        key = _pick(rng, sorted(node))
        node[key] = _pick(rng, [*NUMBERS, "", "x", None, [], {}, [-1], [10**9], 0.5, 1e300, True, "paper"])
        how += f" {key}"
    else:
        arrays["more"] = np.zeros((40, 10**6), "i1")
    if rng.random() < 0.8:
        header["sha256"] = io_arrays.checksum(arrays)
        if rng.random() < 0.8:
            header["arrays"] = {k: [v.dtype.str, list(v.shape)] for k, v in sorted(arrays.items())}
    np.savez_compressed(file.open("wb"), header=np.array(json.dumps(header)), **arrays)
    return f"{name} {how}"


def of_bytes(content: bytes, rng) -> tuple[bytes, str]:
    """Flip, overwrite, cut, repeat, insert."""
    data = bytearray(content)
    if not data:
        return content, "empty"
    a, b = sorted(int(v) for v in rng.integers(len(data) + 1, size=2))
    b = min(b, a + int(2 ** rng.uniform(0, 12)))
    how = _pick(rng, ["flip", "zeros", "ones", "noise", "cut", "repeat", "remove", "word", "number"])
    if how == "flip":
        for at in rng.integers(len(data), size=rng.integers(1, 9)):
            data[at] ^= 1 << int(rng.integers(8))
    elif how in ("zeros", "ones"):
        data[a:b] = (b"\0" if how == "zeros" else b"\xff") * (b - a)
    elif how == "noise":
        data[a:b] = rng.bytes(b - a)
    elif how == "cut":
        del data[int(rng.integers(len(data))) :]
    elif how == "repeat":
        data[b:b] = data[a:b] * int(rng.integers(1, 20))
    elif how == "remove":
        del data[a:b]
    elif how == "word":
        data[a : a + int(rng.integers(4))] = _pick(rng, WORDS)
    else:
        data[a : a + 8] = np.array(_pick(rng, NUMBERS), np.int64).tobytes()
    return bytes(data), how


def of_json(file: Path, rng) -> str:
    """Another value, or none, at one key of the metadata of a zarr array or group."""
    try:
        tree = json.loads(file.read_bytes())
    except ValueError:
        return "no JSON any more"
    node = tree
    while isinstance(node, dict) and node:
        key = _pick(rng, sorted(node))
        if not isinstance(node[key], dict) or rng.random() < 0.2:
            break
        node = node[key]
    if not isinstance(node, dict) or not node:
        return "nothing to change"
    if rng.random() < 0.2:
        del node[key]
    else:
        node[key] = _pick(rng, [*NUMBERS, "", "x", None, [], {}, [-1], [10**12], [10**9, 10**9], [20, 10**12], True])
    file.write_text(json.dumps(tree))
    return f"JSON {key}"


def of_hdf5(file: Path, rng) -> str:
    """Write numbers that lead out, remove a part, or change an attribute, through the library itself."""
    import h5py

    try:
        with h5py.File(file, "r+") as f:
            names = []
            f.visit(names.append)
            name = _pick(rng, sorted(names))
            return f"{name} {_of_object(f, name, rng)}"
    except Exception:  # noqa: BLE001 - damage may make anything of it
        return "no HDF5 any more"


def _of_object(f, name: str, rng) -> str:
    import h5py

    item = f[name]
    attributes = sorted(item.attrs)
    how = rng.random()
    if how < 0.15:
        del f[name]
        return "removed"
    if how < 0.35 and attributes:
        key = _pick(rng, attributes)
        item.attrs[key] = _pick(rng, [*NUMBERS, "", "x", np.array([-1, 2**40]), np.array([2**62, 2**62])])
        return f"attribute {key}"
    if how < 0.4:
        f[f"{name}-loop" if isinstance(item, h5py.Dataset) else f"{name}/loop"] = item if how < 0.38 else f["/"]
        return "loop"
    if not isinstance(item, h5py.Dataset) or not item.size:
        return "left"
    if how < 0.6:
        values, kind = item[()], item.dtype
        n = int(_pick(rng, [0, 1, item.size - 1, item.size + 1, 3 * item.size]))
        del f[name]
        f.create_dataset(name, data=np.resize(values, n), dtype=kind)
        return f"of {n} values"
    if item.dtype.kind in "iuf" and item.ndim:
        values = item[...]
        values.flat[int(rng.integers(values.size))] = np.array(_pick(rng, NUMBERS)).astype(item.dtype)
        item[...] = values
        return "a number"
    if how < 0.8:
        del f[name]
        f.create_dataset(name, shape=(10**6, 10**6), chunks=(100, 100), dtype="f4")
        return "claims 4 TB"
    return "left"
