"""rds: objects of R, unpacked by R in a child process and read from what it leaves."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from scipy import sparse

from itclust.io.recognise import Unreadable
from itclust.io.structure import check_indices

logger = logging.getLogger("itclust")

_SCRIPT = Path(__file__).with_name("unpack_rds.R")
# The first two would load another R's libraries; the others name scripts that R runs at its start.
_NOT_FOR_R = ("LD_LIBRARY_PATH", "R_HOME", "R_PROFILE", "R_PROFILE_USER", "R_ENVIRON", "R_ENVIRON_USER")
_FIRST = ("counts", "logcounts", "data")  # which assay becomes X
_BYTES_A_SECOND = 1e6  # measured: 8e6
# beside these: to see what the file holds, packages loaded, and to unpack it, whose values may lie elsewhere
_TO_OPEN, _SECONDS = 120, 1800


def read_rds(path: Path):
    """AnnData of an rds file with a SingleCellExperiment, SummarizedExperiment, Seurat object or matrix.

    Counts become ``X``, else log values; the other assays of the same shape become layers, reduced dimensions
    ``obsm``.
    """
    with tempfile.TemporaryDirectory(prefix="itclust-") as folder:
        _unpack(path.resolve(), Path(folder))
        return _collect(path, Path(folder))


def _unpack(path: Path, folder: Path) -> None:
    env = {key: value for key, value in os.environ.items() if key not in _NOT_FOR_R}
    # --vanilla and a folder of its own: no .Rprofile, .Renviron or .RData of the user's folder is run
    call = [_rscript(path), "--vanilla", str(_SCRIPT), str(path), str(folder)]
    status, said = _run(path, call, env, folder)
    if status:
        reason = folder / "error"
        lines = [line for line in said.splitlines() if line.strip() and line != "Execution halted"]
        if reason.exists():
            front, said = f"{path} ", reason.read_text("utf-8", "replace")
        else:
            front, said = f"R cannot read {path}: ", (lines or ["no message"])[-1]
        raise Unreadable(front + " ".join(said.split()))  # names in a damaged file may hold line breaks


def _run(path: Path, call: list[str], env: dict, folder: Path) -> tuple[int, str]:
    """How R ends, and what it says; from a damaged file R may never come back."""
    reading = path.stat().st_size / _BYTES_A_SECOND  # seconds
    opened = folder / "opened"  # left by R once it knows what the file holds
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    with subprocess.Popen(call, env=env, cwd=folder, text=True, errors="replace", **pipes) as process:
        try:
            for limit in (_TO_OPEN + reading, _SECONDS):
                with contextlib.suppress(subprocess.TimeoutExpired):
                    said = process.communicate(timeout=limit)[1]
                    return process.returncode, said
                if not opened.exists():
                    msg = f"{path} is damaged: R does not come back from reading it. Get it again."
                    raise Unreadable(msg)
        finally:
            process.kill()
    msg = (
        f"R has not unpacked {path} within {_SECONDS / 60:.0f} minutes. It runs code without end; "
        "if it only is very large, save it as h5ad from R."
    )
    raise Unreadable(msg)


def _rscript(path: Path) -> str:
    home = os.environ.get("R_HOME")
    found = (home and shutil.which("Rscript", path=str(Path(home, "bin")))) or shutil.which("Rscript")
    if not found:
        msg = f"reading {path.name} needs R, and there is no Rscript on the PATH. Install R, or save it as h5ad from R."
        raise FileNotFoundError(msg)
    return found


def _collect(path: Path, folder: Path):
    import anndata

    cells, genes = _frame(folder / "cells"), _frame(folder / "genes")
    assays = {name: _assay(path, folder / name_file, genes, cells) for name_file, name in _listed(folder / "assays")}
    first = next((name for name in _FIRST if name in assays), next(iter(assays)))
    embeddings = {f"X_{name.lower()}": _dense(folder / file, len(cells)) for file, name in _listed(folder / "reduced")}
    for note in (folder / "notes").read_text("utf-8").splitlines():
        logger.info("%s: %s", path.name, note)
    logger.info("%s: X is %r, layers are %s", path.name, first, [n for n in assays if n != first] or "none")
    x = assays.pop(first)
    return anndata.AnnData(X=x, obs=cells, var=genes, layers=assays, obsm=embeddings)


def _listed(file: Path) -> list[list[str]]:
    return [line.split("\t", 1) for line in file.read_text("utf-8").splitlines()]


def _assay(path: Path, stem: Path, genes, cells) -> sparse.csr_matrix:
    # R's columns of genes x cells are the rows of cells x genes
    parts = [
        np.fromfile(stem.with_suffix(f".{part}"), dtype) for part, dtype in (("x", "<f8"), ("i", "<i4"), ("p", "<i4"))
    ]
    check_indices(path, stem.name, parts[2], parts[1], (len(cells), len(genes)))
    parts[0] = parts[0].astype(np.float32)
    return sparse.csr_matrix(tuple(parts), shape=(len(cells), len(genes)))


def _dense(file: Path, n_cells: int) -> np.ndarray:
    return np.fromfile(file, "<f8").reshape(n_cells, -1, order="F").astype(np.float32)


def _frame(stem: Path):
    import pandas as pd

    table = pd.read_csv(stem.with_suffix(".csv"), dtype=str, index_col=0, keep_default_na=False)
    kinds = stem.with_suffix(".kinds").read_text("utf-8").splitlines()
    columns = {name: _column(table[name], kind) for name, kind in zip(table.columns, kinds)}
    return pd.DataFrame(columns, index=pd.Index(table.index, dtype=object))


def _column(text, kind: str):
    import pandas as pd

    known = text != ""
    if kind in ("numeric", "integer"):
        return pd.to_numeric(text.where(known))
    if kind == "logical" and known.all():
        return text == "TRUE"
    return pd.Categorical(text.where(known))
