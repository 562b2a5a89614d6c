"""How cells were assigned: clusters against types, and how far to trust it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from itclust import results
from itclust.pl import canvas
from itclust.results import as_column

HEAT = "Blues"
WRITTEN = 16  # rows and columns at most for numbers in the cells of a heat map
BINS = 10  # of the reliability diagram


def probabilities(adata, *, key="itclust", ax=None, show=None, save=None):
    """Heat map: mean probability of each source type in each cluster.

    Parameters
    ----------
    adata
        A target that :func:`itclust.transfer` annotated.
    key
        ``key_added`` of the transfer.
    ax, show, save
        Axes to draw on, whether to show the figure, a file to write.

    Returns
    -------
    Axes, with ``show=False``.
    """
    found = results.read(adata, key)
    mean = mean_probabilities(found)
    n, m = mean.shape
    inches, small = canvas.rows(max(n, m))
    given, ax = ax, canvas.axes(ax, 2.8 + 1.2 * inches * m, 1.6 + inches * n)
    image = ax.imshow(mean.to_numpy(), cmap=HEAT, vmin=0, vmax=1, aspect="auto")
    size = found.clusters["n_cells"]
    rows = [f"{c}  {canvas.plain(found.names[c])}  ({size[c]:,})" for c in mean.index]
    columns = [canvas.plain(c) for c in mean.columns]
    ax.set_xticks(range(m), columns, rotation=45, ha="right", rotation_mode="anchor", fontsize=small)
    ax.set_yticks(range(n), rows, fontsize=small)
    ax.set(title="mean probability of each type", ylabel="cluster, its label (cells)")
    ax.tick_params(length=0)
    if n <= WRITTEN and m <= WRITTEN:
        for (i, j), p in np.ndenumerate(mean.to_numpy()):
            if p >= 0.005:
                ax.text(j, i, f"{p:.2f}", ha="center", va="center", fontsize=7, color="white" if p > 0.55 else "black")
    ax.figure.colorbar(image, ax=ax, shrink=0.7, pad=0.02)
    return canvas.finish(ax, show, save, given)


def mean_probabilities(found) -> pd.DataFrame:
    """Mean of the type probabilities of each cluster's cells, a row a cluster in the order of the table."""
    mean = found.type_probabilities.groupby(found.cluster.astype(object), observed=True).mean()
    return mean.reindex([str(c) for c in found.clusters.index])


def confidence(adata, *, key="itclust", ax=None, show=None, save=None):
    """Confidence of each label's cells: median, the middle half, and all but the outer tenth.

    Parameters
    ----------
    adata, key, ax, show, save
        As in :func:`itclust.pl.probabilities`.

    Returns
    -------
    Axes, with ``show=False``.
    """
    found = results.read(adata, key)
    cells = pd.Series(found.confidence, index=found.label.astype(object))[found.counted]
    spread = cells.groupby(level=0).quantile([0.05, 0.25, 0.5, 0.75, 0.95]).unstack().sort_values(0.5)
    y = np.arange(len(spread))
    inches, small = canvas.rows(len(y))
    given, ax = ax, canvas.axes(ax, 6, 1.2 + inches * len(y))
    ax.hlines(y, spread[0.05], spread[0.95], color="#7a7a7a", linewidth=1)
    ax.hlines(y, spread[0.25], spread[0.75], color="#0072B2", linewidth=6)
    ax.plot(spread[0.5], y, "o", color="white", markeredgecolor="black", markersize=5)
    size = cells.groupby(level=0).size()
    ax.set_yticks(y, [f"{canvas.plain(t)}  ({size[t]:,})" for t in spread.index], fontsize=small)
    ax.set(xlim=(-0.02, 1.02), ylim=(-0.7, len(y) - 0.3), xlabel="confidence", title="confidence by cell type (cells)")
    ax.axvline(0.5, color="#7a7a7a", linewidth=0.8, linestyle=":")
    canvas.tidy(ax)
    return canvas.finish(ax, show, save, given)


def reliability(adata, truth, *, key="itclust", ax=None, show=None, save=None):
    """How often labels were right against how sure they were, where the truth is known.

    Parameters
    ----------
    adata
        A target that :func:`itclust.transfer` annotated.
    truth
        Column of ``obs`` with the true types; cells without one do not count. A ``novel`` label is right where the
        true type is not in the source.
    key, ax, show, save
        As in :func:`itclust.pl.probabilities`.

    Returns
    -------
    Axes, with ``show=False``.
    """
    found = results.read(adata, key)
    table = calibration(found, known(adata, truth))
    error = calibration_error(table)
    given, ax = ax, canvas.axes(ax, 4.8, 4.6)
    ax.plot([0, 1], [0, 1], color="#7a7a7a", linewidth=1, linestyle=":")
    ax.plot(table["confidence"], table["right"], color="#0072B2", linewidth=1)
    area = 20 + 280 * table["n_cells"] / table["n_cells"].max()
    ax.scatter(table["confidence"], table["right"], s=area, color="#0072B2", alpha=0.8, linewidths=0)
    ax.set(xlim=(0, 1.02), ylim=(0, 1.05), xlabel="confidence", ylabel="share of labels that are right")
    ax.set_title(f"reliability: expected calibration error {error:.3f}")
    canvas.tidy(ax)
    return canvas.finish(ax, show, save, given)


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
