"""A fitted recipe to one file and back: a zip of .npy arrays and a JSON header; no pickle, no cell of the source."""

from __future__ import annotations

import dataclasses
import json
import typing
import zipfile
from pathlib import Path

import numpy as np

from itclust import __version__
from itclust.io.atomic import whole
from itclust.numerics.levels import Tree
from itclust.settings import recipe

FORMAT = 2  # of the file; 1: arrays named by the code of 2.0.0's first days


def write(path, fit, *, preset, settings, seed, tree=None) -> None:
    """Write the model file; whole or not at all.

    Parameters
    ----------
    fit : a recipe's ``Fit``; each of its fields is an array of the file, a tuple's as ``field.0``, ``field.1``, ... or by
        the names of its own fields.
    tree : over its types, or None.
    """
    header = {
        "format": FORMAT, "version": __version__, "preset": preset, "seed": seed,
        "settings": dataclasses.asdict(settings),
        "tree": None if tree is None else {str(t): np.flatnonzero(node).tolist() for t, node in zip(tree.names, tree.nodes, strict=True)},
    }  # fmt: skip
    with whole(Path(path)) as part, part.open("wb") as file:
        np.savez_compressed(file, header=np.array(json.dumps(header)), **_flat(fit))


def read(path):
    """Preset, settings, seed, tree and ``Fit`` of a model file; nothing in it is run.

    Raises
    ------
    FileNotFoundError
    ValueError
        It is no model file, damaged, or from a later version.
    """
    path = Path(path)
    if not path.is_file():
        msg = f"there is no model file {str(path)!r}."
        raise FileNotFoundError(msg)
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {k: file[k] for k in file.files}
        header = json.loads(str(arrays.pop("header")))
        if header["format"] > FORMAT:
            newer = header["version"]
        else:
            newer, row = None, recipe(header["preset"])
            settings = _settings(header["settings"], row.settings)
            kind = row.load().Fit
            fit = kind.from_format_1(arrays) if header["format"] == 1 else _deep(kind, arrays)
            preset, seed = header["preset"], header["seed"]
            tree = _tree(header.get("tree"), len(fit.types))
    except (
        ValueError,
        KeyError,
        IndexError,
        AttributeError,
        TypeError,
        OSError,
        EOFError,
        zipfile.BadZipFile,
    ) as error:
        msg = f"{str(path)!r} is not an ItClust model file, or it is damaged ({error})."
        raise ValueError(msg) from None
    if newer:
        msg = f"{str(path)!r} was written by itclust {newer}, this is {__version__}: update itclust."
        raise ValueError(msg)
    return preset, settings, seed, tree, fit


def _tree(types_of: dict | None, n_types) -> Tree | None:
    """The tree of a header: its names, and the positions of each one's types."""
    if types_of is None:
        return None
    nodes = np.zeros((len(types_of), n_types), bool)
    for node, types in zip(nodes, types_of.values(), strict=True):
        node[np.asarray(types, int)] = True
    return Tree(nodes, np.array(list(types_of), dtype=str))


def _settings(values: dict, kind):
    """Settings of a recipe; fields that are another's (format 1 had the union) are left out."""
    known = {f.name for f in dataclasses.fields(kind)}
    return kind(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items() if k in known})


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
    return {k: v.astype(str) if v.dtype == object else v for k, v in arrays.items()}


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
