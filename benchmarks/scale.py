"""Time and memory of ``itclust transfer`` as the target grows, whole processes, in one run.

    python benchmarks/scale.py [--cells 10000,50000,200000] [--source 20000] [--set NAME=VALUE] [--folder FOLDER] [--out F.csv]
    python benchmarks/scale.py --figure docs/_static/scale.png

Source and target are the datasets of the pair ``pbmc``, enlarged (benchmarks/enlarge.py); files that are in the folder
already are used again. Beside each run: one pass over the counts in the target's file, the least that any method needs.
Rows are added to the table; the figure is drawn from it.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import anndata as ad
import data
import numpy as np
import pandas as pd
from enlarge import enlarge
from run import HERE

PASS = (
    "import sys, h5py; g = h5py.File(sys.argv[1])['X']; n = g['data'].shape[0]\n"
    "for i in range(0, n, 1 << 24): g['data'][i:i + (1 << 24)]; g['indices'][i:i + (1 << 24)]"
)


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--cells", default="10000,50000,200000")
    p.add_argument("--source", type=int, default=20_000)
    p.add_argument("--set", action="append", default=[], help="of the transfer: n_sketch=50000 for no sketch")
    p.add_argument("--folder", type=Path, default=HERE / "scratch")
    p.add_argument("--limit", type=float, default=3600)
    p.add_argument("--out", type=Path, default=HERE / "scale.csv")
    p.add_argument("--figure", type=Path)
    args = p.parse_args()
    if args.figure:
        draw(pd.read_csv(args.out), args.figure)
        return
    args.folder.mkdir(exist_ok=True)
    source = made(args.folder, "pbmc3k_10xv1", args.source, "cell_type")
    for n in map(int, args.cells.split(",")):
        target = made(args.folder, "kang_ifnb2800", n, "truth")
        row = {
            "source": args.source,
            "cells": n,
            "set": " ".join(args.set),
            **one(source, target, args.set, args.limit),
        }
        print(row, flush=True)
        table = pd.DataFrame([row])
        table = pd.concat([pd.read_csv(args.out), table]) if args.out.exists() else table
        table.to_csv(args.out, index=False, float_format="%.3f", lineterminator="\n")


def draw(table, path) -> None:
    """Seconds and memory against the target's cells, beside one pass over its file."""
    import matplotlib.pyplot as plt

    table = table[(table["source"] == table["source"].mode()[0]) & table["set"].isna()].sort_values("cells")
    fig, axes = plt.subplots(1, 2, figsize=(8, 3.2), layout="constrained")
    axes[0].plot(table["cells"], table["seconds"], "o-", color="#0072B2", label="itclust transfer")
    axes[0].plot(table["cells"], table["pass_s"], "o--", color="#777777", label="one pass over the file")
    axes[0].set(
        xscale="log", yscale="log", xlabel="target cells", ylabel="seconds", title="Time, from start to file written"
    )
    axes[0].legend(frameon=False)
    axes[1].plot(table["cells"], table["mb"] / 1024, "o-", color="#0072B2")
    axes[1].set(xscale="log", ylim=(0, None), xlabel="target cells", ylabel="GiB", title="Peak memory of the process")
    for ax in axes:
        ax.spines[["top", "right"]].set_visible(False)
    fig.savefig(path, dpi=150)
    plt.close(fig)


def made(folder, name, n, labels) -> Path:
    """The enlarged dataset, made where it is not there."""
    path = folder / f"{name}_{n}.h5ad"
    if not path.exists():
        enlarge(data.folder() / f"{name}.h5ad", n, path, labels=labels)
    return path


def one(source, target, settings, limit) -> dict:
    """Seconds and memory of a pass and of a transfer, and the accuracy over cells of types that the source has."""
    with tempfile.TemporaryDirectory(prefix="itclust-scale-") as folder:
        out = Path(folder) / "out.h5ad"
        read = measured([sys.executable, "-c", PASS, str(target)], limit, folder)
        command = [sys.executable, "-m", "itclust", "transfer", str(source), str(target), "-o", str(out), "--quiet"]
        command += [f"--set={s}" for s in settings]
        used = measured(command, limit, folder)
        if used["status"] != 0:
            return {"status": used["status"], "pass_s": read["seconds"], "seconds": used["seconds"], "mb": used["mb"]}
        obs = ad.read_h5ad(out, backed="r").obs
        known = obs["truth"].isin(set(ad.read_h5ad(source, backed="r").obs["cell_type"].astype(str)))
        label = obs["itclust"].astype(str)
    right = (label == obs["truth"].astype(str))[known.to_numpy()]
    return {
        "status": 0, "pass_s": read["seconds"], "seconds": used["seconds"], "ratio": used["seconds"] / read["seconds"],
        "mb": used["mb"], "acc": float(np.mean(right)), "novel_groups": int(label[label.str.startswith("novel ")].nunique()),
        "false_nov": float(label[known.to_numpy()].str.startswith("novel ").mean()),
    }  # fmt: skip


def measured(command, limit, folder) -> dict:
    """What benchmarks/measure.py says of a command."""
    log = str(Path(folder) / "log")
    run = [sys.executable, str(HERE / "measure.py"), str(limit), log, *command]
    return json.loads(subprocess.run(run, check=True, capture_output=True, text=True).stdout)


if __name__ == "__main__":
    main()
