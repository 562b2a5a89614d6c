"""From the source network's first answer to the final label."""

from __future__ import annotations

import numpy as np
import pandas as pd

from itclust import results
from itclust.pl import canvas, palette

GAP, GAPS = 0.012, 0.25  # between two bars of a side, and all together at most; in shares of the height
BAR = 0.03  # width of a bar


def flow(adata, *, key="itclust", ax=None, show=None, save=None):
    """Which cells the fine-tuning renamed: first answer on the left, final label on the right.

    Bands of cells that kept their name are pale; those that changed are strong. Heights are shares of the cells.

    Parameters
    ----------
    adata, key, ax, show, save
        As in :func:`itclust.pl.probabilities`.

    Returns
    -------
    Axes, with ``show=False``.
    """
    found = results.read(adata, key)
    counts = moves(found)
    colour = palette.of_types(found)
    inches, small = canvas.rows(max(counts.shape))
    given, ax = ax, canvas.axes(ax, 6.4, max(3.6, inches * max(counts.shape)))
    left, right = (_places(counts.sum(axis)) for axis in (1, 0))
    _bands(ax, counts, left, right, colour)
    for x, side, total in ((-BAR, left, counts.sum(axis=1)), (1, right, counts.sum(axis=0))):
        ax.bar(x, list(side["height"]), BAR, list(side["bottom"]), color=[colour[n] for n in side.index], align="edge")
        where = _apart((side["bottom"] + side["height"] / 2).to_numpy(), _line(ax, small))
        for name, y in zip(side.index, where):
            ha, at = ("right", x - 0.02) if x < 0 else ("left", x + BAR + 0.02)
            ax.text(at, y, f"{canvas.plain(name)} ({total[name]:,})", ha=ha, va="center", fontsize=small)
    kept = sum(counts.loc[n, n] for n in counts.index if n in counts.columns) / counts.to_numpy().sum()
    ax.set(xlim=(-0.5, 1.5), ylim=(-0.02, 1.02), xticks=[], yticks=[])
    ax.set_title(f"first answer → final label: {kept:.1%} of cells kept theirs")
    ax.spines[:].set_visible(False)
    return canvas.finish(ax, show, save, given)


def moves(found) -> pd.DataFrame:
    """Cells of each first answer (rows) that got each final label (columns)."""
    first, last = (v[found.counted].cat.remove_unused_categories() for v in (found.initial, found.label))
    return pd.crosstab(first, last, rownames=["first"], colnames=["final"])


def _places(total) -> pd.DataFrame:
    """Bars stacked from the top: bottom and height of each, gaps between."""
    gap = min(GAP, GAPS / len(total))
    height = total / total.sum() * (1 - gap * (len(total) - 1))
    top = 1 - (height + gap).cumsum() + gap
    return pd.DataFrame({"bottom": top, "height": height})


def _bands(ax, counts, left, right, colour) -> None:
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    scale = left["height"].sum() / counts.to_numpy().sum(), right["height"].sum() / counts.to_numpy().sum()
    start, end = ((side["bottom"] + side["height"]).to_dict() for side in (left, right))
    curve = [Path.MOVETO, *[Path.CURVE4] * 3, Path.LINETO, *[Path.CURVE4] * 3, Path.CLOSEPOLY]
    for first in counts.index:
        for last in counts.columns:
            n = counts.loc[first, last]
            if n == 0:
                continue
            a1, b1 = start[first], end[last]
            a0, b0 = a1 - n * scale[0], b1 - n * scale[1]
            start[first], end[last] = a0, b0
            points = [(0, a1), (0.5, a1), (0.5, b1), (1, b1), (1, b0), (0.5, b0), (0.5, a0), (0, a0), (0, a1)]
            alpha = 0.3 if first == last else 0.75
            ax.add_patch(PathPatch(Path(points, curve), facecolor=colour[first], alpha=alpha, linewidth=0))


def _line(ax, size) -> float:
    """Height of a line of text of so many points, as a share of that of the axes."""
    return 1.2 * size / 72 * ax.figure.dpi / ax.get_window_extent().height


def _apart(y, gap) -> np.ndarray:
    """Heights, from the top down, moved as little as it takes to be ``gap`` apart and within 0 and 1."""
    y = np.array(y, dtype=float)
    gap = min(gap, 1 / max(len(y) - 1, 1))
    for i in range(1, len(y)):
        y[i] = min(y[i], y[i - 1] - gap)
    y[-1] = max(y[-1], 0)
    for i in range(len(y) - 2, -1, -1):
        y[i] = max(y[i], y[i + 1] + gap)
    return y
