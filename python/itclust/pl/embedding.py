"""Cells on a map: by label, cluster, confidence, novelty or any column."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd

from itclust import results
from itclust.pl import canvas, palette

NAMED, SHORT = 12, 12  # so many categories, of so many letters, bear their names on the map; others bear numbers
UMAP_NEIGHBORS, UMAP_EPOCHS = 15, 200
PROJECTED = 20_000  # cells at most that a UMAP is computed of
ROWS = 20  # of a legend


def umap(
    adata,
    color=("label", "confidence"),
    *,
    key="itclust",
    basis="X_umap",
    max_cells=canvas.MAX_CELLS,
    size=None,
    ax=None,
    show=None,
    save=None,
):
    """Cells on a UMAP.

    Parameters
    ----------
    adata
        A target that :func:`itclust.transfer` annotated; not changed.
    color
        ``"label"``, ``"cluster"``, ``"initial"``, ``"confidence"``, ``"novelty"`` or a column of ``obs``; or a list of
        these, a panel each.
    key
        ``key_added`` of the transfer.
    basis
        Coordinates in ``obsm``. Where there are none, a UMAP of the embedding is computed and not kept.
    max_cells
        Cells drawn at most; rare clusters stay whole. A UMAP is computed of at most 20,000.
    size
        Area of a point.
    ax, show, save
        Axes to draw on (one ``color``), whether to show the figure, a file to write.

    Returns
    -------
    Axes, or a list of Axes for several colours, with ``show=False``.

    Examples
    --------
    >>> import itclust
    >>> source, target = itclust.datasets.toy()
    >>> itclust.transfer(source, target, progress=False)
    >>> ax = itclust.pl.umap(target, "confidence", show=False)
    """
    found = results.read(adata, key)
    colors = [color] if isinstance(color, str) else list(color)
    if ax is not None and len(colors) > 1:
        msg = f"ax= takes one panel; received {len(colors)} colours: {', '.join(map(repr, colors))}."
        raise ValueError(msg)
    rows, points = coordinates(adata, found, basis, max_cells)
    shown = [colouring(adata, found, name, rows) for name in colors]
    panels = [ax] if ax is not None else _panels(len(colors), max(width(values) for values, *_ in shown))
    for panel, what in zip(panels, shown):
        draw(panel, points, *what, size=size)
    return canvas.finish(panels if len(colors) > 1 else panels[0], show, save, ax)


def coordinates(adata, found, basis="X_umap", max_cells=canvas.MAX_CELLS):
    """Rows that are drawn and their places: those in ``obsm``, or a UMAP of the embedding of the drawn cells."""
    there = basis in adata.obsm
    rows = canvas.drawn(found.cluster.cat.codes.to_numpy(), max_cells if there else min(max_cells, PROJECTED))
    if there:
        return rows, np.asarray(adata.obsm[basis])[rows, :2]
    return rows, project(np.asarray(found.embedding)[rows])


def project(embedding, n_neighbors=UMAP_NEIGHBORS, seed=0) -> np.ndarray:
    """UMAP (n, 2) of an embedding, by umap-learn with scanpy's settings; too few cells keep their first two columns.

    Not by `scanpy.pp.neighbors`: scanpy 1.11 fails on more than 4,096 cells beside scikit-learn 1.9.
    """
    if len(embedding) < 4:
        return np.column_stack([embedding, np.zeros((len(embedding), 2))])[:, :2]
    n = len(embedding)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on its number of threads, and on its own imports
        import umap as umap_learn
        from sklearn.neighbors import NearestNeighbors

        cells = np.asarray(embedding, dtype=np.float32)
        k = min(n_neighbors, n - 1)
        distance, index = NearestNeighbors(n_neighbors=k).fit(cells).kneighbors(cells)
        model = umap_learn.UMAP(
            k, min_dist=0.5, n_epochs=UMAP_EPOCHS, init="spectral" if n > 50 else "random", random_state=seed,
            precomputed_knn=(index, distance),
        )  # fmt: skip
        return model.fit_transform(cells)


def draw(ax, points, values, title, colour=None, *, size=None) -> None:
    """One panel: ``values`` at ``points``, a category (its colour in ``colour``) or a number each."""
    size = size or float(np.clip(12_000 / max(len(points), 1), 1.5, 30))
    ax.set(title=canvas.plain(title), xticks=[], yticks=[], xlabel="UMAP 1", ylabel="UMAP 2")
    canvas.tidy(ax)
    if isinstance(values.dtype, pd.CategoricalDtype):
        _draw_categories(ax, points, values.cat.remove_unused_categories(), colour, size)
        return
    shown = values.to_numpy(dtype=float)
    order = np.argsort(-shown if values.name == "confidence" else shown, kind="stable")  # what to look at lies on top
    limits = (0, 1) if values.name in ("confidence", "novelty") else (None, None)
    dots = ax.scatter(
        *points[order].T, c=shown[order], s=size, cmap=palette.SEQUENTIAL, vmin=limits[0], vmax=limits[1],
        linewidths=0, rasterized=True,
    )  # fmt: skip
    ax.figure.colorbar(dots, ax=ax, shrink=0.6, pad=0.02)


def _draw_categories(ax, points, values, colour, size) -> None:
    codes = values.cat.codes.to_numpy()
    names = list(values.cat.categories)
    rgba = np.array([colour[n] for n in names] + [palette.MISSING])[codes]
    order = np.random.default_rng(0).permutation(len(points))  # no category lies on top of another
    ax.scatter(*points[order].T, c=rgba[order], s=size, linewidths=0, rasterized=True)
    for i, text in enumerate(on_map(names, colour)):
        own = points[codes == i]
        at = own[((own - np.median(own, axis=0)) ** 2).sum(1).argmin()]  # a cell: the middle of two islands is empty
        canvas.on_white(ax.text(*at, text, ha="center", va="center", fontsize=8, fontweight="bold"))
    legend(ax, names, colour)


def numbered(names) -> bool:
    """Whether numbers stand on the map for names: they are many, or some are long."""
    return len(names) > NAMED or max(map(len, map(str, names)), default=0) > SHORT


def on_map(names, colour) -> list[str]:
    """What stands on the map for each name: the name, or its place among all that have a colour."""
    place = {n: str(i) for i, n in enumerate(colour, 1)}
    return [place[n] if numbered(names) else canvas.plain(n) for n in names]


def legend(ax, names, colour) -> None:
    """Names beside the map, with the numbers that they have on it, in the order of these."""
    from matplotlib.lines import Line2D

    listed = [n for n in colour if n in names]
    handles = [Line2D([], [], marker="o", ls="", color=colour[n], label=str(i)) for i, n in enumerate(listed)]
    made = ax.legend(
        handles=handles, loc="center left", bbox_to_anchor=(1, 0.5), frameon=False, fontsize=8, handletextpad=0.2,
        ncols=1 + (len(listed) - 1) // ROWS, columnspacing=0.8,
    )  # fmt: skip
    for text, name, mark in zip(made.get_texts(), listed, on_map(listed, colour)):
        # set here: a legend leaves out labels that begin with "_"
        text.set_text(f"{mark}  {canvas.plain(name)}" if numbered(names) else mark)


def colouring(adata, found, name, rows):
    """Values, title and colours of the categories; ``label`` and the like stand for the result's columns."""
    if name in ("label", "initial"):
        key = found.key if name == "label" else f"{found.key}_{name}"
        values = adata.obs[key].iloc[rows].rename(name)
        own = palette.of(list(values.cat.categories), adata.uns, key) if f"{key}_colors" in adata.uns else {}
        return values, "cell type" if name == "label" else "first answer", palette.of_types(found) | own
    if name in ("confidence", "novelty"):
        return adata.obs[f"{found.key}_{name}"].iloc[rows].rename(name), name, None
    name = f"{found.key}_cluster" if name == "cluster" else name
    if name not in adata.obs:
        msg = (
            f"{name!r} is not a column of obs. Pass 'label', 'cluster', 'initial', 'confidence', 'novelty' or one of: "
            f"{', '.join(map(repr, adata.obs.columns))}."
        )
        raise KeyError(msg)
    values = adata.obs[name].iloc[rows]
    if not pd.api.types.is_numeric_dtype(values) or values.dtype == bool:
        if not isinstance(values.dtype, pd.CategoricalDtype):
            values = values.astype(str).where(values.notna()).astype("category")
        return values, name, palette.of(list(values.cat.categories), adata.uns, name)
    return values, name, None


def width(values) -> float:
    """Inches that a panel needs, its legend included."""
    n = values.nunique() if isinstance(values.dtype, pd.CategoricalDtype) else 0
    return 5.0 + 1.5 * (1 + (n - 1) // ROWS)


def _panels(n: int, inches: float) -> list:
    import matplotlib.pyplot as plt

    columns = min(n, 2)
    rows = -(-n // columns)
    size = (inches * columns, 4.6 * rows)
    panels = plt.subplots(rows, columns, figsize=size, layout="constrained", squeeze=False)[1]
    for panel in panels.flat[n:]:
        panel.remove()
    return list(panels.flat[:n])
