"""How cells were assigned: clusters against types, and how far to trust it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from itclust import results
from itclust.pl import canvas

HEAT = "Blues"
WRITTEN = 16  # rows and columns at most for numbers in the cells of a heat map


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
    own = {results.as_column(t): t for t in found.types}  # a column's name cannot hold every type's
    columns = [canvas.plain(own.get(c, c)) for c in mean.columns]
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
