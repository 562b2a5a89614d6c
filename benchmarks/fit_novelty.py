"""Fit the constants of the search for new types, and say what they are worth on families of datasets left out of the fit.

    python benchmarks/fit_novelty.py [--cache FOLDER]

A task is a pair with a type, or a lineage, left out of the source and the network trained anew; pairs as they are
are tasks as well. Two logistic regressions over the pieces of all targets, each task's known and new cells counting alike
and each family by the square root of its tasks: first of the four numbers of a piece, then of what is left beside the
pair's level (:func:`itclust.numerics.evidence.level`). Prints the constants of ``itclust/numerics/evidence.py`` and, for each family left out
of both fits, the mean over its tasks of AUROC / recall / known cells called new; then, as shipped, the same over
pairs that are in no fit (``pairs-turned.json``).
"""

from __future__ import annotations

import argparse
import json
import pickle
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import data
import leave_one_out
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from itclust.data import dataset
from itclust.numerics import clusters, evidence, neighbors, novelty
from itclust.recipes import default, first_answers, network, training
from itclust.settings import DefaultSettings

FAMILIES = {"facs": "facs", "kang": "kang", "panc": "pancreas", "symphony": "symphony", "cellbench": "lines"}
MIN_NEW = 10  # target cells of new types for a task to be fitted
SHRUNKEN = 0.02  # scikit-learn's C: two of the four numbers measure nearly the same, and share their weight


def main(argv=None) -> int:
    """Print constants and figures."""
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "itclust-fit-novelty")
    folder = p.parse_args(argv).cache
    folder.mkdir(exist_ok=True)
    found, turned = (
        [task for task in (cached(pair, types, folder) for pair, types in tasks(*files)) if task is not None]
        for files in (("pairs.json", "pairs-novel.json"), ("pairs-turned.json",))
    )
    show(*fitted(found))
    by_family(found, lambda family: fitted([task for task in found if task["family"] != family]))
    shipped = (evidence.MEAN, evidence.SD, evidence.WEIGHTS), (evidence.GAIN, evidence.SPREAD, evidence.INTERCEPT)
    by_family(turned, lambda _: shipped)
    return 0


def by_family(found, constants) -> None:
    """Print each family's figures, with the constants that a function of its name gives, and their mean."""
    figures = []
    for family in sorted({task["family"] for task in found}):
        fit = constants(family)
        rows = [worth(task, *fit) for task in found if task["family"] == family]
        figures.append(np.nanmean(rows, axis=0))
        print(f"{family:10s} {len(rows):3d} tasks  {'  '.join(f'{v:.3f}' for v in figures[-1])}")
    print(f"mean of families      {'  '.join(f'{v:.3f}' for v in np.mean(figures, axis=0))}")


def tasks(*files) -> list[tuple[data.Pair, tuple[str, ...]]]:
    """Pairs as they are, and each with what :func:`leave_one_out.left_out` says; the same source and target once."""
    out = {}
    for pair in data.pairs([name for file in files for name in json.loads((data.HERE / file).read_text())]):
        for types in [(), *leave_one_out.left_out(replace(pair, drop=()))]:
            for drop in {tuple(sorted(types)), tuple(sorted(pair.drop))}:
                out[pair.source, pair.target, drop] = (replace(pair, drop=()), drop)
    return list(out.values())


def cached(pair: data.Pair, drop, folder: Path):
    """One task's pieces: for each partition the numbers, cells, known cells, labels, the types that vote."""
    file = folder / f"{pair.source}-{pair.target}-{'+'.join(drop)}.pkl".replace(" ", "_")
    if not file.exists():
        file.write_bytes(pickle.dumps(pieces_of(pair, drop)))
    return pickle.loads(file.read_bytes())


