"""The report's figures: SVG with rasterised points, each with a text that says what it shows."""

from __future__ import annotations

import base64
import io
from typing import NamedTuple

from itclust import pl
from itclust.pl import canvas, embedding
from itclust.pl.assignment import mean_probabilities
from itclust.pl.course import draw_paths
from itclust.pl.dots import draw_markers
from itclust.pl.embedding import colouring, coordinates
from itclust.pl.trust import MOST, calibration_error, remaining, said

MAX_CELLS = 20_000  # on a map: the file stays small enough to send

WIDE = 6.0  # inches: wider figures take the whole row, and are scrolled on a phone


class Picture(NamedTuple):
    """One figure of the page: heading, explanation, text for those who do not see it, SVG data."""

    name: str
    title: str
    caption: str
    alt: str
    data: str
    wide: bool


def maps(target, found) -> list[Picture]:
    """Cells on the map: label, confidence, novelty, cluster, and the paths of the types."""
    rows, points = coordinates(target, found, max_cells=MAX_CELLS)
    n = found.counted.sum()
    cells = f"all {n:,} cells" if len(rows) == n else f"{len(rows):,} of {n:,} cells"
    about = {
        "label": ("Cell types", "Each cell's label."),
        "confidence": ("Confidence", "Dark cells are those to look at."),
        "novelty": ("Novelty", "Bright cells may be of a type that the source does not have."),
        "cluster": ("Clusters", "Clusters of the fine-tuned network, largest first."),
    }
    pictures = []
    for name, (title, caption) in about.items():
        shown = colouring(target, found, name, rows)
        width = embedding.width(shown[0]) - 1.5
        figure, ax = _figure(width, 4.0)
        embedding.draw(ax, points, *shown)
        ax.set_title("")
        alt = f"UMAP of {cells}, coloured by {title.lower()}. {_says(found, name)}"
        pictures.append(Picture(name, title, f"{caption} {cells.capitalize()}.", alt, encode(figure), width > WIDE))
    figure, ax = _figure(5.0, 4.0)
    draw_paths(ax, found, rows, points).set_title("")
    caption = "The path of each type's centroid, from the first answer (ring) round by round to the final one (arrow)."
    alt = f"UMAP with a path for each of {len(found.types)} types, from first answer to final label."
    return [*pictures, Picture("paths", "Where the fine-tuning moved each type", caption, alt, encode(figure), False)]


def _says(found, name) -> str:
    """What the map shows, in words."""
    if name in ("label", "cluster"):
        size = getattr(found, name)[found.counted].value_counts()
        return f"The largest: {', '.join(f'{t} ({n:,})' for t, n in size.head(5).items())}."
    values = getattr(found, name)[found.counted]
    return f"Mean {values.mean():.2f}."


def charts(target, found) -> list[Picture]:
    """Heat map, flow, confidence and the course of the fine-tuning."""
    mean = mean_probabilities(found)
    n, m = mean.shape
    moved = (found.label.astype(object) != found.initial.astype(object))[found.counted].mean()
    middle = {t: found.confidence[(found.label == t).to_numpy()].mean() for t in found.label[found.counted].unique()}
    weakest = min(middle, key=middle.get)
    inches, _ = canvas.rows(max(n, m))
    rounds = len(found.history.get("changed", ()))
    wanted = [
        ("probabilities", "Which types each cluster could be",
         "Mean probability of each source type in each cluster. A row with two dark cells is a cluster between two types.",
         f"Heat map of {n} clusters and {m} types; the label's mean probability is {mean.max(axis=1).mean():.2f} on average.",
         2.4 + 1.2 * inches * m, 1.5 + inches * n),
        ("flow", "What the fine-tuning changed", "Left: the source network's answer. Right: the final label.",
         f"Flow from first answers to final labels: {moved:.1%} of the cells changed.", 5.2, max(3.4, inches * m)),
        ("confidence", "Confidence of each type",
         "Ring: median. Bar: the middle half of the cells. Line: all but the outer tenth.",
         f"Confidence by type; the lowest mean is that of {weakest}, {middle[weakest]:.2f}.",
         5.0, 1.2 + inches * len(middle)),
        *_trust(found, inches),
        ("history", "Course of the fine-tuning", "Share of cells that changed cluster in each round.",
         f"Line over {rounds} rounds of fine-tuning, {_ends(found)}.", 4.8, 3.2),
    ]  # fmt: skip
    pictures = []
    for name, title, caption, alt, width, height in wanted:
        if name == "history" and not rounds:
            continue
        figure, ax = _figure(width, height)
        getattr(pl, name)(target, key=found.key, ax=ax, show=False)
        ax.set_title("")
        pictures.append(Picture(name, title, caption, alt, encode(figure), width > WIDE))
    return pictures


