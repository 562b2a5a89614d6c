"""What a reader should know: which clusters to trust, which to look at, and what may have gone wrong."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from itclust.results import as_column

LOW = 0.5  # confidence below which a label is more likely wrong than right
DOUBT = 0.7  # mean confidence below which a whole cluster is to be looked at
MIXED = 0.2  # mean probability of the runner-up from which a cluster may hold two types
STRANGE, STRANGERS = 0.5, 0.1  # novelty from which a cell may be of a new type; share of such cells worth a look
UNSTABLE = 0.5  # share of cells that kept their first label
FEW = 10  # cells: too few to judge a cluster by
FEW_GENES = 5  # seen by the network, for each type of the source
MANY = 0.2  # share of cells with low confidence that speaks of the datasets rather than of single clusters


class Verdict(NamedTuple):
    """What to make of one cluster.

    Attributes
    ----------
    cluster, label, n_cells : as in the table of clusters.
    verdict : ``"trust"``, ``"look"`` or ``"novel"``.
    reasons : sentences; none where the cluster can be trusted.
    confidence : mean over its cells.
    low : share of its cells below ``LOW``.
    stability, novelty, runner_up, level : as in the table of clusters; no level in results of before.
    """

    cluster: str
    label: str
    n_cells: int
    verdict: str
    reasons: list[str]
    confidence: float
    low: float
    stability: float
    novelty: float
    runner_up: str
    level: str


class Caution(NamedTuple):
    """Something to mind, and what to do about it."""

    what: str
    do: str


def verdicts(found) -> list[Verdict]:
    """One for each cluster, in the order of the table."""
    place = found.cluster.astype(object).to_numpy()
    return [_verdict(found, str(c), row, np.flatnonzero(place == str(c))) for c, row in found.clusters.iterrows()]


def _verdict(found, cluster, row, rows) -> Verdict:
    sure = found.confidence[rows]
    novel, second = found.novel[cluster], _text(row["runner_up"])
    reasons = []
    if novel:
        near = _text(row.get("nearest_type"))
        reasons.append(f"No type of the source fits{f'; the nearest is {near}' if near else ''}.")
        if genes := _listed(row.get("markers")):
            reasons.append(f"Its marker genes: {genes}.")
    if sure.mean() < DOUBT:
        reasons.append(f"Low confidence: expect {round((1 - sure).sum()):,} of its {len(rows):,} labels to be wrong.")
    if not novel and (share := _share(found, second, rows)) >= MIXED:
        reasons.append(f"Mixed: {share:.0%} of its probability goes to {second}.")
    strange = (found.novelty[rows] >= STRANGE).mean()
    if not novel and strange >= STRANGERS:
        reasons.append(f"Strangers: {strange:.0%} of its cells may be of a type that the source does not have.")
    if not novel and row["stability"] < UNSTABLE:
        first = found.initial.iloc[rows].value_counts()
        first = first[first.index != found.names[cluster]]
        mostly = f", most often {first.index[0]}" if len(first) and first.iloc[0] else ""
        reasons.append(f"Unstable: {1 - row['stability']:.0%} of its cells had another label first{mostly}.")
    if len(rows) < FEW:
        reasons.append(f"Small: {len(rows)} cells are too few to judge by.")
    verdict = "novel" if novel else "look" if reasons else "trust"
    return Verdict(
        cluster, found.names[cluster], int(row["n_cells"]), verdict, reasons, float(sure.mean()),
        float((sure < LOW).mean()), float(row["stability"]), float(row["novelty"]), second,
        _text(row.get("level")),
    )  # fmt: skip


def _text(value) -> str:
    return "" if pd.isna(value) else str(value)


def _listed(value) -> str:
    """Marker genes as text, from a list or from text; empty where there are none."""
    return ", ".join(map(str, value)) if isinstance(value, list | tuple | np.ndarray) else _text(value)


def _share(found, name, rows) -> float:
    """Mean probability of a type over some cells; 0 where no column is the type's."""
    column, table = as_column(name), found.type_probabilities
    return float(table[column].to_numpy()[rows].mean()) if column in table else 0.0


def cautions(found, installed: str) -> list[Caution]:
    """What may have gone wrong, the gravest first; ``installed`` is the version that writes the report."""
    n, counted = len(found.label), found.counted
    label = found.label[counted]
    low = float((found.confidence[counted] < LOW).mean()) if counted.any() else 1.0
    novel = float(label.map(dict(zip(found.clusters["label"], found.clusters["novel"]))).astype(float).mean())
    checks = [
        (
            label.nunique() == 1,
            "All cells got the same label.",
            "Check that both datasets name genes in the same way and that values= is right for each.",
        ),
        (
            low > MANY,
            f"{low:.0%} of the cells have a confidence below {LOW}.",
            "Check that the source is of the same tissue and holds the types that you expect.",
        ),
        (
            novel > 0.5,
            f"{novel:.0%} of the cells are called novel.",
            "Either the source lacks most of the target's types, or the datasets are not on the same scale: check values=.",
        ),
        (
            len(found.genes) < FEW_GENES * len(found.types),
            f"The network saw {len(found.genes)} genes for {len(found.types)} types.",
            "Few genes carry few types: pass all genes of both datasets, not a selection.",
        ),
        (
            not _settled(found),
            "The fine-tuning had not settled when it stopped.",
            f"Cells at the border of two clusters may still change: raise max_iter (now {found.params.get('max_iter')}).",
        ),
        (
            not counted.all(),
            f"{n - counted.sum():,} of {n:,} cells have no count in the genes used and got no label.",
            "Leave them out, or look for them in a dataset with more genes.",
        ),
        (
            found.version != installed,
            f"The results are of itclust {found.version}, this page was written by {installed}.",
            "Run the transfer again if you mean to compare it with results of the new version.",
        ),
    ]
    return [Caution(what, do) for is_so, what, do in checks if is_so]


def _settled(found) -> bool:
    """Whether the last round changed fewer cells than the tolerance; unknown histories count as settled."""
    changed, tol = np.asarray(found.history.get("changed", ()), dtype=float), found.params.get("tol")
    return not len(changed) or tol is None or changed[-1] < tol


def absent(found) -> list[str]:
    """Types of the source that no cell got."""
    got = set(found.label[found.counted].astype(str))
    return [t for t in found.types if t not in got]


def composition(found) -> pd.Series:
    """Cells of each label, most first."""
    return found.label[found.counted].value_counts().pipe(lambda n: n[n > 0])
