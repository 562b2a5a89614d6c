"""The recipe of Hu et al. 2020 (code 1.2.0), step by step, with the repairs that docs/deviations.md lists.

It sees linear values of whole datasets, because it filters, normalises and scales each by itself.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from itclust.numerics import assign
from itclust.numerics.classifiers import softmax
from itclust.numerics.moments import group_means, lognorm
from itclust.recipes import Adapted, centroid_paths, layers, with_counts
from itclust.recipes.zscored import Rows, ZScored, prepare
from itclust.settings import PaperSettings

LABEL_NOISE = 1e-5, 6e-5  # added to each entry of the one-hot labels, drawn between the two: the published disturbance


@dataclasses.dataclass(frozen=True, eq=False)
class Fit:
    """What the source teaches.

    Attributes
    ----------
    types, genes : (n_types,), (n_genes,) str, as the source has them.
    network_genes : genes that the network sees, in upper case.
    widths : (n_layers,) int units of the encoder's layers.
    present : types that have a cell which passes the filters, and so a column of the source network.
    encoder : arrays of the encoder.
    head : arrays of the layer above it: the centroids; or kernel and bias where it is a softmax layer.
    """

    types: np.ndarray
    genes: np.ndarray
    network_genes: np.ndarray
    widths: np.ndarray
    present: np.ndarray
    encoder: tuple[np.ndarray, ...]
    head: tuple[np.ndarray, ...]

    def seen_in(self, target_genes) -> np.ndarray:
        """Mask of the network's genes that are among ``target_genes``, in any case."""
        return np.isin(self.network_genes, [str(g).upper() for g in target_genes])

    def shapes(self, settings: PaperSettings) -> dict[str, str]:
        """What the arrays of a model file must be like: see :func:`itclust.recipes.layers`."""
        widths = tuple(int(w) for w in self.widths)
        head = [f"p {widths[-1]} -1e6..1e6"] if len(self.head) == 1 else [f"{widths[-1]} p -1e6..1e6", "p -1e6..1e6"]
        return {
            "types": "t text", "genes": "g text", "network_genes": "n text", "widths": "w 1..1e6", "present": "p 0..t",
            **layers("encoder", "n", widths), **{f"head.{i}": h for i, h in enumerate(head)},
        }  # fmt: skip

    @classmethod
    def from_format_1(cls, arrays: dict) -> Fit:
        """From the arrays of a model file of format 1."""
        names = sorted((k for k in arrays if k.startswith("encoder_")), key=lambda k: int(k.split("_")[1]))
        head = ("centroids",) if "centroids" in arrays else ("kernel", "bias")
        rest = {k: arrays[k] for k in ("types", "genes", "network_genes", "widths", "present")}
        return cls(encoder=tuple(arrays[k] for k in names), head=tuple(arrays[k] for k in head), **rest)


def select_genes(source, target, wanted, settings: PaperSettings) -> np.ndarray:
    """The wanted genes that the source has, else the most dispersed ones of the target (step 3); in upper case.

    Dispersion is scanpy's implementation of Satija et al. 2015.
    """
    if wanted is not None:
        wanted = np.array([str(g).upper() for g in wanted])
        return wanted[np.isin(wanted, [g.upper() for g in source.genes])]
    if target is None:
        msg = "preset='paper' takes its genes from the target: use itclust.transfer(source, target), or pass genes=."
        raise ValueError(msg)
    import anndata as ad
    import scanpy as sc

    data = prepare(target.values, "target", settings.steps)
    n = data.trains.sum()
    n_top = settings.n_genes or (500 if n <= 1500 else 1000 if n <= 3000 else 2000)
    adata = ad.AnnData(data.x[data.trains])
    table = sc.pp.highly_variable_genes(adata, flavor="seurat", n_top_genes=min(n_top, len(data.genes)), inplace=False)
    return data.genes[table["highly_variable"].to_numpy()]


def widths(n_cells: int, settings: PaperSettings) -> tuple[int, ...]:
    """Units of the encoder's layers (step 4)."""
    if settings.n_hidden or settings.n_latent:
        return (*settings.n_hidden, settings.n_latent or 32)
    for above, units in ((20000, (128, 32)), (10000, (64, 32)), (5000, (32, 16)), (2000, (128,)), (500, (64,))):
        if n_cells > above:
            return units
    return (16,)


