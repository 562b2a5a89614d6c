"""What can be believed: how often answers are right, how many are sure, and what stays open."""

from __future__ import annotations

import numpy as np
import pandas as pd

from itclust import results
from itclust.pl import canvas
from itclust.results import ANY, OR, as_column, joined

BINS = 10  # of the reliability diagram
Z = 1.96  # of the error bars: 95 %
MOST = 12  # open questions that are drawn
SHADES = ("#0072B2", "#56B4E9", "#d0d0d0")


def reliability(adata, truth=None, *, key="itclust", ax=None, show=None, save=None):
    """How often labels were right against how sure they were.

    Bars: where the true share lies, with 95 % confidence, given so many cells (Wilson's interval).

    Parameters
    ----------
    adata
        A target that :func:`itclust.transfer` annotated.
    truth
        Column of ``obs`` with the true types; cells without one do not count. A ``novel`` label is right where the
        true type is not in the source. None: the source's own cells, answered by classifiers that have not seen them.
    key, ax, show, save
        As in :func:`itclust.pl.probabilities`.

    Returns
    -------
    Axes, with ``show=False``.
    """
    found = results.read(adata, key)
    if truth is None and found.reliability is None:
        msg = "these results hold no answers to held-back source cells: pass truth=, a column of obs with true types."
        raise ValueError(msg)
    table = found.reliability if truth is None else calibration(found, known(adata, truth))
    sure, right, cells = (table[c].to_numpy(dtype=float) for c in ("confidence", "right", "n_cells"))
    given, ax = ax, canvas.axes(ax, 4.8, 4.6)
    low, high = interval(right, cells)
    ax.plot([0, 1], [0, 1], color="#7a7a7a", linewidth=1, linestyle=":")
    ax.errorbar(sure, right, [right - low, high - right], color=SHADES[0], linewidth=1, capsize=2)
    ax.scatter(sure, right, s=20 + 280 * cells / cells.max(), color=SHADES[0], alpha=0.8, linewidths=0)
    who = "held-back source cells" if truth is None else "labels"
    ax.set(xlim=(0, 1.02), ylim=(0, 1.05), xlabel="confidence", ylabel=f"share of {who} that are right")
    ax.set_title(f"reliability: expected calibration error {calibration_error(table):.3f}")
    canvas.tidy(ax)
    return canvas.finish(ax, show, save, given)


def certainty(adata, *, key="itclust", ax=None, show=None, save=None):
    """Share of the cells whose label is at least so sure; as a bar, what is sure of all of them at the asked level.

    Parameters
    ----------
    adata, key, ax, show, save
        As in :func:`itclust.pl.probabilities`.

    Returns
    -------
    Axes, with ``show=False``.
    """
    found = results.read(adata, key)
    sure = np.sort(found.confidence[found.counted])
    given, ax = ax, canvas.axes(ax, 5.4, 3.8)
    shares = 1 - np.arange(len(sure)) / len(sure)
    ax.plot([0, *sure, 1], [1, *shares, 0], color="black", linewidth=1.4, drawstyle="steps-pre")
    if found.level is not None:
        asked, bottom = float(found.params["level"]), 0.0
        for (name, share), shade in zip(said(found).items(), SHADES, strict=True):
            ax.bar(asked, share, 0.03, bottom=bottom, color=shade, label=f"{name}: {share:.0%}", zorder=3)
            bottom += share
        ax.legend(title=f"sure with probability {asked:g}", frameon=False, loc="lower left")
    ax.set(xlim=(0, 1.02), ylim=(0, 1.03), xlabel="confidence", ylabel="share of the cells")
    ax.set_title("cells whose label is at least so sure")
    canvas.tidy(ax)
    return canvas.finish(ax, show, save, given)


def said(found) -> dict[str, float]:
    """Share of the cells whose level is their label, several types, and any cell."""
    level = found.level.astype(str)[found.counted].to_numpy()
    label = found.label.astype(str)[found.counted].to_numpy()
    nothing, own = level == ANY, level == label
    return {"the label": own.mean(), "several types": (~own & ~nothing).mean(), ANY: nothing.mean()}


def confusions(adata, *, key="itclust", ax=None, show=None, save=None):
    """The confusions that remain: sets of several types, and how many cells each has.

    Parameters
    ----------
    adata, key, ax, show, save
        As in :func:`itclust.pl.probabilities`.

    Returns
    -------
    Axes, with ``show=False``.
    """
    found = results.read(adata, key)
    size = remaining(found)
    drawn = size.head(MOST)[::-1]
    inches, small = canvas.rows(len(drawn))
    given, ax = ax, canvas.axes(ax, 6.4, 1.3 + inches * len(drawn))
    ax.barh(range(len(drawn)), drawn, color=SHADES[0], height=0.7)
    names = [canvas.plain(joined(name.split(OR))) for name in drawn.index]
    ax.set_yticks(range(len(drawn)), names, fontsize=small)
    ax.set(xlabel="cells", title=f"more than one type possible: {size.sum():,} of {found.counted.sum():,} cells")
    canvas.tidy(ax)
    return canvas.finish(ax, show, save, given)


def remaining(found) -> pd.Series:
    """Number of cells of each set that holds more than one type, most first."""
    if found.members is None:
        return pd.Series(dtype=int)
    size = found.members[found.counted].astype(str).value_counts()
    return size[[name not in (*found.types, results.NOVEL) for name in size.index]]


def interval(share, n) -> tuple[np.ndarray, np.ndarray]:
    """Wilson's 95 % interval of a share among ``n`` cells: its lower and upper end."""
    middle = (share + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z * np.sqrt(share * (1 - share) / n + Z**2 / (4 * n**2)) / (1 + Z**2 / n)
    return np.clip(middle - half, 0, share), np.clip(middle + half, share, 1)


def known(adata, truth) -> pd.Series:
    """Column ``truth`` of ``obs``, or a KeyError that lists the columns."""
    if truth not in adata.obs:
        msg = f"{truth!r} is not a column of obs; its columns are: {', '.join(map(repr, adata.obs.columns))}."
        raise KeyError(msg)
    return adata.obs[truth]


def calibration(found, truth) -> pd.DataFrame:
    """Mean confidence, share right and number of cells in ``BINS`` bins of confidence of equal width."""
    usable = found.counted & truth.notna().to_numpy()
    label, truth = found.label.astype(object)[usable].to_numpy(), truth.astype(str)[usable].to_numpy()
    novel = found.cluster[usable].map(found.novel).to_numpy(dtype=bool)
    right = np.where(novel, ~np.isin([as_column(t) for t in truth], found.type_probabilities.columns), label == truth)
    sure = found.confidence[usable]
    bins = np.minimum((sure * BINS).astype(int), BINS - 1)
    cells = pd.DataFrame({"confidence": sure, "right": right.astype(float)})
    grouped = cells.groupby(bins)
    return grouped.mean().assign(n_cells=grouped.size())


def calibration_error(table) -> float:
    """Expected calibration error: mean gap between confidence and share right, weighed by cells."""
    gap = (table["confidence"] - table["right"]).abs()
    return float((gap * table["n_cells"]).sum() / table["n_cells"].sum())
