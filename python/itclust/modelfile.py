"""A fitted recipe to one file and back: a zip of .npy arrays and a JSON header; no pickle, no cell of the source."""

from __future__ import annotations

import dataclasses
import json
import typing
from pathlib import Path

import numpy as np

from itclust import __version__
from itclust.io import arrays as io_arrays
from itclust.io.atomic import whole
from itclust.numerics.levels import Tree
from itclust.settings import recipe, resolve

# Of the file. 1: arrays named by the code of 2.0.0's first days; 2: by the recipe's Fit; 3: with what they are, and a checksum.
FORMAT = 3


def write(path, fit, *, preset, settings, seed, tree=None) -> None:
    """Write the model file; whole or not at all.

    Parameters
    ----------
    fit : a recipe's ``Fit``; each of its fields is an array of the file, a tuple's as ``field.0``, ``field.1``, ... or by
        the names of its own fields.
    tree : over its types, or None.
    """
    arrays = _flat(fit)
    header = {
        "format": FORMAT, "version": __version__, "preset": preset, "seed": seed,
        "settings": dataclasses.asdict(settings), "arrays": _described(arrays), "sha256": io_arrays.checksum(arrays),
        "tree": None if tree is None else {str(t): np.flatnonzero(node).tolist() for t, node in zip(tree.names, tree.nodes, strict=True)},
    }  # fmt: skip
    with whole(Path(path)) as part, part.open("wb") as file:
        np.savez_compressed(file, header=np.array(json.dumps(header)), **arrays)


def read(path):
    """Preset, settings, seed, tree and ``Fit`` of a model file; nothing in it is run, nothing believed that was not checked.

    Raises
    ------
    FileNotFoundError
    ValueError
        It is no model file, damaged, changed, or from a later version.
    """
    path = Path(path)
    if not path.is_file():
        msg = f"there is no model file {str(path)!r}."
        raise FileNotFoundError(msg)
    try:
        arrays = io_arrays.read(path)
        header = json.loads(str(arrays.pop("header")))
        later = header["format"] > FORMAT
        if not later and header["format"] not in range(1, FORMAT + 1):
            msg = f"its format is {header['format']!r}"
            raise ValueError(msg)
        version = str(header["version"])[:40] if later else None
        unsealed = not later and header["format"] >= 3 and header["sha256"] != io_arrays.checksum(arrays)
    except io_arrays.ERRORS as error:
        msg = f"{str(path)!r} is not an ItClust model file, or it is damaged ({_short(error)}). Get it again."
        raise ValueError(msg) from None
    if later:
        msg = f"{str(path)!r} was written by itclust {version!r} in a later format, this is {__version__}: update itclust."
        raise ValueError(msg)
    if unsealed:
        msg = f"{str(path)!r} was damaged or changed after it was written: its arrays do not have its checksum. Get it again."
        raise ValueError(msg)
    try:
        return _believed(header, arrays)
    except io_arrays.ERRORS as error:
        msg = (
            f"{str(path)!r} is whole, but nothing that itclust {__version__} writes ({_short(error)}). Do not trust it."
        )
        raise ValueError(msg) from None


def _believed(header: dict, arrays: dict):
    """What :func:`read` returns; raises one of ``io_arrays.ERRORS`` where header, arrays and recipe do not agree."""
    row = recipe(header["preset"])
    if header["format"] >= 3 and header["arrays"] != _described(arrays):
        msg = "its arrays are not those that its header lists"
        raise ValueError(msg)
    settings = _settings(header, row.settings)
    kind = row.load().Fit
    fit = kind.from_format_1(arrays) if header["format"] == 1 else _deep(kind, arrays)
    named = _flat(fit)
    if unknown := [k for k in arrays if header["format"] > 1 and k not in named]:
        msg = f"the array {unknown[0]!r} is no part of such a model"
        raise ValueError(msg)
    io_arrays.agree(named, fit.shapes(settings))
    if not 0 <= header["seed"] < 2**32 or header["seed"] != int(header["seed"]):
        msg = f"its seed is {header['seed']!r}"
        raise ValueError(msg)
    return header["preset"], settings, int(header["seed"]), _tree(header.get("tree"), len(fit.types)), fit


def _tree(types_of: dict | None, n_types) -> Tree | None:
    """The tree of a header: its names, and the positions of each one's types."""
    if types_of is None:
        return None
    nodes = np.zeros((len(types_of), n_types), bool)
    for node, types in zip(nodes, types_of.values(), strict=True):
        at = np.asarray(types, int)
        if at.ndim != 1 or not len(at) or at.min() < 0:
            msg = "its tree holds types that it lacks"
            raise ValueError(msg)
        node[at] = True
    return Tree(nodes, np.array(list(types_of), dtype=str))


def _described(arrays: dict) -> dict:
    """{name: [kind, shape]}."""
    return {k: [v.dtype.str, list(v.shape)] for k, v in sorted(arrays.items())}


def _short(error) -> str:
    """An error as part of a line."""
    text = f"{error} is missing" if isinstance(error, KeyError) else str(error)
    text = " ".join(text.split()) or type(error).__name__
    return text if len(text) <= 200 else f"{text[:200]}..."


def _settings(header: dict, kind):
    """Settings of a recipe, each in its range; in files of formats 1 and 2 fields that are another's are left out."""
    known, values = {f.name for f in dataclasses.fields(kind)}, header["settings"]
    if unknown := [k for k in values if k not in known and header["format"] >= 3]:
        msg = f"the setting {unknown[0]!r} is unknown; the file says itclust {header['version']}"
        raise ValueError(msg)
    return resolve(header["preset"], {k: v for k, v in values.items() if k in known})


def _flat(fit) -> dict[str, np.ndarray]:
    """The fields of a ``Fit`` as arrays by name."""
    arrays = {}
    for field in dataclasses.fields(fit):
        value = getattr(fit, field.name)
        if value is None:
            continue
        if isinstance(value, tuple):
            names = getattr(value, "_fields", range(len(value)))
            arrays |= {f"{field.name}.{n}": v for n, v in zip(names, value, strict=True) if v is not None}
        else:
            arrays[field.name] = value
    return {k: np.asarray(v.astype(str) if v.dtype == object else v) for k, v in arrays.items()}


def _deep(kind, arrays: dict):
    """A ``Fit`` from arrays by name."""
    values = {}
    optional = {f.name for f in dataclasses.fields(kind) if f.default is not dataclasses.MISSING}
    for name, hint in typing.get_type_hints(kind).items():
        hint = next((h for h in typing.get_args(hint) if hasattr(h, "_fields")), hint)
        parts = {k.split(".", 1)[1]: v for k, v in arrays.items() if k.startswith(f"{name}.")}
        if hasattr(hint, "_fields") and (parts or name not in optional):
            values[name] = hint(**parts)
        elif parts:
            values[name] = tuple(parts[str(i)] for i in range(len(parts)))
        elif name in arrays or name not in optional:
            values[name] = arrays[name]
    return kind(**values)
