"""What a recipe is: a module with four functions and its ``Fit``, and a row in :data:`itclust.settings.RECIPES`.

``select_genes(source, target, genes, settings)``
    Names of the genes that fitting may see. ``source``, ``target``: :class:`itclust.data.dataset.Dataset`, the target's is
    None where a model is fitted for targets to come. ``genes``: those that the user asks for, or None.
``fit(source, genes, settings, seed, progress) -> Fit``
    Train on the labelled cells of the source. ``Fit`` is a frozen dataclass of arrays, or of tuples of arrays: its fields
    are the model file. It has ``types`` (n_types,) and ``genes`` (n_genes,), all genes that fitting saw, the property
    ``network_genes``, those that the network sees, and ``seen_in(genes)``, which of them a target with those genes has.
    ``shapes(settings)`` says what each array must be like, ``{name: "lengths range"}``, or ``"lengths text"``, so that a
    model file is believed only where they agree: see :func:`itclust.io.arrays.agree`.
``adapt(fit, target, settings, seed, progress) -> Adapted``
    Annotate the cells of a target that have a count in ``fit.genes``.
``candidates(batch, settings, seed)``
    Sorted positions of the cells that ``adapt`` looks at one by one, of a target whose cells have these batches (n,) int: they
    are kept when a target that is not in memory is checked.

Recipes see arrays and settings; TensorFlow is imported when one is fitted or adapted, not before.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import scipy.sparse as sp

from itclust.numerics.heldout import Worth
from itclust.numerics.moments import group_means


@dataclasses.dataclass(frozen=True, eq=False)
class Adapted:
    """What a recipe finds in a target.

    Attributes
    ----------
    q : (n, n_clusters) soft assignment.
    cluster_type : (n_clusters,) int type of each column: a source type, or n_types + i for the i-th new one. Clusters may
        share a type.
    initial : (n,) int source type before fine-tuning.
    z : (n, n_latent) embedding.
    x : (n_rows, n_genes) log values on the scale of the source, for the clusters' markers; ``genes`` are their names.
    rows : positions of the cells of ``x``; None: all.
    history : arrays, an entry a round; ``centroids`` (n_rounds + 1, n_types + n_new, n_latent), see :func:`centroid_paths`.
    novelty : (n,) evidence that the cell's type is not in the source, or None where it was not looked for.
    nearest : (n_new,) int source type nearest to each new one, or None.
    worth : of the source's labels, see :class:`itclust.numerics.heldout.Worth`, or None where it is not known.
    rounds : {round: (types (n,) int, embedding (n, n_latent))} where those on the way are kept.
    copies : share of the cells that look like copies of others, see :func:`itclust.numerics.copies.share`.
    counted : mask of the ``n`` cells with a count among all cells of the target; None: all have one.
    """

    q: np.ndarray
    cluster_type: np.ndarray
    initial: np.ndarray
    z: np.ndarray
    x: sp.csr_matrix
    genes: np.ndarray
    history: dict
    novelty: np.ndarray | None = None
    nearest: np.ndarray | None = None
    rows: np.ndarray | None = None
    worth: Worth | None = None
    rounds: dict = dataclasses.field(default_factory=dict)
    copies: float = 0.0
    counted: np.ndarray | None = None


def with_counts(x) -> np.ndarray:
    """Mask (n,) of the cells of linear values (n, n_genes) that have a count; raise where none has."""
    mask = x.getnnz(1) > 0
    if not mask.any():
        msg = "no cell of the target has a count in the genes that the model uses."
        raise ValueError(msg)
    return mask


def layers(name: str, n_in: str, widths, ahead: str = "") -> dict[str, str]:
    """``shapes`` of the kernels and biases ``name.0``, ``name.1``, ... of dense layers above ``n_in`` inputs.

    ``ahead`` : axes before theirs.
    """
    inputs = [n_in, *map(str, widths[:-1])]
    kernels = {
        f"{name}.{2 * i}": f"{ahead}{a} {b} -1e6..1e6" for i, (a, b) in enumerate(zip(inputs, widths, strict=True))
    }
    return kernels | {f"{name}.{2 * i + 1}": f"{ahead}{b} -1e6..1e6" for i, b in enumerate(widths)}


def centroid_paths(z, types, n) -> np.ndarray:
    """Where the cells of each type at each round lie in the final embedding: (n_rounds + 1, n, n_latent), NaN for none.

    Parameters
    ----------
    z : (n_cells, n_latent) final embedding.
    types : (n_cells,) int of each round, before the first and after each.
    n : number of types.
    """
    return np.stack([group_means(z, t, n) for t in types]).astype(np.float32)
