"""The course of the fine-tuning."""

from __future__ import annotations

import numpy as np

from itclust import results
from itclust.pl import canvas, palette
from itclust.pl.embedding import NAMED, coordinates, legend, numbered, on_map

NEAREST = 15  # cells whose places on the map are a centroid's


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
    found = results.read(adata, key)
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
    """Where the fine-tuning moved each type: the centroids' paths, a stop a round.

    A centroid is the mean, in the final embedding, of the cells that were named so at that round; it lies on the map
    where the cells nearest to it do. A ring is the start; a type that did not move, or lost all its cells, has no arrow.
    Of many types those that moved farthest are named; where a name is long, numbers stand on the map, those of
    :func:`itclust.pl.umap`.

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
    found = results.read(adata, key)
    rows, points = coordinates(adata, found, basis, max_cells)
    return canvas.finish(draw_paths(ax, found, rows, points), show, save, ax)


def draw_paths(ax, found, rows, points):
    """:func:`paths` on cells whose places are known."""
    ax = canvas.axes(ax, 6, 4.8)
    ax.scatter(*points.T, s=2, color=palette.MISSING, linewidths=0, rasterized=True)
    ways = _ways(found, rows, points)
    far = sorted(ways, key=lambda t: -np.linalg.norm(ways[t][-1] - ways[t][0]))
    colour = palette.of_types(found)
    colour |= {t: palette.MISSING for t in ways if t not in colour}  # a label may have been renamed since
    for name in far:
        way = ways[name]
        ax.plot(*way.T, color=colour[name], linewidth=1.5)
        ax.plot(*way[0], "o", color="white", markeredgecolor=colour[name], markeredgewidth=1.5, markersize=6)
        if (way[-1] != way[0]).any():
            before = way[np.flatnonzero((way != way[-1]).any(1))[-1]]
            arrow = {"arrowstyle": "-|>", "color": colour[name], "linewidth": 2, "shrinkA": 3, "shrinkB": 0}
            ax.annotate("", way[-1], before, arrowprops=arrow)
    named = far[:NAMED]
    for name, text in zip(named, on_map(named, colour)):
        canvas.on_white(ax.annotate(text, ways[name][-1], (0, 7), textcoords="offset points", ha="center", fontsize=8))
    if numbered(named):
        legend(ax, named, colour)
    ax.set(title="where the fine-tuning moved each type", xticks=[], yticks=[], xlabel="UMAP 1", ylabel="UMAP 2")
    canvas.tidy(ax)
    return ax


def _ways(found, rows, points) -> dict:
    """Each type's centroids on the map, (n_stops, 2): the means of the cells that are nearest in the embedding."""
    from sklearn.neighbors import NearestNeighbors

    near = NearestNeighbors(n_neighbors=min(NEAREST, len(rows))).fit(found.embedding[rows])
    ways = {}
    for k, name in enumerate(np.asarray(found.history.get("labels", ())).astype(str)):
        stops = np.asarray(found.history["centroids"], dtype=float)[:, k]
        stops = stops[np.isfinite(stops).all(1)]
        ways[name] = points[near.kneighbors(stops, return_distance=False)].mean(1)
    return ways
