"""Every default once, with its reason; and the table of recipes."""

from __future__ import annotations

import dataclasses
import difflib
from importlib import import_module
from typing import NamedTuple


@dataclasses.dataclass(frozen=True)
class Settings:
    """What all recipes let the user decide; every field is also a keyword of :func:`itclust.transfer`.

    Attributes
    ----------
    n_hidden
        Widths of the hidden layers.
    n_latent
        Width of the embedding.
    n_genes
        Variable genes that are used.
    dropout
        Share of a layer's inputs that are dropped while training.
    alpha
        Degrees of freedom of Student's t kernel in the soft assignment (Hu et al. 2020, eq. 1).
    batch_size
        Cells in a minibatch.
    learning_rate
        Step of the optimiser.
    source_epochs
        Epochs on the source at most; of ``preset="default"`` an epoch is 100 minibatches at most.
    max_iter
        Rounds of fine-tuning at most.
    tol
        The fine-tuning stops when a smaller share of the target cells changes cluster in a round.
    novelty
        Whether clusters of types that the source never saw are looked for.
    level
        Probability that a cell's level must reach: the deepest set of types that is sure enough to act on.
    sets
        Probability with which a cell's set of types must cover its own.
    unlabelled
        Source labels that mean "no label": their cells do not train.
    min_shared_genes
        Genes that source and target must share, or half of the smaller set: with fewer, names of another kind are likelier
        than a small panel.
    """

    n_hidden: tuple[int, ...] = (128,)
    n_latent: int = 32
    n_genes: int = 2000
    dropout: float = 0.3
    alpha: float = 32.0
    batch_size: int = 128
    learning_rate: float = 1e-3
    source_epochs: int = 20
    max_iter: int = 6
    tol: float = 0.001
    novelty: bool = True
    level: float = 0.9
    sets: float = 0.9
    unlabelled: tuple[str, ...] = ()
    min_shared_genes: int = 50

    def source_steps(self, n_cells: int) -> int:
        """Minibatches on the source at most."""
        return self.source_epochs * -(-n_cells // self.batch_size)

    def target_steps(self, n_cells: int) -> int:
        """Minibatches of the fine-tuning at most."""
        return self.max_iter * -(-n_cells // self.batch_size)


MIN_STEPS = 300  # minibatches on the source: small ones need steps, not epochs
MOST_MINIBATCHES = 100  # of an epoch: a large source has seen all of its cells' kinds by then


@dataclasses.dataclass(frozen=True)
class DefaultSettings(Settings):
    """Settings of ``preset="default"``: those of :class:`Settings`, and these.

    ``n_genes`` are those that the correlation classifier sees; ``alpha`` is the width of the embedding, as van der Maaten
    2009 advises; the target's ``learning_rate`` is half of the source's.

    Attributes
    ----------
    n_starts
        Networks that are trained from different random starts, and answer by their mean: one alone is at the mercy of its start.
    n_markers
        Genes that each ordered pair of source types contributes to the network's input; 50 and 100 lose where source and
        target differ much.
    label_smoothing
        Mass of a source label that is spread over all types: some labels are wrong.
    weight_decay
        Of AdamW.
    round_steps
        Minibatches a round of the fine-tuning.
    n_neighbors
        Neighbours of a target cell in the graph that its soft assignment is averaged over; 0: no graph, so no search for
        new types and no cluster finer than a type.
    clean_labels
        Whether source cells whose label is clearly wrong by their expression are kept from training.
    split_clusters
        Whether a type's cells that clearly fall apart become several clusters of its name.
    novelty_cut
        Probability from which a group of cells is called novel: a wrong call costs known cells their labels, so it must be
        clearly likelier than not.
    min_novel_cells
        Cells that a new type needs: fewer make no profile to tell it by.
    n_sketch
        Target cells that its structure is learnt from. A larger target is annotated from so many of its cells, in which
        rare states stay: time and memory then grow with the cells' number no faster than reading them.
    n_source_cells
        Source cells that train at most; of each type as many, so that rare types stay whole.
    """

    n_starts: int = 5
    n_markers: int = 20
    label_smoothing: float = 0.05
    weight_decay: float = 1e-2
    round_steps: int = 60
    n_neighbors: int = 15
    clean_labels: bool = True
    split_clusters: bool = True
    novelty_cut: float = 0.62
    min_novel_cells: int = 10
    n_sketch: int = 20_000
    n_source_cells: int = 50_000

    def __post_init__(self):
        for name in ("n_latent", "n_genes"):
            if getattr(self, name) < 2:
                msg = f"{name}={getattr(self, name)} is not usable: preset='default' takes 2 or more."
                raise TypeError(msg)

    def source_steps(self, n_cells: int) -> int:
        """Minibatches on the source."""
        of_epoch = min(MOST_MINIBATCHES, -(-n_cells // self.batch_size))
        return max(MIN_STEPS, self.source_epochs * of_epoch)

    def target_steps(self, n_cells: int) -> int:
        """Minibatches of the fine-tuning at most."""
        return self.max_iter * self.round_steps


@dataclasses.dataclass(frozen=True)
class PaperSettings(Settings):
    """Settings of ``preset="paper"``: those of :class:`Settings`, with the values of Hu et al. 2020 (code 1.2.0), and these.

    ``n_hidden=()`` and ``n_latent=0`` choose the widths from the number of source cells; ``n_genes`` are the most dispersed
    genes of the target, 0: 500, 1000 or 2000 for at most 1500, at most 3000 and more cells. There is no search for new
    types.

    Attributes
    ----------
    pretrain_epochs
        Epochs of the stacked autoencoder; 0: none.
    target_epochs
        Epochs a round of the fine-tuning.
    steps
        What is done to the values after the filters; any of ``"normalize"`` (to the median total), ``"log"`` (log1p) and
        ``"scale"`` (z-scores), always in this order.
    softmax
        Whether the source network is trained with a softmax layer in place of the centroids.
    keep_every
        Rounds of fine-tuning from one kept embedding to the next; 0: none is kept.
    """

    n_hidden: tuple[int, ...] = ()
    n_latent: int = 0
    n_genes: int = 0
    dropout: float = 0.2
    alpha: float = 1.0
    batch_size: int = 256
    learning_rate: float = 0.01
    source_epochs: int = 2000
    max_iter: int = 2000
    novelty: bool = False
    pretrain_epochs: int = 300
    target_epochs: int = 5
    steps: tuple[str, ...] = ("normalize", "log", "scale")
    softmax: bool = False
    keep_every: int = 0

    def __post_init__(self):
        unknown = [s for s in self.steps if s not in ("normalize", "log", "scale")]
        if unknown:
            msg = f"steps takes 'normalize', 'log' and 'scale'; received {unknown[0]!r}."
            raise ValueError(msg)
        if self.novelty:
            msg = "novelty=True is not usable: preset='paper' has no search for new types. Use preset='default'."
            raise TypeError(msg)

    def target_steps(self, n_cells: int) -> int:
        """Minibatches of the fine-tuning at most."""
        return self.target_epochs * super().target_steps(n_cells)


class Recipe(NamedTuple):
    """A row of the table of recipes: the settings' class, and the module (see :mod:`itclust.recipes`)."""

    settings: type[Settings]
    module: str

    def load(self):
        """The recipe's module, imported on use."""
        return import_module(self.module)


RECIPES = {
    "default": Recipe(DefaultSettings, "itclust.recipes.default"),
    "paper": Recipe(PaperSettings, "itclust.recipes.paper"),
}


def recipe(preset: str) -> Recipe:
    """The row of a preset; raise ValueError where there is none."""
    if not isinstance(preset, str) or preset not in RECIPES:
        msg = f"preset={preset!r} is unknown; the presets are {', '.join(map(repr, RECIPES))}."
        raise ValueError(msg)
    return RECIPES[preset]


TINY = 1e-12  # the least number above 0 that makes sense anywhere here
WIDEST = 100_000  # units of a layer
LARGEST = 10**9  # of any number here; what lies beyond is a slip of the finger
# Where a setting ends to make sense: least, and largest where that is not LARGEST. Beyond, training fails or says nothing.
RANGES = {
    "n_latent": (0, 10_000), "n_genes": (0, 1_000_000), "n_starts": (1, 100), "n_markers": (1, 100_000),
    "dropout": (0, 0.99), "label_smoothing": (0, 0.99), "alpha": (TINY, 1e6), "batch_size": (1, 1_000_000),
    "learning_rate": (TINY, 1.0), "weight_decay": (0, 1.0), "source_epochs": (1, 1_000_000),
    "target_epochs": (1, 1_000_000), "round_steps": (1, 1_000_000), "max_iter": (0, 1_000_000), "tol": (TINY, 1.0),
    "n_neighbors": (0, 1000), "min_shared_genes": (2, None), "novelty_cut": (0.01, 0.99), "level": (0.01, 0.999),
    "sets": (0.01, 0.999), "min_novel_cells": (2, None), "n_sketch": (100, None), "n_source_cells": (100, None),
}  # fmt: skip


def resolve(preset: str, overrides: dict) -> Settings:
    """Settings of a preset with the user's own values.

    Raises
    ------
    ValueError
        Unknown preset.
    TypeError
        A keyword that is no setting of the preset, with the nearest name; a value of the wrong kind.
    """
    base = recipe(preset).settings()
    known = {f.name: getattr(base, f.name) for f in dataclasses.fields(base)}
    for name in overrides:
        if name not in known:
            others = [p for p, row in RECIPES.items() if name in {f.name for f in dataclasses.fields(row.settings)}]
            near = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"its settings are {', '.join(known)}."
            hint = f"it is one of preset={others[0]!r}." if others else hint
            msg = f"{name!r} is not a setting of preset={preset!r}; {hint}"
            raise TypeError(msg)
    return dataclasses.replace(base, **{k: _value(k, v, known[k]) for k, v in overrides.items()})


def _value(name, value, default):
    """``value`` in the kind of ``default``, or a TypeError that says what is expected."""
    low, high = RANGES.get(name, (0, None))
    least = f"{low:g} or more" if low != TINY else "above 0"
    span = least if high is None else f"from {low:g} to {high:g}"
    list_of = f"a list of whole numbers from 1 to {WIDEST:,}" if name == "n_hidden" else "a list"
    kinds = {bool: "True or False", int: f"a whole number, {span}", float: f"a number, {span}", tuple: list_of}
    kind = type(default)
    try:
        if kind is tuple:
            inner = int if name == "n_hidden" else str
            new = tuple(inner(v) for v in ([value] if isinstance(value, (str, int, float)) else value))
            if inner is int and not all(1 <= v <= WIDEST for v in new):
                raise ValueError
        elif kind is bool:
            new = {True: True, False: False}[value]
        else:
            new = kind(value)
            if new != float(value) or not low <= new <= (LARGEST if high is None else high):
                raise ValueError
    except (TypeError, ValueError, KeyError, OverflowError):
        msg = f"{name}={value!r} is not usable: {name} takes {kinds[kind]}."
        raise TypeError(msg) from None
    return new
