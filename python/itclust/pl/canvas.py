"""What all plots share: axes in, axes out, which cells are drawn."""

from __future__ import annotations

import unicodedata

import numpy as np

MAX_CELLS = 50_000  # drawn at most: more points hide each other, and the picture's file grows
DPI = 200  # of rasterised points and of saved pictures


def axes(ax, width: float, height: float):
    """The caller's axes, or those of a new figure."""
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=(width, height), layout="constrained")[1]


def finish(ax, show, save, given):
    """Save, show, or hand back.

    Parameters
    ----------
    ax : axes, or a list of them.
    show : None: show unless the caller gave axes or a file.
    save : path of a file, or None.
    given : the caller's axes, or None.
    """
    first = ax[0] if isinstance(ax, list) else ax
    if save is not None:
        first.figure.savefig(save, dpi=DPI, bbox_inches="tight")
    if show is None:
        show = given is None and save is None
    if not show:
        return ax
    import matplotlib.pyplot as plt

    plt.show()
    return None


def drawn(groups, max_cells: int = MAX_CELLS, seed: int = 0) -> np.ndarray:
    """Rows that are drawn: all, or a sample in which rare groups stay whole.

    Half of the places are shared out evenly (a group smaller than its share is kept whole), the rest at random. The
    same number of cells and seed give the same rows.

    Parameters
    ----------
    groups : (n,) codes; rows below 0 are never drawn.
    max_cells : rows at most.
    """
    groups = np.asarray(groups)
    rows = np.flatnonzero(groups >= 0)
    if len(rows) <= max_cells:
        return rows
    rows = np.random.default_rng(seed).permutation(rows)
    by_group = rows[np.argsort(groups[rows], kind="stable")]
    size = np.bincount(groups[by_group])
    rank = np.arange(len(by_group)) - np.repeat(np.cumsum(size) - size, size)  # a cell's place within its group
    share = max_cells // (2 * np.count_nonzero(size))
    sure = by_group[rank < share]
    taken = np.zeros(len(groups), bool)
    taken[sure] = True
    taken[rows[~taken[rows]][: max_cells - len(sure)]] = True
    return np.flatnonzero(taken)


def rows(n: int) -> tuple[float, int]:
    """Inches a row, and size of its text, where ``n`` rows or columns are to be read."""
    return (0.28, 8) if n <= 30 else (0.15, 6)


def plain(text) -> str:
    r"""A name as it is to be drawn: ``$`` starts no formula, and what no page can hold becomes a question mark.

    Examples
    --------
    >>> print(plain("IL$2 $ra$"), plain("B\x1b cell"))
    IL\$2 \$ra\$ B? cell
    """
    letters = ("?" if unicodedata.category(c) in ("Cc", "Cs", "Cn") else c for c in str(text))
    return "".join(letters).replace("$", r"\$")


def tidy(ax) -> None:
    """No frame on the upper and right side."""
    ax.spines[["top", "right"]].set_visible(False)


def on_white(text) -> None:
    """A white halo that keeps ``text`` legible on points."""
    from matplotlib.patheffects import withStroke

    text.set_path_effects([withStroke(linewidth=2.5, foreground="white")])