def pieces_of(pair: data.Pair, drop, seed=0):
    """As :func:`cached`, computed."""
    source, target = data.load(pair)
    truth = target.obs[pair.key].astype(str).to_numpy()
    source = source[~source.obs[pair.key].astype(str).isin(drop).to_numpy()].copy()
    if source.obs[pair.key].nunique() < 2:
        return None
    options = DefaultSettings()
    a, b = dataset.source_of(source, labels_key=pair.key), dataset.target_of(target)
    a, b = dataset.matched(a, b, options.min_shared_genes)
    fit = default.fit(a, default.select_genes(a, b, None, options), options, seed, lambda *_: None)
    z = b.values.over(fit.genes).logged().whole()
    model = training.classifier(len(fit.markers), len(fit.types), options, seed, [*fit.weights, fit.centroids])
    fixed, initial, _ = first_answers.answers(fit, network.averaged(model), z, b.batch, seed)
    q, found = (2 * fixed + initial) / 3, neighbors.structure(z, options.n_neighbors, seed=seed)
    label, pairs = (found.average @ q).argmax(1), clusters.markers(fit.moments)
    known = np.isin(truth, fit.types)
    out = []
    for i in range(novelty.N_PARTITIONS):
        coarse, fine, *_ = novelty.partition(fit.moments.mean, z, found, label, pairs, i, seed)
        c = clusters.Clusters(fit.moments, z, q, coarse, fine, pairs, found.variable)
        out.append((c.numbers(), c.n, c.fine @ known, (c.fine @ q).argmax(1), np.flatnonzero(c.both), fine))
    family = next(f for text, f in FAMILIES.items() if text in pair.source + pair.target)
    return {"family": family, "partitions": out, "known": known, "of_source": fit.moments.size}


def fitted(found):
    """Both fits: (mean, sd, weights), (gain, spread, intercept)."""
    *first, _ = regression(found, [[p[0][:, :4] for p in task["partitions"]] for task in found], SHRUNKEN)
    second = regression(found, [[beside_level(p, first) for p in task["partitions"]] for task in found])
    mean, sd, weights, intercept = second
    gain, spread = weights / sd
    return first, (gain, -spread, intercept - (weights * mean / sd).sum())


def regression(found, features, c=1.0):
    """Logistic regression on standardised, clipped features: mean, sd, weights, intercept."""
    n = {f: sum(task["family"] == f for task in found) for f in {task["family"] for task in found}}
    x, y, w = [], [], []
    for task, of_task in zip(found, features, strict=True):
        for (_, size, known, *_), values in zip(task["partitions"], of_task, strict=True):
            new = size - known
            if new.sum() >= MIN_NEW:
                x += [values, values]
                y += [np.zeros(len(size)), np.ones(len(size))]
                w += [part / part.sum() / n[task["family"]] ** 0.5 for part in (known, new)]
    x, y, w = (np.concatenate(a) for a in (x, y, w))
    mean = np.average(x, axis=0, weights=w)
    sd = np.sqrt(np.average((x - mean) ** 2, axis=0, weights=w))
    x = np.clip((x - mean) / sd, -evidence.CLIP, evidence.CLIP)
    model = LogisticRegression(C=c, max_iter=1000).fit(x, y, sample_weight=50 * w)
    return mean, sd, model.coef_[0], model.intercept_[0]


def beside_level(partition, first):
    """(n_pieces, 2): the sum of the numbers less the pair's best level; how far its usual level lies above the best."""
    numbers, size, _, label, voters, _ = partition
    total = evidence.summed(numbers, *first)
    best, usual, _ = evidence.level(total, size, label, voters)
    return np.column_stack([total - best, np.full(len(total), usual - best)])


def worth(task, first, second):
    """AUROC, recall and known cells called new, by the evidence less the veto."""
    total = called = 0
    for partition in task["partitions"]:
        beside = beside_level(partition, first)
        logit = beside @ [second[0], -second[1]] + second[2] + evidence.PRIOR
        logit = np.minimum(logit, evidence.MOST_EVIDENCE)
        numbers, size, _, label, voters, fine = partition
        doubt = evidence.veto(numbers, evidence.kept_level(numbers, size, label, voters))
        doubt += evidence.whole_type(logit, size, label, task["of_source"])
        total, called = total + logit[fine], called + (logit - doubt)[fine]
    fine, known = task["partitions"][0][-1], task["known"]
    novel = (np.bincount(fine, called) / np.bincount(fine) > 0)[fine]
    if (~known).sum() < MIN_NEW:
        return np.nan, np.nan, novel[known].mean()
    return roc_auc_score(~known, total), novel[~known].mean(), novel[known].mean()


def show(first, second) -> None:
    """The lines of itclust/numerics/evidence.py."""
    for name, values in zip(("MEAN", "SD", "WEIGHTS"), first, strict=True):
        print(f"{name} = np.array({np.round(values, 3).tolist()})")
    print(f"GAIN, SPREAD, INTERCEPT = {', '.join(f'{v:.3f}' for v in second)}")


if __name__ == "__main__":
    sys.exit(main())