def _trust(found, inches) -> list[tuple]:
    """What can be believed, as far as the results say it: as :func:`charts` wants figures."""
    wanted = []
    if found.reliability is not None and len(found.reliability):
        n, error = int(found.reliability["n_cells"].sum()), calibration_error(found.reliability)
        wanted.append((
            "reliability", "Is the confidence honest?",
            "Held-back cells of the source: how often they are right (95 % interval) at which confidence. Dotted: as often as "
            + "said. What differs between source and target comes on top.",
            f"Share right against confidence of {n:,} held-back source cells; mean gap {error:.3f}.", 4.8, 4.4,
        ))  # fmt: skip
    if found.level is None:
        return wanted
    share, several = said(found), remaining(found)
    wanted.append((
        "certainty", "How many cells are sure",
        "Line: share of the cells whose label has at least this confidence. Bar: what is sure at the asked level.",
        "; ".join(f"{name} for {s:.0%} of the cells" for name, s in share.items()), 5.4, 3.8,
    ))  # fmt: skip
    if len(several):
        wanted.append((
            "confusions", "The confusions that remain",
            "Types that a cell may have, where there is more than one: with the asked probability its own is among them.",
            f"{several.sum():,} cells may have several types, most often {several.index[0]}.",
            6.4, 1.3 + inches * min(len(several), MOST),
        ))  # fmt: skip
    return wanted


def _ends(found) -> str:
    changed = found.history.get("changed", ())
    return f"from {changed[0]:.2%} to {changed[-1]:.2%} of the cells changing" if len(changed) else "none of them kept"


def marker_dots(found, of_source, of_target) -> Picture:
    """Marker genes of each cluster beside the type it was given, from :func:`itclust.profiles.both`."""
    n = len(found.clusters)
    width = 3 + 0.2 * 3 * n
    figure, ax = _figure(width, 1.8 + 0.22 * n * (2 if of_source is not None else 1))
    draw_markers(ax, found, of_source, of_target)
    ax.set_title("")
    genes = [t.get_text().replace(r"\$", "$") for t in ax.get_xticklabels()]
    beside = " Grey rows: the source type that the cluster above was given." if of_source is not None else ""
    return Picture(
        "markers", "Marker genes",
        f"Genes that carry each label. Dark: high for this gene; large: in many cells.{beside}",
        f"Dot plot of {n} clusters and {len(genes)} genes, {', '.join(genes[:6])} and others.", encode(figure), width > WIDE,
    )  # fmt: skip


def _figure(width, height):
    """A figure of its own: pyplot's state and the user's backend are left alone."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots()


def encode(figure) -> str:
    """The figure as a data URI; the same figure gives the same text."""
    import matplotlib as mpl

    out = io.BytesIO()
    with mpl.rc_context({"svg.hashsalt": "itclust", "svg.fonttype": "path"}):
        figure.savefig(out, format="svg", dpi=150, metadata={"Date": None})
    return "data:image/svg+xml;base64," + base64.b64encode(out.getvalue()).decode()
