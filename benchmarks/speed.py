"""Seconds and memory of methods on one pair, whole processes in turns: medians, and ratios to the first method.

    python benchmarks/speed.py [--pair pbmc] [--methods default,celltypist] [--times 5] [--out speed.csv]

Each method is started as in benchmarks/run.py, one after the other and round after round, so that what else the machine
does falls on all of them alike. Threads are left to each method's own defaults.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

import data
import pandas as pd
from methods import METHODS
from run import execute, say, why


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--pair", default="pbmc")
    p.add_argument("--methods", default="default,celltypist")
    p.add_argument("--times", type=int, default=5)
    p.add_argument("--limit", type=float, default=3600)
    p.add_argument("--out", type=Path)
    args = p.parse_args()
    os.environ.update(
        dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(os.cpu_count()))
    )
    methods = [METHODS[m] for m in args.methods.split(",")]
    if reasons := [f"{m.name}: {reason}" for m in methods if (reason := m.missing())]:
        p.exit(1, "\n".join(reasons) + "\n")
    prepared, rows = data.prepare(data.pairs([args.pair])[0], 0), []
    for _ in range(args.times):
        for method in methods:
            with tempfile.TemporaryDirectory(prefix="itclust-speed-") as folder:
                answer, used, log = execute(prepared, method, 0, args.limit, Path(folder))
            if answer is None:
                p.exit(1, f"{method.name}: FAILED, {why(used, log, args.limit)}\n")
            rows.append({"method": method.name, "seconds": used["seconds"], "cpu_s": used["cpu_s"], "mb": used["mb"]})
            say(rows[-1])
    table = pd.DataFrame(rows).groupby("method", sort=False).median()
    table["ratio"] = table["seconds"] / table["seconds"].iloc[0]
    say(table.round(2).to_string())
    if args.out:
        table.to_csv(args.out, float_format="%.3f", lineterminator="\n")


if __name__ == "__main__":
    main()
