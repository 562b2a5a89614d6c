"""Can confidence, levels and sets be believed? On the pairs of both files and the demo, beside scConform's two methods.

    python benchmarks/confidence.py [--only pbmc,demo] [--seeds 0,1,2] [--noise 0.2] [--out confidence.csv]

A level or set is right where it contains the cell's type, and, where the source has no such type, ``novel``; "any cell" is
right. scConform (Corbetta et al., Bioconductor) takes any classifier's probabilities of calibration cells and of new ones:
here of held-back source cells and of the target. ``first``: both by the closed-form classifiers, the same on both sides;
``final``: the target's are those after the fine-tuning. Its sets are all types above one cut, the quantile of the
calibration cells'; its other method climbs from the likeliest type to the smallest node whose probability passes a cut that
conformal risk control gives; the tree is the one that our levels use.

``by type`` are sets with a promise for each type alone (Vovk 2012, "Conditional validity of inductive conformal
predictors"): the cut of a type is the quantile of its own held-back cells, infinite where they are too few. ``least`` is
the coverage of the type with the least, among those with ``ENOUGH`` target cells.
"""

from __future__ import annotations

import argparse
import json
from functools import partial
from pathlib import Path

import data
import numpy as np
import pandas as pd
import scores

import itclust
from itclust import api, outcome
from itclust.numerics import heldout, levels, sets
from itclust.recipes import first_answers

HERE, ALPHA = Path(__file__).resolve().parent, 0.1
ENOUGH = 20  # cells of a type, to say what share of them is covered
kept = {}  # what the transfer that ran last went through


def watched(module, name, keep):
    """Let ``keep(arguments, result)`` see each call of a function."""
    inner = getattr(module, name)

    def function(*args, **kwargs):
        result = inner(*args, **kwargs)
        kept.update(keep(args, result))
        return result

    setattr(module, name, function)


watched(heldout, "worth", lambda args, _: {"held": args[0], "held_codes": args[1]})
watched(first_answers, "answers", lambda _, result: {"first": result[0]})
watched(outcome, "_sets", lambda args, _: {"belief": args[0], "labelled": args[1], "worth": args[3]})
watched(api, "outcome", lambda args, result: {"adapted": args[0], "types": args[1], "found": result})


def measured(source, target, truth, labels_key, seed) -> dict:
    """All figures of one transfer."""
    itclust.transfer(source, target, labels_key=labels_key, random_state=seed, progress=False)
    counted = target.obs["itclust"].notna().to_numpy()
    found, types = kept["found"], [str(t) for t in kept["types"]]
    label, truth = target.obs["itclust"].astype(str).to_numpy()[counted], np.asarray(truth).astype(str)[counted]
    place = {t: k for k, t in enumerate(types)}
    own = np.array([place.get(t, len(types)) for t in truth])  # len(types): the source has no such type
    right = scores.is_right(truth, label, set(types))
    row = {"cells": len(own), "new": np.mean(own == len(types)), "acc": np.mean((label == truth)[own < len(types)])}
    row["ece_all"] = scores.ece(right, found.confidence)
    tree = outcome._learnt(kept["adapted"].worth, kept["types"])
    row |= of_level(found, types, tree, own)
    row |= of_sets(masks(found.set_names, types)[found.members], own, "set")
    row |= of_sets(by_type(kept["belief"], kept["labelled"], kept["worth"]), own, "set by type")
    for name, p in {"first": kept["first"], "final": found.type_probabilities[:, : len(types)]}.items():
        row |= of_sets(above_cut(p), own, f"scConform {name}")
        row |= of_sets(up_the_tree(p, tree), own, f"scConform {name} tree")
    return row


def masks(names, types) -> np.ndarray:
    """Which types, and last ``novel``, each set holds by its name."""
    every = [*types, "novel"]
    return np.array([[n == outcome.ANY or t in n.split(outcome.OR) for t in every] for n in names], dtype=bool)


