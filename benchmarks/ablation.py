"""Take each ingredient out of the default recipe and say what it was worth.

    python benchmarks/ablation.py [--pairs a,b] [--seeds 0,1,2] [--only "..."] [--noise 0.2] [--out benchmarks/ablation.csv]

Runs all pairs in this one process, resumes where ``--out`` left off, and writes the table of docs/recipe.md. ``--noise``
runs the same with a share of the source's labels replaced by a type drawn at random: a column of its own.
"""

from __future__ import annotations

import argparse
import contextlib
from pathlib import Path

import data
import numpy as np
import pandas as pd
import scores

# name -> settings of the transfer, and constants of modules, that take one ingredient out
WITHOUT = {
    "nothing: the recipe": ({}, {}),
    "alignment per gene": ({}, {"recipes.first_answers.ALIGN_ROUNDS": 0}),
    "fine-tuning (source network alone)": ({"max_iter": 0}, {}),
    "the target's neighbours": ({}, {"numerics.assign.smooth_over_neighbors": lambda q, average, weight: q}),
    "correlation classifier": (
        {},
        {"numerics.classifiers.Correlation.probabilities": lambda self, x: _none(x, self.profiles)},
    ),
    "discriminant": ({}, {"numerics.classifiers.by_discriminant": lambda x, coef, intercept: _none(x, intercept)}),
    "the network's own say while it is taught": (
        {},
        {"recipes.training.FIXED_FIRST": 1.0, "recipes.training.FIXED_LAST": 1.0},
    ),
    "cleaning of source labels": ({"clean_labels": False}, {}),
    "novelty": ({"novelty": False}, {}),
    "lone cells in the novelty score": ({}, {"numerics.outliers.LONE": 0.0}),
    "doubt in the confidence": ({}, {"numerics.assign.hidden": lambda is_novel, novelty: np.zeros(len(novelty))}),
    "four of the five starts": ({"n_starts": 1}, {}),
    "the paper's auxiliary distribution instead of neighbours": (
        {},
        {"numerics.assign.smooth_over_neighbors": "paper"},
    ),
    "settings of 2020 (preset paper)": ({"preset": "paper"}, {}),
}
MEASURES = {
    "acc": "accuracy",
    "f1": "macro-F1",
    "ece_all": "ece_all",
    "auroc": "AUROC of novelty",
    "false_nov": "false_nov",
}


def _none(x, per_type) -> np.ndarray:
    """A view that knows nothing: all types alike."""
    return np.full((len(x), len(per_type)), 1 / len(per_type), np.float32)


@contextlib.contextmanager
def changed(constants):
    """Set ``module.NAME``, or ``module.Class.method``, of the package for a while."""
    from pkgutil import resolve_name

    before = {}
    for name, value in constants.items():
        path, attribute = name.rsplit(".", 1)
        module = resolve_name(f"itclust.{path}")
        before[module, attribute] = getattr(module, attribute)
        if isinstance(value, str) and value == "paper":
            auxiliary = module.auxiliary_distribution
            value = lambda q, average, weight, p=auxiliary: p(q)
        setattr(module, attribute, value)
    try:
        yield
    finally:
        for (module, attribute), value in before.items():
            setattr(module, attribute, value)


def run(pair, seed, settings, constants) -> dict:
    """Accuracy, macro-F1, calibration, and the novelty's AUROC and false calls of one run."""
    import itclust

    prepared = data.prepare(pair, seed)
    target = prepared.target.copy()
    with changed(constants):
        itclust.transfer(prepared.source, target, labels_key=data.LABEL, random_state=seed, progress=False, **settings)
    answer = pd.DataFrame(
        {
            "label": target.obs["itclust"].astype(str),
            "confidence": target.obs["itclust_confidence"],
            "novelty": target.obs["itclust_novelty"],
        }
    )
    found = scores.score(prepared.truth, scores.align(answer, target.obs_names), prepared.types)
    return {k: found.get(k) for k in MEASURES}


def table(rows: pd.DataFrame) -> str:
    """Means over pairs of the means over seeds, as Markdown; a column more for each share of wrong labels."""
    means = rows.groupby(["noise", "without", "pair"])[list(MEASURES)].mean().groupby(["noise", "without"])
    counts, mean = means.size()[0.0], means.mean()
    shares = sorted(set(rows["noise"]) - {0.0})
    columns = [*MEASURES.values(), *(f"accuracy, {s:.0%} wrong labels" for s in shares), "pairs"]
    lines = [f"| without | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    for name in (n for n in WITHOUT if n in counts.index):
        figures = [mean.loc[(0.0, name), k] for k in MEASURES] + [mean["acc"].get((s, name)) for s in shares]
        cells = ["" if v is None else f"{v:.3f}" for v in figures]
        lines.append(f"| {name} | {' | '.join(cells)} | {counts[name]} |")
    return "\n".join(lines)


def main() -> None:
    """Run what is missing, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", default="")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--only", default="", help="ingredients whose name has this in it, parted by ;")
    parser.add_argument("--noise", type=float, default=0.0, help="share of wrong source labels")
    parser.add_argument("--out", type=Path, default=data.HERE / "ablation.csv")
    args = parser.parse_args()
    rows = pd.read_csv(args.out) if args.out.exists() else pd.DataFrame(columns=["without", "pair", "noise", "seed"])
    for seed in (int(s) for s in args.seeds.split(",")):
        for name, (settings, constants) in WITHOUT.items():
            if not any(o in name for o in args.only.split(";")) or (name.endswith("(preset paper)") and not args.only):
                continue
            for pair in data.pairs(args.pairs.split(",") if args.pairs else None):
                row = {"without": name, "pair": pair.name, "noise": args.noise, "seed": seed}
                if (rows[list(row)] == list(row.values())).all(axis=1).any():
                    continue
                row |= run(pair.changed(None, args.noise), seed, settings, constants)
                rows = pd.DataFrame([*rows.to_dict("records"), row])
                rows.to_csv(args.out, index=False)
                print(*row.values(), flush=True)
    print(table(rows))


if __name__ == "__main__":
    main()
