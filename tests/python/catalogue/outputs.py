"""What a command is told to write and must not: refused before anything is read."""

from __future__ import annotations

import itertools
import os
from pathlib import Path


def command(option: str, path) -> list[str]:
    """A command with one output at ``path`` and the others where they do no harm."""
    if option == "train -o":
        return ["train", "source.h5ad", "-o", str(path)]
    outputs = {"-o": "out.h5ad", "--csv": None, "--report": None} | {option: str(path)}
    return ["transfer", "source.h5ad", "target.h5ad", *(x for o, p in outputs.items() if p for x in (o, p))]


ENDING = {"-o": ".h5ad", "--csv": ".csv", "--report": ".html", "train -o": ".itclust"}


def _made(make):
    def at(option: str, folder: Path) -> str:
        path = folder / f"odd{ENDING[option]}"
        make(path)
        return path.name

    return at


def _to(name: str, link):
    return _made(lambda path: link(path.with_name(name), path))


PLACES = {
    "a device": (_made(lambda p: p.symlink_to("/dev/null")), "is a device"),
    "a pipe": (_made(os.mkfifo), "is a pipe"),
    "a folder": (_made(lambda p: p.mkdir()), "is a folder"),
    "a name of 300 letters": (lambda o, d: "n" * 300 + ENDING[o], "name"),
    "a path of 5,000 letters": (lambda o, d: "d/" * 2500 + "x" + ENDING[o], ""),
    "no such folder": (lambda o, d: f"none/x{ENDING[o]}", "there is no folder"),
    "below a file": (lambda o, d: f"source.h5ad/x{ENDING[o]}", ""),
    "a link to itself": (_made(lambda p: p.symlink_to(p)), ""),
    "a zero byte in the name": (lambda o, d: f"a\0b{ENDING[o]}", "cannot be a file's name"),
    "a link to SOURCE": (_to("source.h5ad", os.symlink), "would replace SOURCE"),
    "a hard link to SOURCE": (_to("source.h5ad", os.link), "would replace SOURCE"),
}
OUTPUTS = {
    f"{option} {what}": (lambda d, o=option, at=at: command(o, at(o, d)), says)
    for (what, (at, says)), option in itertools.product(PLACES.items(), ENDING)
}
OUTPUTS |= {
    f"{option} {what}": (lambda d, o=option, at=at: command(o, at(o, d)), "would replace TARGET")
    for (what, at), option in itertools.product(
        {
            "a link to TARGET": _to("target.h5ad", os.symlink),
            "a hard link to TARGET": _to("target.h5ad", os.link),
        }.items(),
        ("-o", "--csv", "--report"),
    )
}


def _plain(text: str, says: str):
    return lambda d: text.split(), says


OUTPUTS |= {
    "-o SOURCE itself": _plain("transfer source.h5ad target.h5ad -o source.h5ad", "would replace SOURCE"),
    "-o SOURCE by another way": _plain(
        "transfer source.h5ad target.h5ad -o ./sub/../source.h5ad", "would replace SOURCE"
    ),
    "-o TARGET without --in-place": _plain("transfer source.h5ad target.h5ad -o target.h5ad", "use --in-place"),
    "--in-place where SOURCE is TARGET": _plain("transfer target.h5ad target.h5ad --in-place", "would replace SOURCE"),
    "--in-place with -o": _plain("transfer source.h5ad target.h5ad --in-place -o x.h5ad", "-o OUT.h5ad, or --in-place"),
    "--in-place of a csv": _plain("transfer source.h5ad target.csv --in-place", "written are .h5ad or .zarr"),
    "neither -o nor --in-place": _plain("transfer source.h5ad target.h5ad", "-o OUT.h5ad, or --in-place"),
    "--in-place, --csv the same": _plain(
        "transfer source.h5ad target.h5ad --in-place --csv target.h5ad", ".csv or .tsv"
    ),
    "-o of another ending": _plain("transfer source.h5ad target.h5ad -o out.txt", "written are .h5ad or .zarr"),
    "--csv of another ending": _plain("transfer source.h5ad target.h5ad -o o.h5ad --csv o.xlsx", "written are .csv"),
    "--report of another ending": _plain(
        "transfer source.h5ad target.h5ad -o o.h5ad --report o.h5ad", "written are .html"
    ),
    "--csv beside the same --csv": _plain("transfer source.h5ad target.h5ad -o x.zarr --csv x.zarr/a.csv", ""),
    "train -o SOURCE": _plain("train source.h5ad -o source.h5ad", "a model is no .h5ad file"),
    "train -o a table": _plain("train source.h5ad -o model.csv", "a model is no .csv file"),
    "-o a folder that is no zarr store": _plain("transfer source.h5ad target.h5ad -o sub.zarr", "no zarr store"),
    "-o within TARGET, a zarr store": _plain(
        "transfer source.h5ad store.zarr -o store.zarr/x.h5ad", "would replace TARGET"
    ),
    "-o TARGET, a zarr store": _plain("transfer source.h5ad store.zarr -o store.zarr", "use --in-place"),
    "--csv onto a file of the 10x folder": _plain(
        "transfer source.h5ad tenx -o o.h5ad --csv tenx/barcodes.tsv", "would replace TARGET"
    ),
    "--csv onto names beside an mtx": _plain(
        "transfer source.h5ad tenx/matrix.mtx -o o.h5ad --csv tenx/features.tsv", "would replace TARGET"
    ),
}
