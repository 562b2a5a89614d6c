"""The page of the benchmark: tables in Markdown, all from the results."""

from __future__ import annotations

import data
import leave_one_out
import pandas as pd
import results
import scores
from methods import METHODS

OURS = "default"
SECTIONS = {  # metric: heading, and whether the largest value is the best
    "acc": ("Accuracy", True),
    "f1": ("Macro-F1", True),
    "auroc": ("Novelty: AUROC", True),
    "ece": ("Calibration error of the confidence", False),
    "ari": ("Adjusted Rand index of the labels", True),
}
NOVELTY = ("auroc", "nov_recall", "nov_ari", "false_nov", "ece_all", "ece", "back", "cov")
HEAD = """# Benchmarks

`benchmarks/figures.py` wrote this page from `benchmarks/results.csv`; no number on it was typed. Each method ran as a
process of its own and saw the labelled source and the bare target. The pairs below served development, so the
comparison favours ItClust to the extent that its defaults were chosen on them.

![Accuracy and macro-F1 of each method on each pair](_static/benchmark.png)
"""
RELIABILITY = """## Is the confidence honest?

Cells in ten bins by `itclust_confidence`: the share that is right against the mean confidence; area is the share of
cells, bins of fewer than ten are hollow. A `novel` label is right where the source lacks the cell's type.

![Reliability diagrams](_static/reliability.png)
"""
NOTES = """Logistic regression, SVM, CellTypist and SingleR see log-CP10k over the shared genes, Seurat all genes of each dataset,
scANVI the counts of the 2,000 most variable shared genes. All peers run with their defaults but for what the scripts in
`benchmarks/methods` say. Their confidence is the probability of the label they give (CellTypist judges each type by
itself, so these need not sum to 1), and one minus it their evidence for a new type; SingleR has none, and its margin
over the runner-up is taken as evidence. Run this way no peer calls a cell new.
"""


def write(table: pd.DataFrame, left_out: pd.DataFrame | None, pictures: list[str]) -> str:
    """The whole page."""
    plain = results.plain(table)
    parts = [HEAD, _pairs(plain)]
    for metric, (heading, largest) in SECTIONS.items():
        values = results.means(plain, metric)
        if len(values):
            parts += [f"## {heading}\n\n{_capital(scores.MEANING[metric])}. Bold: the best of the row.\n"]
            parts += [_table(results.with_mean(values), largest)]
            if metric in ("acc", "f1"):
                parts += [_against_best(values)]
    parts += [f"## Our novelty and confidence\n\n{_meanings(NOVELTY)}\n", _ours(plain)]
    parts += [RELIABILITY] * ("reliability.png" in pictures)
    parts += _left_out(left_out) if left_out is not None else []
    parts += _changed(table)
    parts += [_cost(plain), _how(table)]
    return "\n".join(parts)


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _markdown(frame: pd.DataFrame, first: str) -> str:
    """Cells are text already."""
    rows = [
        [first, *frame.columns],
        ["---"] * (len(frame.columns) + 1),
        *([i, *r] for i, r in zip(frame.index, frame.values)),
    ]
    return "".join(f"| {' | '.join(map(str, row))} |\n" for row in rows)


def _table(values: pd.DataFrame, largest: bool) -> str:
    """Pairs x methods, three digits, the best in bold."""
    methods = [m for m in METHODS if m in values]
    values = values[methods].round(3)
    best = values.max(axis=1) if largest else values.min(axis=1)
    shown = values.apply(lambda column: [_number(v, v == b) for v, b in zip(column, best)])
    return _markdown(shown.rename(columns={m: METHODS[m].title for m in methods}), "pair")


def _number(value: float, bold: bool = False) -> str:
    if pd.isna(value):
        return "-"
    return f"**{value:.3f}**" if bold else f"{value:.3f}"


def _against_best(values: pd.DataFrame) -> str:
    """In a sentence, where the best peer of a pair is ahead."""
    peers = [m for m in values if not METHODS[m].ours]
    if OURS not in values or not peers:
        return ""
    best = values[peers].max(axis=1)
    behind = (best - values[OURS])[lambda d: d > 0.0005].sort_values(ascending=False)
    told = [
        f"{pair} ({gap:.3f} behind {METHODS[values.loc[pair, peers].idxmax()].title})" for pair, gap in behind.items()
    ]
    where = f"It is behind the best peer on {', '.join(told)}." if told else "No peer is ahead on any pair."
    both = values[OURS].notna() & best.notna()
    return f"Mean of ours {values[OURS][both].mean():.3f}, of the best peer of each pair {best[both].mean():.3f}. {where}\n"


def _meanings(metrics) -> str:
    return "\n".join(f"- `{m}`: {scores.MEANING[m]}" for m in metrics)


