"""The methods: how each is started, and whether it can be here."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PEERS = ROOT / ".venv-peers" / "bin" / "python"


@dataclass(frozen=True)
class Method:
    """A method in a process of its own.

    ``command`` takes the folder with source.h5ad and target.h5ad, where answer.csv is to appear, and the seed;
    ``missing`` gives the reason why it cannot run here, or None.
    """

    name: str
    title: str
    command: Callable[[Path, int], list[str]]
    missing: Callable[[], str | None]
    random: bool = False  # does the answer depend on the seed?
    ours: bool = False


def ours(name: str, title: str) -> Method:
    """One of the presets, by the command line."""

    def command(folder, seed):
        files = [str(folder / f) for f in ("source.h5ad", "target.h5ad", "out.h5ad", "answer.csv")]
        front = [sys.executable, "-m", "itclust", "transfer", *files[:2], "-o", files[2], "--csv", files[3]]
        return [*front, "--labels", "label", "--preset", name, "--seed", str(seed), "--quiet"]

    return Method(name, title, command, lambda: None, random=True, ours=True)


def python(name: str, title: str, module: str, *, script: str | None = None, random: bool = False) -> Method:
    """A script for the peers' environment."""

    def command(folder, seed):
        return [str(PEERS), str(HERE / (script or f"{name}.py")), str(folder), str(seed)]

    return Method(name, title, command, lambda: _python_lacks(module), random=random)


def r(name: str, title: str, package: str) -> Method:
    """A script for R."""

    def command(folder, seed):
        scripts = "; ".join(f'source("{HERE / script}")' for script in ("peer.R", f"{name}.R"))
        return ["Rscript", "--vanilla", "-e", scripts, str(folder), str(seed)]

    return Method(name, title, command, lambda: _r_lacks(package))


@cache
def _python_lacks(module: str) -> str | None:
    if not PEERS.exists():
        return "there is no .venv-peers; benchmarks/setup-peers.sh makes it"
    code = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({module!r}) is None)"
    absent = subprocess.run([PEERS, "-c", code], check=False).returncode
    return (
        f"{module} is not in .venv-peers; benchmarks/setup-peers.sh installs it (scvi with --scanvi)"
        if absent
        else None
    )


@cache
def _r_lacks(package: str) -> str | None:
    if shutil.which("Rscript") is None:
        return "there is no R"
    code = f'for (p in c("{package}", "rhdf5")) if (!nzchar(system.file(package = p))) {{ cat(p); break }}'
    absent = subprocess.run(["Rscript", "--vanilla", "-e", code], capture_output=True, text=True, check=True).stdout
    return f"R lacks {absent}; benchmarks/setup-peers.sh --r installs it" if absent else None


def environment() -> dict[str, str]:
    """One thread a method, the same for all, unless the caller has set another number."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONWARNINGS": "ignore"}
    return {**dict.fromkeys(names, "1"), **quiet, **os.environ}


METHODS = {
    m.name: m
    for m in [
        ours("default", "ItClust"),
        ours("paper", "ItClust, 2020 recipe"),
        python("logreg", "logistic regression", "sklearn"),
        python("svm", "linear SVM", "sklearn"),
        python("celltypist", "CellTypist", "celltypist", script="cell_typist.py"),
        python("scanvi", "scANVI", "scvi", random=True),
        r("seurat", "Seurat", "Seurat"),
        r("singler", "SingleR", "SingleR"),
    ]
}
