"""The course of the fine-tuning."""

from __future__ import annotations

import numpy as np

from itclust.annotation import annotation
from itclust.pl import canvas, palette
from itclust.pl.embedding import NAMED, coordinates


def history(adata, *, key="itclust", ax=None, show=None, save=None):
    """Share of cells that changed cluster in each round of the fine-tuning, and where it was to stop.

    Parameters
    ----------
    adata, key, ax, show, save
        As in :func:`itclust.pl.probabilities`.

    Returns
    -------
    Axes, with ``show=False``.
    """
    found = annotation(adata, key)
    changed = np.asarray(found.history["changed"], dtype=float)
    rounds = np.arange(1, len(changed) + 1)
    given, ax = ax, canvas.axes(ax, 5.4, 3.4)
    ax.plot(rounds, 100 * changed, color="#0072B2", marker="o" if len(rounds) <= 50 else None, markersize=4)
    tol = found.params.get("tol")
    if tol is not None:
        ax.axhline(100 * tol, color="#D55E00", linewidth=1, linestyle="--", label=f"stops below {tol:.2%}")
        ax.legend(frameon=False, fontsize=8)
    ax.set(title="fine-tuning on the target", xlabel="round", ylabel="cells that changed cluster (%)", ylim=(0, None))
    ax.xaxis.get_major_locator().set_params(integer=True)
    canvas.tidy(ax)
    return canvas.finish(ax, show, save, given)


def paths(adata, *, key="itclust", basis="X_umap", max_cells=canvas.MAX_CELLS, ax=None, show=None, save=None):
    """Where the fine-tuning moved each type: from the centre of the cells first named so to that of the final ones.

    Centres are medians on the map; a type that lost or gained all its cells has a ring and no arrow. Of many types
    those that moved farthest are named.

    Parameters
    ----------
    adata, key, ax, show, save
        As in :func:`itclust.pl.probabilities`.
    basis, max_cells
        As in :func:`itclust.pl.umap`.

    Returns
    -------
    Axes, with ``show=False``.
    """
    found = annotation(adata, key)
    rows, points = coordinates(adata, found, basis, max_cells)
    return canvas.finish(draw_paths(ax, found, rows, points), show, save, ax)


def draw_paths(ax, found, rows, points):
    """:func:`paths` on cells whose places are known."""
    ax = canvas.axes(ax, 6, 4.8)
    ax.scatter(*points.T, s=2, color=palette.MISSING, linewidths=0, rasterized=True)
    first, last = (values.iloc[rows].astype(object).to_numpy() for values in (found.initial, found.label))
    ends = {t: [np.median(points[side == t], axis=0) for side in (first, last) if (side == t).any()] for t in found.all}
    far = sorted((t for t in ends if ends[t]), key=lambda t: -np.linalg.norm(ends[t][-1] - ends[t][0]))
    colour = palette.of_types(found)
    for name in far:
        start, *end = ends[name]
        ax.plot(*start, "o", color="white", markeredgecolor=colour[name], markeredgewidth=1.5, markersize=6)
        if end:
            arrow = {"arrowstyle": "-|>", "color": colour[name], "linewidth": 2, "shrinkA": 3, "shrinkB": 0}
            ax.annotate("", end[0], start, arrowprops=arrow)
    for name in far[:NAMED]:
        text = ax.annotate(name, ends[name][-1], (0, 7), textcoords="offset points", ha="center", fontsize=8)
        canvas.on_white(text)
    ax.set(title="where the fine-tuning moved each type", xticks=[], yticks=[], xlabel="UMAP 1", ylabel="UMAP 2")
    canvas.tidy(ax)
    return ax
