"""What is to be written, checked before the work starts: nothing that is read is replaced, nothing fails late."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from itclust.io.recognise import Unreadable, is_store, kind_of_node

# What an output may be called; None: anything.
ENDINGS = {
    "annotated": (".h5ad", ".zarr"),
    "table": (".csv", ".tsv", ".csv.gz", ".tsv.gz"),
    "report": (".html", ".htm"),
    "model": None,
}
_NOT_A_MODEL = (".h5ad", ".zarr", ".csv", ".tsv", ".gz", ".html", ".htm", ".loom", ".rds", ".mtx", ".h5")
_FULL = 1 << 16  # bytes; a disk with less is full


class Refused(ValueError):
    """An output that cannot, or must not, be written."""


class Outputs:
    """The files of one run: checked at once, then written one by one.

    Parameters
    ----------
    wanted
        Option -> (kind, path), kinds as in ``ENDINGS``; None for a path that was not asked for.
    inputs
        Name -> path of what is read.
    replaced
        Name of the input that an output may replace.

    Attributes
    ----------
    written : paths that are complete.

    Examples
    --------
    >>> Outputs({"-o": ("annotated", "a.txt")}, {})
    Traceback (most recent call last):
    ...
    itclust.io.outputs.Refused: -o a.txt: written are .h5ad or .zarr. Choose one of these endings.
    """

    def __init__(self, wanted: dict, inputs: dict, replaced: str | None = None):
        self.paths = {option: Path(path).expanduser() for option, (_, path) in wanted.items() if path}
        self.written: list[Path] = []
        for option, path in self.paths.items():
            _check_name(option, path, wanted[option][0])
            _check_place(option, path, wanted[option][0])
        _check_apart(self.paths)
        for name, given in inputs.items():
            for option, path in self.paths.items():
                if name != replaced or wanted[option][0] != "annotated":
                    _check_no_input(option, path, name, Path(given).expanduser())

    def done(self, option: str) -> None:
        """Note that an output is complete."""
        self.written.append(self.paths[option])

    def __str__(self) -> str:
        """What was written, and what was not."""
        missing = [str(p) for p in self.paths.values() if p not in self.written]
        if not self.written:
            return "nothing was written"
        rest = f"; not written: {', '.join(missing)}" if missing else ""
        return f"written: {', '.join(map(str, self.written))}{rest}"


def _check_name(option: str, path: Path, kind: str) -> None:
    endings = ENDINGS[kind]
    if endings and not path.name.endswith(endings):
        msg = f"{option} {path}: written are {' or '.join(endings)}. Choose one of these endings."
        raise Refused(msg)
    if kind == "model" and path.suffix in _NOT_A_MODEL:
        msg = f"{option} {path}: a model is no {path.suffix} file. Name it .itclust, for instance."
        raise Refused(msg)


def _check_place(option: str, path: Path, kind: str) -> None:
    try:
        folder, node = path.resolve().parent, kind_of_node(path)
        longest = os.pathconf(folder, "PC_NAME_MAX") if folder.is_dir() and hasattr(os, "pathconf") else 255
    except (OSError, RuntimeError, ValueError) as error:
        msg = f"{option} {str(path)[:60]}...: this cannot be a file's name ({getattr(error, 'strerror', error)})."
        raise Refused(msg) from None
    if len(os.fsencode(path.name)) > longest:
        msg = f"{option} {path.name[:40]}...: the name has {len(path.name)} letters, and the disk takes {longest}."
        raise Refused(msg)
    if not folder.is_dir():
        msg = f"{option}: there is no folder {str(folder)!r} to write {path.name!r} to; make it first."
        raise Refused(msg)
    if node and node != "a folder":
        msg = f"{option} {path} is {node}, not a file. Choose another name."
        raise Refused(msg)
    _check_replaced(option, path, node)
    _check_folder(option, folder)


def _check_replaced(option: str, path: Path, node: str | None) -> None:
    of_store = path.suffix == ".zarr"
    if node == "a folder" and not of_store:
        msg = f"{option} {path} is a folder. Give the name of a file."
        raise Refused(msg)
    if of_store and path.exists() and not is_store(path):
        msg = f"{option} {path}: something that is no zarr store is there. Move it, or choose another name."
        raise Refused(msg)
    if path.exists() and not os.access(path, os.W_OK):
        msg = f"{option} {path} is there and may not be written. Remove it, or choose another name."
        raise Refused(msg)


def _check_folder(option: str, folder: Path) -> None:
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"\0" * 4096)
            file.flush()
        free = shutil.disk_usage(folder).free
    except OSError as error:
        msg = f"{option}: the folder {str(folder)!r} cannot be written to ({error.strerror})."
        raise Refused(msg) from None
    if free < _FULL:
        msg = f"{option}: the disk of {str(folder)!r} is full. Make room, or choose another folder."
        raise Refused(msg)


def _check_apart(paths: dict[str, Path]) -> None:
    seen: dict[Path, str] = {}
    for option, path in paths.items():
        for other, at in list(seen.items()):
            if _same(path, other) or _within(path, other) or _within(other, path):
                msg = f"{at} and {option} would write to the same place, {path}. Give each a name of its own."
                raise Refused(msg)
        seen[path] = option


def _check_no_input(option: str, path: Path, name: str, given: Path) -> None:
    hint = ""
    if name == "TARGET" and option == "-o":
        hint = " To annotate the target where it is, use --in-place."
    is_part = path.exists() and any(_same(path, part) for part in _parts(given))
    if _same(path, given) or is_part or _within(given, path) or (is_store(given) and _within(path, given)):
        msg = f"{option} {path} would replace {name}, which is only read. Choose another name.{hint}"
        raise Refused(msg)


def _same(a: Path, b: Path) -> bool:
    try:
        return a.samefile(b)
    except OSError:
        return a.resolve() == b.resolve()


def _within(inner: Path, outer: Path) -> bool:
    return outer.resolve() in inner.resolve().parents


def _parts(given: Path) -> list[Path]:
    """Files that are read for an input beside or within it: a 10x folder, what names the rows of an mtx."""
    from itclust.io import tenx

    if given.is_dir():
        return list(given.iterdir())
    matrix = given if given.exists() else tenx.of_prefix(given)
    if matrix is None or ".mtx" not in matrix.suffixes:
        return []
    try:
        return [matrix, *tenx.named_by(matrix)]
    except Unreadable:
        return [matrix]
