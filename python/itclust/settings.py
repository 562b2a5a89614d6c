"""Every default once, with its reason."""

from __future__ import annotations

import dataclasses
import difflib


@dataclasses.dataclass(frozen=True)
class Settings:
    """What a preset decides; every field is also a keyword of :func:`itclust.transfer`.

    Attributes
    ----------
    n_hidden
        Widths of the hidden layers; empty: chosen from the number of source cells (``paper``).
    n_latent
        Width of the embedding; 0: chosen from the number of source cells (``paper``).
    n_markers
        Genes that each ordered pair of source types contributes to the network's input (``default``); 50 and 100 lose
        where source and target differ much.
    n_genes
        Variable genes of the source that the profiles see (``default``); most dispersed genes of the target that are
        used (``paper``; 0: 500, 1000 or 2000 for at most 1500, at most 3000 and more target cells).
    dropout
        Share of a layer's inputs that are dropped while training.
    label_smoothing
        Mass of a source label that is spread over all types: some labels are wrong (``default``).
    alpha
        Degrees of freedom of Student's t kernel in the soft assignment (Hu et al. 2020, eq. 1). ``default`` takes the
        width of the embedding, as van der Maaten 2009 advises.
    batch_size
        Cells in a minibatch.
    learning_rate
        Step of the optimiser; half of it on the target (``default``).
    weight_decay
        Of AdamW (``default``).
    pretrain_epochs
        Epochs of the stacked autoencoder; 0: none.
    source_epochs, target_epochs
        Epochs on the source at most; epochs a round of the fine-tuning on the target (``paper``).
    round_steps
        Minibatches a round of the fine-tuning (``default``).
    max_iter
        Rounds of fine-tuning at most.
    tol
        The fine-tuning stops when a smaller share of the target cells changes cluster in a round.
    n_neighbors
        Neighbours of a target cell in the graph that its soft assignment is averaged over; 0: no graph, so
        no search for new types and no cluster finer than a type.
    steps
        What ``paper`` does to the values after its filters; any of ``"normalize"`` (to the median total), ``"log"``
        (log1p) and ``"scale"`` (z-scores), always in this order.
    softmax
        Whether ``paper`` trains the source network with a softmax layer in place of the centroids.
    novelty
        Whether clusters of types that the source never saw are looked for.
    unlabelled
        Source labels that mean "no label": their cells do not train.
    """

    n_hidden: tuple[int, ...] = (128,)
    n_latent: int = 32
    n_markers: int = 20
    n_genes: int = 2000
    dropout: float = 0.3
    label_smoothing: float = 0.05
    alpha: float = 32.0
    batch_size: int = 128
    learning_rate: float = 1e-3
    weight_decay: float = 1e-2
    pretrain_epochs: int = 0
    source_epochs: int = 20
    target_epochs: int = 1
    round_steps: int = 60
    max_iter: int = 6
    tol: float = 0.001
    n_neighbors: int = 15
    steps: tuple[str, ...] = ("normalize", "log", "scale")
    softmax: bool = False
    novelty: bool = True
    unlabelled: tuple[str, ...] = ()

    def __post_init__(self):
        unknown = [s for s in self.steps if s not in ("normalize", "log", "scale")]
        if unknown:
            msg = f"steps takes 'normalize', 'log' and 'scale'; received {unknown[0]!r}."
            raise ValueError(msg)


PRESETS = {
    "default": Settings(),
    # Hu et al. 2020, code 1.2.0: widths, epochs, rates and tolerances are the published ones.
    "paper": Settings(
        n_hidden=(),
        n_latent=0,
        n_markers=0,
        n_genes=0,
        dropout=0.2,
        label_smoothing=0.0,
        alpha=1.0,
        batch_size=256,
        learning_rate=0.01,
        weight_decay=0.0,
        pretrain_epochs=300,
        source_epochs=2000,
        target_epochs=5,
        round_steps=0,
        max_iter=2000,
        tol=0.001,
        n_neighbors=0,
        novelty=False,
    ),
}


def resolve(preset: str, overrides: dict) -> Settings:
    """Settings of a preset with the user's own values.

    Raises
    ------
    ValueError
        Unknown preset.
    TypeError
        A keyword that is no setting, with the nearest name; a value of the wrong kind.
    """
    if preset not in PRESETS:
        msg = f"preset={preset!r} is unknown; the presets are {', '.join(map(repr, PRESETS))}."
        raise ValueError(msg)
    base = PRESETS[preset]
    known = {f.name: getattr(base, f.name) for f in dataclasses.fields(Settings)}
    for name in overrides:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"the settings are {', '.join(known)}."
            msg = f"{name!r} is not a setting; {hint}"
            raise TypeError(msg)
    return dataclasses.replace(base, **{k: _value(k, v, known[k]) for k, v in overrides.items()})


def _value(name, value, default):
    """``value`` in the kind of ``default``, or a TypeError that says what is expected."""
    kinds = {
        bool: "True or False",
        int: "a whole number, 0 or more",
        float: "a number, 0 or more (alpha, learning_rate, tol: above 0)",
        tuple: "a list",
    }
    kind = type(default)
    try:
        if kind is tuple:
            inner = int if name == "n_hidden" else str
            new = tuple(inner(v) for v in ([value] if isinstance(value, (str, int, float)) else value))
        elif kind is bool:
            new = {True: True, False: False}[value]
        else:
            new = kind(value)
            if (
                new != float(value)
                or new < 0
                or (kind is float and new == 0 and name in ("alpha", "learning_rate", "tol"))
            ):
                raise ValueError
    except (TypeError, ValueError, KeyError):
        msg = f"{name}={value!r} is not usable: {name} takes {kinds[kind]}."
        raise TypeError(msg) from None
    return new
