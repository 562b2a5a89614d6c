"""Draw the figures and write the page of the benchmark from its results.

    python benchmarks/figures.py [--results results.csv] [--docs docs]

makes docs/_static/benchmark.png, docs/_static/reliability.png (from the answers that run.py kept in
benchmarks/scratch) and docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import page
import pandas as pd
import results
import run
import scores
from methods import METHODS, ROOT

# Okabe and Ito's colours, and a shape for each method for those who see none of them
STYLE = {
    "default": ("#D55E00", None),
    "paper": ("#E69F00", "d"),
    "logreg": ("#0072B2", "o"),
    "svm": ("#56B4E9", "s"),
    "celltypist": ("#009E73", "^"),
    "scanvi": ("#CC79A7", "P"),
    "seurat": ("#000000", "X"),
    "singler": ("#999999", "v"),
}
OURS = "default"
ENOUGH = 10  # cells, for a bin to be joined to its neighbours
plt.rcParams.update({"font.size": 11, "axes.spines.top": False, "axes.spines.right": False, "savefig.dpi": 150})


def main(argv=None) -> int:
    """0: all was made; 1: there are no results."""
    args = _parser().parse_args(argv)
    table = results.read(args.results)
    if not len(table):
        sys.stderr.write(f"no results in {args.results}; benchmarks/run.py makes them.\n")
        return 1
    static = args.docs / "_static"
    static.mkdir(parents=True, exist_ok=True)
    plain = results.plain(table)
    comparison(plain).savefig(static / "benchmark.png")
    pictures = ["benchmark.png"]
    if answers := kept(plain):
        reliability(answers).savefig(static / "reliability.png")
        pictures.append("reliability.png")
    left_out = run.HERE / "leave_one_out.csv"
    text = page.write(table, pd.read_csv(left_out) if left_out.exists() else None, pictures)
    (args.docs / "benchmarks.md").write_text(text)
    run.say(f"written: benchmarks.md, {', '.join(pictures)}")
    return 0


def _parser():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--results", type=Path, default=run.HERE / "results.csv")
    p.add_argument("--docs", type=Path, default=ROOT / "docs")
    return p


def comparison(table: pd.DataFrame) -> plt.Figure:
    """Accuracy and macro-F1: a row a pair and one for the means."""
    shown = {
        name: results.with_mean(results.means(table, m)) for name, m in {"accuracy": "acc", "macro-F1": "f1"}.items()
    }
    height = 0.55 * len(shown["accuracy"]) + 1.3
    figure, axes = plt.subplots(1, 2, figsize=(9.5, height), sharey=True, layout="constrained")
    for axis, (title, values) in zip(axes, shown.items()):
        _dots(axis, values)
        axis.set_xlabel(title)
    handles, names = axes[0].get_legend_handles_labels()
    titles = [METHODS[m].title for m in names]
    figure.legend(
        handles,
        titles,
        loc="outside upper center",
        ncols=len(names) if len(names) < 7 else -(-len(names) // 2),
        frameon=False,
    )
    return figure


def _dots(axis, values):
    """Ours is a bar across the row; the others lie a little below each other, so that nothing hides anything."""
    rows = np.arange(len(values))[::-1]
    others = [m for m in STYLE if m in values and m != OURS]
    if OURS in values:
        axis.vlines(values[OURS], rows - 0.42, rows + 0.42, colors=STYLE[OURS][0], linewidth=6, label=OURS, zorder=1)
    for method, lane in zip(others, np.linspace(0.32, -0.32, len(others))):
        color, marker = STYLE[method]
        look = {"s": 40, "c": color, "marker": marker, "edgecolors": "white", "linewidths": 0.5, "label": method}
        axis.scatter(values[method], rows + lane, **look, zorder=2, clip_on=False)
    for row in rows[::2]:
        axis.axhspan(row - 0.5, row + 0.5, color="0.96", linewidth=0, zorder=0)
    axis.axhline(0.5, color="0.4", linewidth=0.8)  # above the row of means
    axis.set_yticks(rows, values.index)
    axis.set_xlim(np.floor(values.min(axis=None) * 20) / 20 - 0.02, 1.005)
    axis.set_ylim(-0.5, len(values) - 0.5)
    axis.tick_params(axis="y", length=0)
    axis.grid(axis="x", color="0.88", zorder=0)
    axis.set_axisbelow(True)


def kept(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Our answers of each pair that run.py kept, seeds together."""
    runs = table.loc[table["method"] == OURS, ["pair", "seed"]].drop_duplicates()
    answers = {}
    for pair in results.in_order(runs["pair"].unique()):
        seeds = runs.loc[runs["pair"] == pair, "seed"]
        files = [f for seed in seeds if (f := run.answer_file(pair, OURS, seed)).exists()]
        if files:
            read = [pd.read_csv(f, keep_default_na=False, dtype={"label": str, "truth": str}) for f in files]
            answers[pair] = pd.concat(read)
    return answers


def curve(answer: pd.DataFrame) -> tuple[pd.DataFrame, float]:
    """Per bin the mean confidence, the share of right answers and the cells; and the calibration error."""
    types = set(answer.loc[answer["known"], "truth"])
    right = scores.is_right(answer["truth"].to_numpy(), answer["label"].to_numpy(), types)
    table = pd.DataFrame({"confidence": answer["confidence"].to_numpy(), "right": right.astype(float), "n": 1.0})
    table = table.groupby(scores.bins(table["confidence"])).agg({"confidence": "mean", "right": "mean", "n": "sum"})
    return table, scores.ece(right, answer["confidence"])


def reliability(answers: dict[str, pd.DataFrame]) -> plt.Figure:
    """A square a pair: the nearer to the diagonal, the more honest; the area is the share of cells, few cells are hollow."""
    columns = min(5, len(answers))
    rows = -(-len(answers) // columns)
    figure, axes = plt.subplots(
        rows,
        columns,
        figsize=(2.0 * columns, 2.5 * rows + 0.3),
        sharex=True,
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    for axis, (pair, answer) in zip(axes.flat, answers.items()):
        points, error = curve(answer)
        axis.plot([0, 1], [0, 1], color="0.7", linewidth=1)
        some = points[points["n"] >= ENOUGH]
        axis.plot(some["confidence"], some["right"], color="#0072B2", linewidth=1)
        area = 8 + 220 * points["n"] / points["n"].sum()
        fill = np.where(points["n"] >= ENOUGH, "#0072B2", "white")
        axis.scatter(
            points["confidence"], points["right"], s=area, c=fill, edgecolors="#0072B2", clip_on=False, zorder=3
        )
        axis.set_title(f"{pair}\n", fontsize=11)
        axis.text(
            0.5, 1.04, f"ECE {error:.3f}, {len(answer):,} cells", fontsize=9, ha="center", transform=axis.transAxes
        )
        axis.set(xlim=(0, 1.02), ylim=(0, 1.02), aspect="equal", xticks=[0, 0.5, 1], yticks=[0, 0.5, 1])
    for axis in axes.flat[len(answers) :]:
        axis.set_axis_off()
    figure.supxlabel("itclust_confidence", fontsize=11)
    figure.supylabel("share of right answers", fontsize=11)
    return figure


if __name__ == "__main__":
    sys.exit(main())