def of_level(found, types, tree, own) -> dict:
    """How often the level is right, how many types it leaves on average, and how often it says nothing."""
    members = dict(zip(tree.names, np.pad(tree.nodes, ((0, 0), (0, 1))), strict=True))
    members |= dict(zip(types, np.eye(len(types), len(types) + 1, dtype=bool), strict=True))
    members[outcome.ANY] = np.ones(len(types) + 1, bool)
    new = np.arange(len(types) + 1) == len(types)
    of_name = np.array([members.get(n, new) for n in found.level_names])
    inside = of_name[found.level]
    return {
        "level right": inside[np.arange(len(own)), own].mean(),
        "level types": inside[:, :-1].sum(1).clip(1).mean(),
        "level is label": (inside.sum(1) == 1).mean(),
        "any cell": inside.all(1).mean(),
    }


def of_sets(inside, own, name) -> dict:
    """Coverage and mean size of sets, (n, n_types) or with ``novel`` as well."""
    inside = np.pad(inside, ((0, 0), (0, 1)))  # no novel, where a method knows of none
    covered, cells = inside[np.arange(len(own)), own], np.bincount(own)
    least = (np.bincount(own, covered)[cells >= ENOUGH] / cells[cells >= ENOUGH]).min()
    return {f"{name} covers": covered.mean(), f"{name} size": inside.sum(1).mean(), f"{name} least": least}


def by_type(belief, label, worth) -> np.ndarray:
    """Our sets (n, n_types + 1) with a cut of each type's own; a cell's label is always in."""
    alone = np.eye(belief.shape[1] - 1)  # a target of one type
    up_to = [sets.thresholds(worth.own, worth.codes, share, 1 - ALPHA)[k] for k, share in enumerate(alone)]
    inside = sets.members(belief, 1 - ALPHA, np.append(up_to, 0))
    inside[np.arange(len(label)), label] = True
    return inside


def above_cut(p) -> np.ndarray:
    """scConform's sets: types whose probability is at least that of the calibration cells' quantile."""
    score = 1 - kept["held"][np.arange(len(kept["held"])), kept["held_codes"]]
    rank = int(np.ceil((len(score) + 1) * (1 - ALPHA)))
    return 1 - p <= (np.sort(score)[rank - 1] if rank <= len(score) else np.inf)


def up_the_tree(p, tree) -> np.ndarray:
    """scConform's sets along a tree, all types where no node passes the cut."""
    n_types = p.shape[1]
    nodes = np.concatenate([np.eye(n_types, dtype=bool), tree.nodes, np.ones((1, n_types), bool)])
    held, own = kept["held"], kept["held_codes"]

    def sets(p, cut):
        return nodes[levels.deepest(p, p.argmax(1), nodes, cut)[0]]  # -1, none: the last node, all types

    for cut in np.linspace(0, 1, 201):
        missed = 1 - sets(held, cut)[np.arange(len(own)), own].mean()
        if (len(own) * missed + 1) / (len(own) + 1) <= ALPHA:
            break
    return sets(p, cut)


def tasks(noise):
    """Name of each task, and what gives source, target, truth and label column for a seed."""
    yield "demo", demo
    for file in ("pairs.json", "pairs-novel.json"):
        for name, fields in json.loads((HERE / file).read_text()).items():
            yield name, partial(prepared, data._pair(name, **{"noise": noise, **fields}))


def demo(_seed):
    """The demo's halves."""
    source, target = itclust.datasets.pbmc()
    return source, target, target.obs["bulk_labels"], "bulk_labels"


def prepared(pair, seed):
    """A pair's datasets."""
    ready = data.prepare(pair, seed)
    return ready.source, ready.target, ready.truth, data.LABEL


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--only", type=lambda s: s.split(","))
    p.add_argument("--seeds", default="0")
    p.add_argument("--noise", type=float, default=0.0, help="share of source labels that are drawn anew")
    p.add_argument("--out", help="all figures, a row a pair, means over the seeds")
    args = p.parse_args()
    rows = {}
    for name, given in tasks(args.noise):
        if args.only and name not in args.only:
            continue
        runs = [measured(*given(seed), seed) for seed in map(int, args.seeds.split(","))]
        rows[name] = pd.DataFrame(runs).mean().round(4)
        print(f"{name:14s} " + "  ".join(f"{k} {v:g}" for k, v in rows[name].items()), flush=True)
    table = pd.DataFrame(rows).T
    pairs = table.drop(index="demo", errors="ignore")
    print(pd.DataFrame({"mean": pairs.mean(), "least": pairs.min(), "most": pairs.max()}).round(3).to_string())
    if args.out:
        table.to_csv(args.out, index_label="pair")


if __name__ == "__main__":
    main()
