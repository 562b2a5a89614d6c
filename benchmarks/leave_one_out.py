"""Leave one source type out at a time: are its target cells recognised as new, and what takes them where not?

    python benchmarks/leave_one_out.py [--pairs pbmc,ifn] [--group "B,B Activated"] [--out leave_one_out.csv]

Each type that source and target share, with 15 target cells at least, is left out of the source alone, each lineage and
each group of types together; then `itclust transfer` annotates the target. Runs that the table has are skipped.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import data
import numpy as np
import pandas as pd
import run
import scores
from methods import METHODS
from sklearn.metrics import roc_auc_score

MEANING = {
    "n": "target cells of the type",
    "auroc": "of itclust_novelty, these cells against those whose type the source has",
    "recall": "share of these cells called novel, at the default cut",
    "false_nov": "share of the other cells, of types that the source has, called novel",
    "taken_by": "source type that most of these cells are given to",
    "taken": "share of these cells that it takes",
}
ENOUGH = 15  # target cells for a type to be left out
LINEAGES = (
    ("B", "B Activated"),
    ("CD14 Mono", "CD16 Mono", "DC", "pDC"),
    ("Mono_CD14", "Mono_CD16", "DC"),
    ("NK", "CD4 T", "CD8 T"),
    ("NK", "CD4 Memory T", "CD4 Naive T", "CD8 T", "T activated"),
    ("NK", "T_CD4", "T_CD8"),
    ("alpha", "beta", "delta", "gamma", "epsilon"),
    ("acinar", "ductal"),
)


def main(argv=None) -> int:
    """0 if every run has an answer."""
    args = _parser().parse_args(argv)
    groups = [tuple(g.split(",")) for g in args.group]
    failed = 0
    for pair in data.pairs(args.pairs.split(",")):
        if reason := data.missing(pair):
            run.say(f"{pair.name}: skipped, {reason}")
            continue
        for types in left_out(pair, groups):
            if not _there(args.out, pair, types, args.seed):
                row = one(pair, types, args.seed, args.limit)
                failed += row is None
                _add(args.out, row)
    _summary(args.out)
    return 1 if failed else 0


def _parser():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--pairs", default="pbmc,ifn")
    p.add_argument("--group", action="append", default=[], help="types to leave out together, with commas; repeatable")
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--limit", type=float, default=3600, help="seconds a run may take")
    p.add_argument("--out", type=Path, default=run.HERE / "leave_one_out.csv")
    return p


def left_out(pair: data.Pair, groups=()) -> list[tuple[str, ...]]:
    """Each shared type with enough target cells, what the pair has of each lineage, the groups that it has whole."""
    source, target = (a.obs[pair.key].astype(str) for a in data.load(pair))
    types = set(source) - set(pair.drop)
    shared = types & set(target)
    size = target.value_counts()
    found = [(t,) for t in sorted(shared) if size[t] >= ENOUGH]
    found += [tuple(t for t in lineage if t in shared) for lineage in LINEAGES]
    found += [g for g in groups if shared.issuperset(g)]
    return [g for g in dict.fromkeys(found) if g and len(types) - len(g) > 1]


def one(pair: data.Pair, types: tuple[str, ...], seed: int, limit: float) -> dict | None:
    """Annotate without ``types`` and say what became of their cells."""
    prepared = data.prepare(replace(pair, drop=pair.drop + types), seed)
    name = f"{pair.name} without {', '.join(types)}"
    with tempfile.TemporaryDirectory(prefix="itclust-benchmark-") as folder:
        answer, used, log = run.execute(prepared, METHODS["default"], seed, limit, Path(folder))
    if answer is None:
        run.say(f"{name}: FAILED, {run.why(used, log, limit)}")
        return None
    found = outcome(prepared.truth, scores.align(answer, prepared.target.obs_names), types, prepared.types)
    run.say(f"{name}: {', '.join(f'{k} {v:.3f}' if isinstance(v, float) else f'{k} {v}' for k, v in found.items())}")
    version = run.version(METHODS["default"], log)
    return {"pair": pair.name, "left_out": ",".join(types), "seed": seed, **found, "version": version}


def outcome(truth, answer: pd.DataFrame, types, known_types) -> dict:
    """What :data:`MEANING` says. Cells of other types that the source lacks are in neither group."""
    left, known = np.isin(truth, types), np.isin(truth, list(known_types))
    labels = answer["label"].to_numpy()
    novel = scores.is_novel(labels, known_types)
    judged = left | known
    taken = pd.Series(labels[left & ~novel]).value_counts()
    return {
        "n": int(left.sum()),
        "auroc": float(roc_auc_score(left[judged], answer["novelty"].to_numpy()[judged])),
        "recall": float(novel[left].mean()),
        "false_nov": float(novel[known].mean()),
        "taken_by": taken.index[0] if len(taken) else "",
        "taken": float(taken.iloc[0] / left.sum()) if len(taken) else 0.0,
    }


def _there(path, pair, types, seed) -> bool:
    if not path.exists():
        return False
    table = pd.read_csv(path)
    return ((table["pair"] == pair.name) & (table["left_out"] == ",".join(types)) & (table["seed"] == seed)).any()


def _add(path, row) -> None:
    if row is not None:
        table = pd.DataFrame([row])
        table = pd.concat([pd.read_csv(path), table]) if path.exists() else table
        table.to_csv(path, index=False, float_format="%.4f", lineterminator="\n")


def _summary(path) -> None:
    """The means over the types that are left out alone."""
    if path.exists():
        table = pd.read_csv(path)
        counted = table[~table["left_out"].str.contains(",")]
        means = counted.groupby("pair", sort=False)[["auroc", "recall", "false_nov"]].mean()
        print(table.drop(columns="version").to_string(index=False))
        print(f"\nmeans over types:\n{means.to_string(float_format='%.3f')}")


if __name__ == "__main__":
    sys.exit(main())