def _ours(table: pd.DataFrame) -> str:
    own = table[(table["method"] == OURS) & table["metric"].isin(NOVELTY)]
    values = own.pivot_table(index="pair", columns="metric", values="value", sort=False)
    values = values.loc[results.in_order(values.index), [m for m in NOVELTY if m in values]]
    return _markdown(values.map(_number), "pair")


def _pairs(table: pd.DataFrame) -> str:
    rows = {}
    for pair in data.pairs(results.in_order(table["pair"].unique())):
        rows[pair.name] = {
            "source": pair.source,
            "target": pair.target,
            "taken out of the source": ", ".join(pair.drop),
        }
    return _markdown(pd.DataFrame.from_dict(rows, orient="index"), "pair")


def _left_out(table: pd.DataFrame) -> list[str]:
    meaning = "\n".join(f"- `{k}`: {v}" for k, v in leave_one_out.MEANING.items())
    text = f"## Leaving out one source type at a time\n\n{meaning}\n"
    shown = table.drop(columns=["version", "seed"]).fillna("").set_index("pair")
    for name in ("auroc", "recall", "false_nov", "taken"):
        shown[name] = shown[name].map(_number)
    return [text, _markdown(shown, "pair")]


def _changed(table: pd.DataFrame) -> list[str]:
    """Mean accuracy on small or wrongly labelled sources beside that on the same pairs unchanged."""
    accuracy = results.means(table, "acc")
    changes = accuracy.index.str.partition(" ").to_frame(index=False).set_axis(["pair", "_", "change"], axis=1)
    rows = {}
    for change, group in changes[changes["change"] != ""].groupby("change"):
        for method in accuracy:
            both = (
                accuracy[method].reindex(group["pair"]).to_numpy(),
                accuracy[method].reindex(group["pair"] + " " + change),
            )
            difference = both[1].to_numpy() - both[0]
            if not pd.isna(difference).any():
                text = {"change": change, "pairs": len(difference), "accuracy": _number(both[1].mean())}
                rows[METHODS[method].title, change] = text | {"difference": f"{difference.mean():+.3f}"}
    if not rows:
        return []
    frame = pd.DataFrame.from_dict(rows, orient="index").droplevel(1)
    return ["## Small and wrongly labelled sources\n", _markdown(frame, "method")]


def _cost(table: pd.DataFrame) -> str:
    """Per method the median and the largest over pairs."""
    rows = {}
    for method in (m for m in METHODS if m in set(table["method"])):
        seconds, mb = (results.means(table, name)[method].dropna() for name in ("seconds", "mb"))
        rows[METHODS[method].title] = {
            "seconds, median": f"{seconds.median():.0f}",
            "seconds, largest": f"{seconds.max():.0f}",
            "peak MB, median": f"{mb.median():.0f}",
            "peak MB, largest": f"{mb.max():.0f}",
            "pairs": len(seconds),
        }
    text = (
        "## Time and memory\n\nOf the whole process, one thread of BLAS; other work on the machine is in the seconds.\n"
    )
    return f"{text}\n{_markdown(pd.DataFrame.from_dict(rows, orient='index'), 'method')}"


def _versions(table: pd.DataFrame) -> str:
    """The version; where there are several, each with its pairs."""
    pairs = table.groupby("version", sort=False)["pair"].unique()
    return "; ".join(pairs.index if len(pairs) == 1 else [f"{v} ({', '.join(names)})" for v, names in pairs.items()])


def _how(table: pd.DataFrame) -> str:
    """The command, the versions and the machine."""
    pairs = [p for p in table["pair"].unique() if " " not in p]
    ten = set(pairs) == {p.name for p in data.pairs()}
    methods = [m for m in METHODS if m in set(table["method"])]
    seeds = ",".join(map(str, sorted(table["seed"].unique())))
    command = f".venv/bin/python benchmarks/run.py{'' if ten else ' --pairs ' + ','.join(pairs)}"
    command += f" --methods {','.join(methods)} --seeds {seeds}"
    versions = "\n".join(f"- {METHODS[m].title}: {_versions(table[table['method'] == m])}" for m in methods)
    absent = ", ".join(method.title for name, method in METHODS.items() if name not in methods)
    not_run = f"\nNot among these runs, though the command knows them: {absent}.\n" if absent else ""
    machines = "; ".join(table["machine"].unique())
    setup = "benchmarks/setup-peers.sh --r" + " --scanvi" * ("scanvi" in methods)
    return (
        f"## How it was made\n\n```sh\n{setup}\n{command}\n.venv/bin/python benchmarks/figures.py\n```\n\n"
        f"{NOTES}{not_run}\nMachine: {machines}. Versions:\n\n{versions}\n"
    )
