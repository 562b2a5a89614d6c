"""Colours that stay apart, also for colour-blind readers, for three types and for sixty."""

from __future__ import annotations

from functools import cache

import numpy as np

from itclust.results import natural

MISSING = "#d4d4d4"  # cells without a label
SEQUENTIAL = "cividis"  # reads the same for colour-blind readers and in grey
# Okabe & Ito 2008, without black (text) and yellow (too light on white).
_FIRST = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
# Machado, Oliveira & Fernandes 2009, severity 1: linear RGB as seen without the long or the middle cones.
_VISION = (
    np.eye(3),
    np.array([[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]),
    np.array([[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]),
)
_LIGHTEST, _DARKEST = 0.84, 0.25  # OKLab lightness: seen on white, and apart from black text


@cache
def colours(n: int) -> tuple[str, ...]:
    """``n`` colours as hex codes; the first ones do not depend on ``n``.

    Each further colour is the one that lies farthest from all before it, in the worst of three visions: normal,
    without long and without middle cones.
    """
    from matplotlib.colors import to_hex, to_rgb

    grid = np.stack(np.meshgrid(*[np.linspace(0, 1, 18)] * 3), -1).reshape(-1, 3)
    seen = oklab(grid)
    usable = (seen[0, :, 0] > _DARKEST) & (seen[0, :, 0] < _LIGHTEST)
    grid, seen = grid[usable], seen[:, usable]
    chosen = [to_rgb(c) for c in _FIRST[:n]]
    nearest = np.min([_distance(seen, oklab(np.array([c]))) for c in chosen], axis=0)
    while len(chosen) < n:
        best = nearest.argmax()
        chosen.append(grid[best])
        nearest = np.minimum(nearest, _distance(seen, seen[:, [best]]))
    return tuple(to_hex(c) for c in chosen)


def oklab(rgb) -> np.ndarray:
    """Colours (n, 3), sRGB, in OKLab (Ottosson 2020) as each of the three visions sees them: (3, n, 3)."""
    rgb = np.asarray(rgb, dtype=float)
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip([linear @ m.T for m in _VISION], 0, 1)
    lms = np.array([[0.4122214708, 0.5363325363, 0.0514459929], [0.2119034982, 0.6806995451, 0.1073969566],
                    [0.0883024619, 0.2817188376, 0.6299787005]])  # fmt: skip
    lab = np.array([[0.2104542553, 0.7936177850, -0.0040720468], [1.9779984951, -2.4285922050, 0.4505937099],
                    [0.0259040371, 0.7827717662, -0.8086757660]])  # fmt: skip
    return np.cbrt(seen @ lms.T) @ lab.T


def _distance(a, b) -> np.ndarray:
    return np.sqrt(((a - b) ** 2).sum(-1)).min(0)


def of_types(found) -> dict[str, str]:
    """A colour for each type of the source and each novel one, in natural order: the same in every plot of a result."""
    colour = of(found.all)
    return {t: colour[t] for t in natural(colour)}


def of(categories, uns=None, key="") -> dict[str, str]:
    """A colour for each category; ``uns[key + "_colors"]``, scanpy's place for them, where it fits."""
    own = (uns or {}).get(f"{key}_colors", ())
    return dict(zip(categories, own if len(own) == len(categories) else colours(len(categories))))
