"""Damaged files through every reader: each ends in a result or in one clear line, never in a signal or a hang.

Run by hand for long, by ``test_fuzz.py`` for seconds::

    python tests/python/fuzz.py --files 5000 --seed 1 [--only h5ad]

Small whole files are made first. Each damaged copy is read, and what was read is used, in a child of its own with
limits of memory and time. The parent only forks and counts, so that a child cannot take anything along.
"""

from __future__ import annotations

import argparse
import collections
import gc
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path

import numpy as np
from corpus import make_corpus
from mutations import damage

SECONDS = 30
SPARE = 2 << 30  # bytes of address space beyond those of the parent
MEGABYTES = 500  # of memory, the interpreter and its libraries included, beside twice the whole file's size
QUICK = "h5ad,h5ad gzip,10x h5,10x h5 v2,loom,mtx,mtx gzip,csv,tsv gzip,zarr,zarr zip,model"  # all but R's
OK, REFUSED, FOREIGN = 0, 10, 11


def main(argv=None) -> int:
    """Run so many files; 1 where any ended as none may."""
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--files", type=int, default=1000)
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--only", help="formats of the corpus, separated by commas")
    p.add_argument("--keep", type=Path, help="folder for the files that failed")
    args = p.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        corpus = make_corpus(Path(folder))
        if args.only:
            corpus = {name: path for name, path in corpus.items() if name in args.only.split(",")}
        return report(run(corpus, args.files, args.seed, args.keep))


def run(corpus: dict[str, Path], n_files: int, seed: int = 0, keep: Path | None = None) -> dict:
    """Outcome of each format: counts, the failures, the longest time and the largest memory."""
    _load()
    found = {name: collections.Counter(seconds=0.0, megabytes=0.0) for name in corpus}
    failures = []
    start = time.monotonic()
    for i in range(n_files):
        name = list(corpus)[i % len(corpus)]
        rng = np.random.default_rng([seed, i])
        with tempfile.TemporaryDirectory() as folder:
            path, how = damage(corpus[name], Path(folder), rng)
            outcome, text, seconds, megabytes = isolated(lambda path=path: use(path))
            if megabytes > MEGABYTES + 2 * _size(corpus[name]) / 1e6:
                outcome, text = "memory", f"{megabytes:.0f} MB\n{text}"
            if outcome not in ("read", "refused"):
                failures.append((name, i, how, outcome, text))
                _keep(path, keep, f"{name}-{seed}-{i}")
        count = found[name]
        count[outcome] += 1
        count["seconds"], count["megabytes"] = max(count["seconds"], seconds), max(count["megabytes"], megabytes)
    return {"formats": found, "failures": failures, "files": n_files, "took": time.monotonic() - start}


def _size(path: Path) -> int:
    return sum(f.stat().st_size for f in ([path] if path.is_file() else path.rglob("*")))


def use(path) -> None:
    """Read a file or load a model, and do with it what a transfer does first."""
    import itclust
    from itclust import io

    if path.suffix == ".itclust":
        try:
            itclust.ItClust.load(path)
        except ValueError as error:
            if repr(str(path)) in str(error):  # a line of ours, not one of the libraries below
                raise io.Unreadable(str(error)) from None
            raise
        return
    adata = io.read(path)
    for x in (adata.X, *adata.layers.values()):
        if x is not None:
            x.sum(axis=0)
            x[: len(adata) // 2, ::2].sum()
            x[:, : adata.n_vars // 2].T @ np.ones(adata.n_obs)
    adata[:, :3].copy()  # names of genes may repeat: they are left as they are


def isolated(work) -> tuple[str, str, float, float]:
    """``work()`` in a child: how it ended, what it said, seconds, and the most megabytes that it or a child of it took."""
    receive, send = os.pipe()
    start = time.monotonic()
    pid = os.fork()
    if pid == 0:
        os.close(receive)
        _child(work, send)
    os.close(send)
    with os.fdopen(receive, "rb") as pipe:
        text = pipe.read().decode("utf-8", "replace")
    _, status, usage = os.wait4(pid, 0)
    seconds, megabytes = time.monotonic() - start, usage.ru_maxrss / 1024
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        return "hang" if number == signal.SIGALRM else f"signal {number}", text, seconds, megabytes
    names = {OK: "read", REFUSED: "refused", FOREIGN: "foreign"}
    return names.get(os.WEXITSTATUS(status), f"exit {os.WEXITSTATUS(status)}"), text, seconds, megabytes


def _child(work, send: int) -> None:
    code, text = FOREIGN, ""
    try:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(SECONDS)
        pages = int(Path("/proc/self/statm").read_text().split()[0]) if Path("/proc/self/statm").exists() else 0
        if pages:
            limit = pages * resource.getpagesize() + SPARE
            resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 2)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            code, text = _outcome(work)
    finally:
        os.write(send, text.encode()[:60_000])
        os._exit(code)


def _probe_by_fork(path: Path, seconds: float) -> int:
    """The probe of an HDF5 file in a copy of this process: a new interpreter takes ten times as long."""
    from itclust.io import probe

    pid = os.fork()
    if pid == 0:
        signal.alarm(int(seconds))
        code = 1
        try:
            code = probe.main(str(path))
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _outcome(work) -> tuple[int, str]:
    from itclust.io import Unreadable

    try:
        work()
    except Unreadable as error:
        said = str(error)
        return (FOREIGN, f"more than a line: {said}") if "\n" in said else (REFUSED, said)
    except FileNotFoundError as error:
        return REFUSED, str(error)
    except BaseException:  # noqa: BLE001
        return FOREIGN, traceback.format_exc()
    return OK, ""


def _load() -> None:
    """Import what the readers import, once, so that a child starts at once; nothing here starts a thread."""
    import anndata
    import h5py
    import pandas
    import scipy.io
    import scipy.sparse

    import itclust.api
    import itclust.io.loom
    import itclust.io.native
    import itclust.io.rds
    import itclust.io.tables
    import itclust.modelfile
    import itclust.recipes.default

    assert all(m for m in (anndata, h5py, pandas, scipy, itclust))
    from itclust.io import probe, rds

    probe._run = _probe_by_fork
    rds._TO_OPEN = 20  # of 120 seconds
    probe._SECONDS = 4  # of 20: what takes longer on these small files is taken never to come back
    gc.freeze()  # a collection in a child is then of the child's own


def _keep(path: Path, folder: Path | None, name: str) -> None:
    if folder is None:
        return
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{name}-{path.name}"
    shutil.copytree(path, target, dirs_exist_ok=True) if path.is_dir() else shutil.copy(path, target)


def report(result: dict) -> int:
    """Print what was found; 1 where something failed."""
    print(f"{result['files']} files in {result['took']:.0f} s")
    for name, count in result["formats"].items():
        rest = {k: v for k, v in count.items() if k not in ("seconds", "megabytes")}
        print(f"  {name:<14}{dict(rest)}, longest {count['seconds']:.1f} s, most {count['megabytes']:.0f} MB")
    for name, i, how, outcome, text in result["failures"]:
        print(f"FAILED {name} file {i} ({how}): {outcome}\n{text}")
    return int(bool(result["failures"]))


if __name__ == "__main__":
    sys.exit(main())
