"""Many targets: one file after the other, or side by side, into one folder; what is there already is skipped."""

from __future__ import annotations

import logging
from pathlib import Path

import itclust

log = logging.getLogger("itclust")

COLUMNS = ("target", "status", "cells", "types", "novel cells", "mean confidence")


def outputs(source, targets, folder) -> dict[Path, Path]:
    """Where each target's results go: ``folder/NAME.h5ad``.

    Raises
    ------
    itclust.io.Refused
        Two targets would write the same file, or one that is read lies where results would go.
    """
    found = {}
    for target in map(Path, targets):
        name = target.name if target.suffix in (".h5ad", ".zarr") else f"{target.name.split('.')[0]}.h5ad"
        out = Path(folder) / name
        if out in found.values():
            msg = f"two targets would be written to {out}: annotate files of one name apart, or rename one."
            raise itclust.io.Refused(msg)
        if out.resolve() in {Path(p).resolve() for p in (source, *targets)}:
            msg = f"{out} is read and would be replaced: give -o another folder."
            raise itclust.io.Refused(msg)
        found[target] = out
    return found


def annotate(model, places: dict[Path, Path], options: dict, jobs: int = 1) -> list[dict]:
    """Annotate each target, and say what became of it: a row each, in order.

    A target that fails does not stop the others; one whose output is there is not annotated again, because outputs appear
    whole or not at all.

    Parameters
    ----------
    model : a fitted :class:`itclust.ItClust`, or the path of one.
    places : target -> output, see :func:`outputs`.
    options : keywords of :meth:`itclust.ItClust.transfer`.
    jobs : processes; each loads the model once.
    """
    todo = {target: out for target, out in places.items() if not out.exists()}
    rows = {target: {"target": str(target), "status": "was there"} for target in places if target not in todo}
    if jobs > 1 and len(todo) > 1:
        answers = _side_by_side(model, todo, options, jobs)
    else:
        answers = (_one(model, target, out, options) for target, out in todo.items())
    for target, row in zip(todo, answers, strict=True):
        log.info("%s: %s", target, row["status"])
        rows[target] = row
    return [rows[target] for target in places]


def _one(model, target, out, options) -> dict:
    """Annotate one file; its row."""
    try:
        adata = itclust.io.read(target, backed=itclust.io.is_large(target))
        model.transfer(adata, **options)
        itclust.io.write(adata, out)
    except Exception as error:  # noqa: BLE001  whatever it is, the other targets go on
        return {"target": str(target), "status": f"failed: {in_words(error)}"}
    key = options.get("key_added", "itclust")
    label, confidence = adata.obs[key].astype(str), adata.obs[f"{key}_confidence"]
    novel = label.str.startswith("novel ")
    return {
        "target": str(target), "status": "done", "cells": len(label), "types": int(label[~novel].nunique()),
        "novel cells": int(novel.sum()), "mean confidence": round(float(confidence.mean()), 3),
    }  # fmt: skip


def in_words(error) -> str:
    """What an error says, in one line."""
    text = error.args[0] if isinstance(error, KeyError) and error.args else str(error) or type(error).__name__
    return " ".join(str(text).split())


_model = None  # of a worker process


def _start(path, settings, seed) -> None:
    global _model
    _model = itclust.ItClust.load(path)
    _model.settings, _model.random_state = settings, seed


def _in_worker(task) -> dict:
    return _one(_model, *task)


def _side_by_side(model, todo, options, jobs):
    """Rows of the targets in order, made by ``jobs`` processes of their own."""
    import tempfile
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    with tempfile.TemporaryDirectory(prefix="itclust-") as folder:
        path = Path(folder) / "model.itclust"
        model.save(path)
        start = (str(path), model.settings, model.random_state)
        with ProcessPoolExecutor(jobs, get_context("spawn"), _start, start) as pool:
            yield from pool.map(_in_worker, [(target, out, options) for target, out in todo.items()])


def table(rows) -> str:
    """The rows as text."""
    import pandas as pd

    return pd.DataFrame(rows, columns=COLUMNS).to_string(index=False, na_rep="")
