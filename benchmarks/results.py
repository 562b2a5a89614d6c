"""The table of results: a row for each pair, method, seed and metric."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import data
import pandas as pd

COLUMNS = ["pair", "method", "seed", "metric", "value", "version", "machine"]
FAILED = "failed"  # metric of a run without an answer; value: the seconds it took


def read(path: Path) -> pd.DataFrame:
    """The table, empty where there is none."""
    kinds = {"seed": int, "value": float, "version": str, "machine": str}
    return pd.read_csv(path).astype(kinds) if path.exists() else pd.DataFrame(columns=COLUMNS)


def add(path: Path, run: tuple[str, str, int], metrics: dict[str, float], version: str) -> None:
    """Put the run's rows in place of those it had; the file is replaced as a whole."""
    rows = [(*run, metric, float(f"{value:.5g}"), version, machine()) for metric, value in metrics.items()]
    table = read(path)
    kept = table[[tuple(r) != run for r in table[["pair", "method", "seed"]].itertuples(index=False)]]
    parts = [t for t in (kept, pd.DataFrame(rows, columns=COLUMNS)) if len(t)]
    temporary = path.with_suffix(".part")
    pd.concat(parts).to_csv(temporary, index=False, lineterminator="\n")
    temporary.replace(path)


def done(table: pd.DataFrame) -> set[tuple[str, str, int]]:
    """The runs that have an answer."""
    answered = table[table["metric"] != FAILED]
    return set(answered[["pair", "method", "seed"]].itertuples(index=False, name=None))


def machine() -> str:
    """Cores, memory and kind of processor, and nothing that names it."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{cores} cores, {memory:.0f} GB, {platform.machine()} {platform.system()}"


def means(table: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Pairs x methods, the mean over seeds; the pairs in the order of pairs.json, others after them."""
    rows = table[table["metric"] == metric]
    values = rows.pivot_table(index="pair", columns="method", values="value", sort=False)
    return values.loc[in_order(values.index)]


def in_order(names) -> list[str]:
    """Pairs as pairs.json has them, then the others as they come."""
    known = [p.name for p in data.pairs()]
    return sorted(names, key=lambda name: known.index(name) if name in known else len(known))


def plain(table: pd.DataFrame) -> pd.DataFrame:
    """Without the runs on changed sources (capped, mislabelled) and those without an answer."""
    changed = table["pair"].str.contains(" ", regex=False)
    return table[~changed & (table["metric"] != FAILED)]


def with_mean(values: pd.DataFrame) -> pd.DataFrame:
    """A last row of means, for the methods that have a value everywhere."""
    if len(values) < 2:
        return values
    return pd.concat([values, values.mean(skipna=False).rename(f"mean of {len(values)}").to_frame().T])
