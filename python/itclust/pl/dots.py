"""Marker genes: each cluster beside the source type it was given."""

from __future__ import annotations

import numpy as np

from itclust import explanation, profiles, results
from itclust.pl import canvas, palette

LARGEST = 90  # area of a dot where every cell has a count
SMALL = 7


def markers(
    target,
    source=None,
    genes=None,
    *,
    key="itclust",
    n_genes=3,
    labels_key=None,
    layer=None,
    use_raw=False,
    values="auto",
    ax=None,
    show=None,
    save=None,
):
    """Dot plot of marker genes: each cluster, and beneath it the source type it was given.

    Colour is the mean log value over a gene's largest in the same dataset, area the share of cells with a count.

    Parameters
    ----------
    target
        AnnData that :func:`itclust.transfer` annotated.
    source
        AnnData with the labels; without it the rows of its types are left out.
    genes
        The genes; by default the ``n_genes`` that carry each cluster's label, see :func:`itclust.explain`.
    key
        ``key_added`` of the transfer.
    n_genes
        Genes a cluster.
    labels_key, layer, use_raw, values
        As in :func:`itclust.transfer`; without a source they speak of the target.
    ax, show, save
        Axes to draw on, whether to show the figure, a file to write.

    Returns
    -------
    Axes, with ``show=False``.
    """
    found = results.read(target, key)
    of_source, of_target = profiles.both(target, found, source, labels_key, layer, use_raw, values)
    given, ax = ax, draw_markers(ax, found, of_source, of_target, genes, n_genes)
    return canvas.finish(ax, show, save, given)


def draw_markers(ax, found, of_source, of_target, genes=None, n_genes=3):
    """The dot plot of :func:`markers` from profiles of types and clusters (:func:`itclust.profiles.both`)."""
    chosen = _chosen(genes, found, of_source, of_target, n_genes)
    rows = _rows(found, of_source, of_target, chosen)
    ax = canvas.axes(ax, 3 + 0.2 * len(chosen), 1.6 + 0.22 * len(rows))
    _draw(ax, rows, [of_target.genes[g] for g in chosen])
    beside = " beside the source type they were given" if of_source is not None else ""
    ax.set_title(f"marker genes: clusters{beside}")
    return ax


def _chosen(genes, found, of_source, of_target, n_genes) -> list[int]:
    """Columns of the genes that are shown."""
    place = {g: k for k, g in enumerate(of_target.genes)}
    if genes is not None:
        unknown = [g for g in genes if g not in place]
        if unknown:
            msg = f"{', '.join(map(repr, unknown))} not among the {len(place)} genes that the network sees."
            raise KeyError(msg)
        return [place[g] for g in genes]
    chosen = {}
    for i in range(len(of_target.groups)):
        contrast = explanation.target_contrast(i, found, of_target)
        score = np.where(explanation.differential(i, of_target) < explanation.SIGNIFICANT, np.maximum(contrast, 0), 0)
        types = [] if of_source is None else list(of_source.groups)
        if found.names[of_target.groups[i]] in types:
            k = types.index(found.names[of_target.groups[i]])
            score = score * np.maximum(explanation.source_contrast(k, of_source), 0)
        fresh = [g for g in np.argsort(-score, kind="stable") if score[g] > 0 and g not in chosen]
        chosen.update(dict.fromkeys(fresh[:n_genes]))
    return list(chosen)


def _rows(found, of_source, of_target, chosen) -> list[tuple]:
    """Name, whether it is of the source, mean values as shares of the largest, rates: from the top down."""
    rows = []
    types = [] if of_source is None else list(of_source.groups)
    for i, cluster in enumerate(of_target.groups):
        label = found.names[cluster]
        rows.append((f"{cluster}  {label}", False, *_shown(of_target, i, chosen)))
        if label in types:
            rows.append((f"source: {label}", True, *_shown(of_source, types.index(label), chosen)))
    return rows


def _shown(profile, i, chosen):
    mean = profile.mean[:, chosen]
    return mean[i] / np.maximum(mean.max(0), 1e-9), profile.moments.detected[i, chosen]


def _draw(ax, rows, genes) -> None:
    for y, (_, of_source, value, rate) in enumerate(rows):
        if of_source:
            ax.axhspan(y - 0.5, y + 0.5, color="#f0f0f0", linewidth=0, zorder=0)
        dots = ax.scatter(
            range(len(genes)), [y] * len(genes), s=LARGEST * rate, c=value, cmap=palette.SEQUENTIAL + "_r", vmin=0,
            vmax=1, edgecolors="#555555", linewidths=0.3,
        )  # fmt: skip
    ax.set_xticks(range(len(genes)), [canvas.plain(g) for g in genes], rotation=90, fontsize=SMALL)
    ax.set_yticks(range(len(rows)), [canvas.plain(r[0]) for r in rows], fontsize=SMALL)
    ax.set(xlim=(-0.8, len(genes) - 0.2), ylim=(len(rows) - 0.4, -0.6))
    ax.tick_params(length=0)
    canvas.tidy(ax)
    bar = ax.figure.colorbar(dots, ax=ax, shrink=0.5, anchor=(0, 1), pad=0.02)
    bar.set_label("mean / largest", fontsize=SMALL)
    bar.ax.tick_params(labelsize=SMALL)
    sizes = [ax.scatter([], [], s=LARGEST * r, color="#777777", label=f"{r:.0%}") for r in (0.25, 0.5, 1)]
    ax.legend(
        handles=sizes, title="cells with\na count", loc="lower left", bbox_to_anchor=(1.01, 0), frameon=False,
        fontsize=SMALL, title_fontsize=SMALL, borderaxespad=0,
    )  # fmt: skip