def fit(source, names, settings: PaperSettings, seed, progress) -> Fit:
    """Steps 4 and 5: pretrain the autoencoder on the source, then train embedding and centroids on its labels.

    A type whose cells all fail the filters has no column in the network.

    Parameters
    ----------
    source : Dataset of labelled cells.
    names : the target's dispersed genes, see :func:`select_genes`.
    """
    from itclust.recipes import autoencoder, network  # TensorFlow

    data = prepare(source.values, "source", settings.steps)
    names = np.array([g for g in names if g in set(data.genes)])
    x = Rows(ZScored(data, names, "scale" in settings.steps), np.flatnonzero(data.trains))
    y = source.codes[data.trains]
    if len(names) < 2 or len(np.unique(y)) < 2:
        msg = (
            f"preset='paper': only {len(names)} genes and {len(np.unique(y))} types of the source pass its filters. "
            "Use preset='default'."
        )
        raise ValueError(msg)
    units = widths(len(y), settings)
    encoder = network.encoder(len(names), units, seed=seed)
    autoencoder.pretrain(encoder, x, settings, seed, progress)
    present = np.unique(y)
    one_hot = np.eye(len(present), dtype=np.float32)[np.searchsorted(present, y)]
    noisy = one_hot + np.random.default_rng(seed).uniform(*LABEL_NOISE, one_hot.shape).astype(np.float32)
    noisy /= noisy.sum(1, keepdims=True)
    if settings.softmax:
        model = autoencoder.softmax_model(encoder, len(present), settings, seed)
    else:
        z = network.predict(encoder, x)
        centroids = group_means(z, one_hot.argmax(1), len(present))
        model = autoencoder.clustering_model(encoder, centroids, settings)
    order = network.shuffled(len(y), settings.batch_size, seed)
    report = network.reported(progress, "source", settings.source_epochs)
    network.learn(model, x, noisy, order, settings.source_epochs, autoencoder.early_stopping(report))
    return Fit(
        types=source.types, genes=source.genes, network_genes=names, widths=np.array(units), present=present,
        encoder=tuple(encoder.get_weights()), head=tuple(model.layers[-1].get_weights()),
    )  # fmt: skip


def source_assignment(fit: Fit, z, settings: PaperSettings) -> np.ndarray:
    """What the source network says of cells with embedding ``z``: (n, n_present)."""
    if len(fit.head) == 1:
        return assign.soft_assignment(z, fit.head[0], settings.alpha)
    kernel, bias = fit.head
    return softmax(z @ kernel + bias)


def adapt(fit: Fit, target, settings: PaperSettings, seed, progress) -> Adapted:
    """Step 6: the source's weights, fine-tuned on the target alone by iterative soft clustering.

    Only types that the source network predicts at least once get a centroid; each keeps its own name.
    """
    from itclust.recipes import autoencoder, network

    there = np.isin(fit.genes, target.genes)
    linear = target.values.over(fit.genes[there]).whole()
    counted = with_counts(linear)
    target = target.cells(counted)
    data = prepare(target.values, "target", settings.steps)
    z = ZScored(data, fit.network_genes, "scale" in settings.steps)
    encoder = network.encoder(len(fit.network_genes), tuple(int(w) for w in fit.widths))
    encoder.set_weights(list(fit.encoder))
    initial = source_assignment(fit, network.predict(encoder, z), settings).argmax(1)
    present = np.unique(initial[data.trains])
    first = np.searchsorted(present, initial[data.trains])
    x = Rows(z, np.flatnonzero(data.trains))
    centroids = group_means(network.predict(encoder, x), first, len(present))
    model = autoencoder.clustering_model(encoder, centroids, settings)
    rounds = {0: (fit.present[initial], network.predict(encoder, z))} if settings.keep_every else {}
    q, history = _rounds(model, encoder, x, z, data.trains, fit.present[present], settings, seed, progress, rounds)
    final = network.predict(encoder, z)
    of_round = [fit.present[initial], *history.pop("types")]
    history["centroids"] = centroid_paths(final, of_round, fit.present.max() + 1)
    return Adapted(
        q=q, cluster_type=fit.present[present], initial=fit.present[initial], z=final,
        x=lognorm(linear[counted]), genes=fit.genes[there], history=history, rounds=rounds, counted=counted,
    )  # fmt: skip


def candidates(batch, settings: PaperSettings, seed) -> None:
    """None: every cell is trained on."""


def _rounds(model, encoder, x, z, trains, types, settings, seed, progress, rounds) -> tuple[np.ndarray, dict]:
    """The rounds of :func:`adapt`: soft assignment of every cell at the end, and the history.

    Parameters
    ----------
    x, z : the cells that train, and all.
    types : (n_clusters,) int source type of each cluster.
    rounds : gains what ``keep_every`` keeps.
    """
    from itclust.recipes import network

    everything = network.predict(model, z)
    history = {"changed": [], "loss": [], "types": []}
    for i in range(settings.max_iter):
        q = everything[trains]
        order = network.shuffled(len(q), settings.batch_size, seed + i)
        p = assign.auxiliary_distribution(q)
        history["loss"].append(network.learn(model, x, p, order, settings.target_epochs))
        everything = network.predict(model, z)
        changed = float(np.mean(q.argmax(1) != everything[trains].argmax(1)))
        history["changed"].append(changed)
        history["types"].append(types[everything.argmax(1)])
        done = changed < settings.tol
        text = f"round {i + 1}, loss {history['loss'][-1]:.4g}, {changed:.2%} of cells changing"
        progress("target", 1.0 if done else min(0.99, (i + 1) / settings.max_iter), text)
        if done:
            break
        if settings.keep_every and (i + 1) % settings.keep_every == 0:
            rounds[i + 1] = (history["types"][-1], network.predict(encoder, z))
    return everything, {k: np.array(v) for k, v in history.items()}
