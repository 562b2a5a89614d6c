"""Two Dask worker processes on this machine, and one of them killed half way: the labels of the run without Dask?

    pip install distributed
    python benchmarks/cluster.py [--model MODEL --target TARGET.h5ad] [--slices 8]

Without files: a toy model and a toy target. A quarter of the slices are with the workers at a time, so that some are
still to come when the worker goes.
"""

from __future__ import annotations

import argparse
import os
import signal
import tempfile
import time
from pathlib import Path

import anndata as ad
import numpy as np
from distributed import Client, LocalCluster

import itclust
from itclust.data import expression


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--model", type=Path)
    p.add_argument("--target", type=Path)
    p.add_argument("--slices", type=int, default=8)
    args = p.parse_args()
    with tempfile.TemporaryDirectory(prefix="itclust-cluster-") as folder:
        model, target = (itclust.ItClust.load(args.model), args.target) if args.model else toy(Path(folder))
        n = ad.read_h5ad(target, backed="r").n_obs
        expression.ANSWERED, expression.IN_FLIGHT = -(-n // args.slices), max(args.slices // 4, 1)
        alone = annotated(model, target, "one process")
        with (
            LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
            Client(cluster) as client,
        ):
            compare(alone, annotated(model, target, "two workers"))
            pid = next(iter(client.run(os.getpid).values()))
            compare(alone, annotated(model, target, "two workers, one killed", pid))


def toy(folder) -> tuple:
    source, target = itclust.datasets.toy(120, 400, n_genes=120, n_types=3)
    target.write_h5ad(folder / "target.h5ad")
    model = itclust.ItClust(n_sketch=200, max_iter=1, round_steps=5, source_epochs=2)
    return model.fit(source, progress=False), folder / "target.h5ad"


def annotated(model, target, name, pid=None):
    """The table of the target; the process ``pid`` is killed when half of the cells are answered."""
    victims = [] if pid is None else [pid]

    def progress(stage, fraction, text):
        if stage == "cells" and fraction >= 0.5 and victims:
            os.kill(victims.pop(), signal.SIGKILL)
            print(f"    killed a worker: {text} answered")

    start, adata = time.perf_counter(), ad.read_h5ad(target, backed="r")
    model.transfer(adata, progress=progress)
    print(f"{name}: {adata.n_obs:,} cells, {time.perf_counter() - start:.1f} s")
    return adata.obs


def compare(a, b) -> None:
    same = (a["itclust"].astype(str) == b["itclust"].astype(str)).sum()
    differ = np.abs(a["itclust_confidence"] - b["itclust_confidence"]).max()
    print(f"    {same:,} of {len(a):,} labels the same; confidences differ by {differ:.1g} at most")


if __name__ == "__main__":
    main()
