"""AnnData meets the model: here and only here."""

from __future__ import annotations

import dataclasses
import logging

import numpy as np

from itclust import __version__, check, preprocess, results
from itclust.model import Model
from itclust.progress import reporter
from itclust.settings import resolve

log = logging.getLogger("itclust")


def transfer(
    source,
    target,
    *,
    labels_key=None,
    layer=None,
    use_raw=False,
    values="auto",
    batch_key=None,
    preset="default",
    novelty=True,
    key_added="itclust",
    random_state=0,
    copy=False,
    progress=None,
    **settings,
):
    """Annotate ``target`` from the labelled ``source`` (Hu et al. 2020).

    A network is trained on the source; a second one starts from its weights and is fine-tuned on the target alone by
    iterative soft clustering.

    Parameters
    ----------
    source
        AnnData with labels in ``obs[labels_key]``; never changed. Several: a list or dict of AnnData, whose labels are
        united by name; a type that only one of them has counts as well.
    target
        AnnData without labels; gains the keys below and nothing else.
    labels_key
        Column of ``source.obs``. None: the one named ``cell_type``, ``celltype``, ``cell.type``, ``cell type``,
        ``label`` or ``labels``, in any case.
    layer, use_raw
        Where the values are; each may be a pair ``(source, target)``.
    values
        What they are: ``"auto"``, ``"counts"``, ``"linear"`` (CPM, TPM, FPKM) or ``"log"``; may be a pair.
    batch_key
        Column of ``obs`` with batches, in ``target``, ``source`` or both. Each batch of the target is brought to the
        source's level of expression by itself. A type's batches in the source count by the square roots of their sizes;
        several sources are batches without being asked (``default``).
    preset
        ``"default"``, or ``"paper"`` for the recipe of 2020.
    novelty
        Look for cell types that the source never saw.
    key_added
        Prefix of the keys written.
    random_state
        Seed; the same seed on the same machine gives the same result.
    copy
        Return an annotated copy and leave ``target`` alone.
    progress
        None: a bar where standard error is a terminal; True or False; or a function ``(stage, fraction, message)``.
    **settings
        Fields of :class:`itclust.Settings`.

    Returns
    -------
    None, or the copy. Written, with ``K = key_added``:

    ``obs[K]`` : category
        Cell type: a label of the source, or ``novel 1``, ``novel 2``, ...
    ``obs[K + "_cluster"]`` : category
        Cluster, largest first.
    ``obs[K + "_confidence"]``, ``obs[K + "_novelty"]`` : float32 in [0, 1]
        Probability that the label is right; evidence that the cell's type is not in the source.
    ``obs[K + "_initial"]`` : category
        The source network's answer before fine-tuning.
    ``obsm["X_" + K]`` : float32 (n, n_latent)
        Embedding.
    ``obsm[K + "_probabilities"]``, ``obsm[K + "_type_probabilities"]`` : DataFrame float32
        Soft assignment to clusters, (n, n_clusters), and to source types and ``novel``, (n, n_types + 1).
    ``uns[K]`` : dict
        ``params``, ``clusters`` (table), ``history``, ``genes``, ``version``. ``history`` has ``changed`` and ``loss``,
        (n_rounds,), and ``centroids``, (n_rounds + 1, n_labels, n_latent): where the cells that had each of its
        ``labels`` at each round lie in the embedding.

    Cells without a count in the genes used keep their row, with NA and zeros.

    Raises
    ------
    KeyError
        The label column or the layer is not there.
    ValueError
        Too few shared genes, NaN or negative values, a source with one type, an empty dataset.
    TypeError
        An unknown setting.

    Examples
    --------
    >>> import itclust
    >>> source, target = itclust.datasets.toy()
    >>> itclust.transfer(source, target, progress=False)
    >>> target.obs["itclust"].isna().sum()
    np.int64(0)
    """
    settings = settings if preset == "paper" else {"novelty": novelty, **settings}
    model = ItClust(preset=preset, random_state=random_state, **settings)
    check.is_anndata(target, "target")
    layers, raws, kinds = (check.pair(n, v) for n, v in (("layer", layer), ("use_raw", use_raw), ("values", values)))
    _check_batch_key(batch_key, _named(source) | {"target": target})
    x_source, *codes = _source(source, labels_key, layers[0], raws[0], kinds[0], batch_key, model.settings)
    batch = _batch(target, batch_key)
    x_target = _expression(target, layers[1], raws[1], kinds[1], "target")
    x_source, x_target = preprocess.match_genes(x_source, x_target)
    x_source = x_source.take(preprocess.shared(x_source, x_target)) if preset != "paper" else x_source
    genes = _paper_genes(x_target, model.settings) if preset == "paper" else None
    model._fit(x_source, *codes, genes, reporter(progress))
    target = target.copy() if copy else target
    model._transfer(x_target, batch, target, key_added, reporter(progress))
    return target if copy else None


class ItClust:
    """A source network that can be kept, saved and transferred to any number of targets.

    Parameters
    ----------
    preset
        ``"default"``, or ``"paper"`` for the recipe of 2020.
    random_state
        Seed.
    **settings
        Fields of :class:`itclust.Settings`. They are kept in the attribute ``settings``; those of the fine-tuning may
        be changed there between two targets.

    Examples
    --------
    >>> import itclust
    >>> source, target = itclust.datasets.toy()
    >>> model = itclust.ItClust().fit(source, progress=False)
    >>> model.transfer(target, progress=False)
    """

    def __init__(self, preset="default", random_state=0, **settings):
        self.preset = preset
        self.random_state = int(random_state)
        self.settings = resolve(preset, settings)
        self._model = None

    def __repr__(self):
        if self._model is None:
            return f"ItClust(preset={self.preset!r}, not fitted)"
        m = self._model
        return f"ItClust(preset={m.preset!r}, {len(m.types)} types, {len(m.network_genes)} genes)"

    def fit(
        self, source, labels_key=None, genes=None, *, layer=None, use_raw=False, values="auto", batch_key=None,
        progress=None,
    ):  # fmt: skip
        """Train the source network.

        Parameters
        ----------
        source, labels_key, layer, use_raw, values, batch_key, progress
            As in :func:`itclust.transfer`.
        genes
            The only genes to use. ``preset="paper"`` takes its genes from the target, so it needs them.

        Returns
        -------
        ItClust
            This object.
        """
        _check_batch_key(batch_key, _named(source))
        x, *codes = _source(source, labels_key, layer, use_raw, values, batch_key, self.settings)
        if self.preset == "paper" and genes is None:
            msg = (
                "preset='paper' takes its genes from the target: use itclust.transfer(source, target), or pass genes=."
            )
            raise ValueError(msg)
        if genes is not None:
            genes = np.array([str(g).upper() if self.preset == "paper" else str(g) for g in genes])
            known = [g.upper() for g in x.genes] if self.preset == "paper" else x.genes
            check.shared_genes(int(np.isin(genes, known).sum()), x.genes, genes, minimum=2)
            genes = genes[np.isin(genes, known)]
        self._fit(x, *codes, genes, reporter(progress))
        return self

    def transfer(
        self, target, key_added="itclust", *, layer=None, use_raw=False, values="auto", batch_key=None, progress=None
    ):
        """Annotate ``target``; writes what :func:`itclust.transfer` writes, the model stays as it is.

        Raises
        ------
        RuntimeError
            The model is not fitted.
        ValueError
            The target lacks more than half of the model's genes.
        """
        if self._model is None:
            msg = "this model is not fitted: call fit(source) first, or ItClust.load(path)."
            raise RuntimeError(msg)
        check.is_anndata(target, "target")
        _check_batch_key(batch_key, {"target": target})
        x = _expression(target, layer, use_raw, values, "target")
        known = preprocess.Expression(_no_cells(self._model.genes), self._model.genes)
        _, x = preprocess.match_genes(known, x)
        self._transfer(x, _batch(target, batch_key), target, key_added, reporter(progress))

    def save(self, path) -> None:
        """Write the model to one file: weights, genes, profiles of the types; no cell, no pickle."""
        if self._model is None:
            msg = "this model is not fitted: there is nothing to save."
            raise RuntimeError(msg)
        self._model.save(path)

    @classmethod
    def load(cls, path) -> ItClust:
        """Read a model that :meth:`save` wrote."""
        model = Model.load(path)
        self = cls(model.preset, model.seed)
        self.settings = model.settings
        self._model = model
        return self

    @property
    def types(self) -> list[str]:
        """Types of the source, sorted; empty before :meth:`fit`."""
        return [] if self._model is None else [str(t) for t in self._model.types]

    @property
    def genes(self) -> list[str]:
        """Genes that the network sees; empty before :meth:`fit`."""
        return [] if self._model is None else [str(g) for g in self._model.network_genes]

    def _fit(self, x, types, codes, labelled, batch, genes, progress):
        rows = np.flatnonzero(labelled)
        x = x._replace(x=x.x[rows])
        self._model = Model.fit(
            x, codes[rows], types, batch[rows], genes, self.preset, self.settings, self.random_state, progress
        )

    def _transfer(self, x, batch, target, key_added, progress):
        model = dataclasses.replace(self._model, settings=self.settings)
        result = model.transfer(x, batch, progress)
        params = {"preset": model.preset, "random_state": model.seed}
        params |= {k: list(v) if isinstance(v, tuple) else v for k, v in dataclasses.asdict(model.settings).items()}
        results.write(
            target, result, types=model.types, genes=model.network_genes, params=params, version=__version__,
            key=key_added,
        )  # fmt: skip


def _named(source):
    """One source or several, by what messages call them."""
    several = (
        source if isinstance(source, dict) else dict(enumerate(source)) if isinstance(source, list | tuple) else None
    )
    if several is not None and not several:
        msg = "source is an empty list; pass at least one AnnData."
        raise ValueError(msg)
    return {"source": source} if several is None else {f"source {k!r}": v for k, v in several.items()}


def _source(source, labels_key, layer, use_raw, values, batch_key, settings):
    """Values, types, codes, the mask of the labelled cells, and batches, of one source or several."""
    named = _named(source)
    parts, values_of = [], []
    for name, adata in named.items():
        check.is_anndata(adata, name)
        key = check.labels_key(adata.obs.columns, labels_key, name)
        if labels_key is None:
            log.info("labels are taken from obs[%r] of the %s", key, name)
        values_of.append(adata.obs[key].to_numpy(dtype=object))
    labels = check.labels(np.concatenate(values_of), settings.unlabelled)
    parts = [_expression(adata, layer, use_raw, values, name) for name, adata in named.items()]
    batch, used = [], 0
    for adata in named.values():
        batch.append(_batch(adata, batch_key) + used)
        used = batch[-1].max(initial=used) + 1
    return preprocess.join(parts), *labels, np.concatenate(batch)


def _check_batch_key(batch_key, datasets):
    """The column must be in one of the datasets at least, of which there is a dict by name."""
    if batch_key is None or any(batch_key in getattr(a, "obs", ()) for a in datasets.values()):
        return
    name, adata = list(datasets.items())[-1]
    check.is_anndata(adata, name)
    check.column(adata.obs.columns, batch_key, "batch_key", name)


def _batch(adata, batch_key):
    """(n,) int batch 0, 1, ... of each cell, cells without one last; one batch where there is no such column."""
    if batch_key is None or batch_key not in adata.obs:
        return np.zeros(adata.n_obs, int)
    codes = adata.obs[batch_key].astype("category").cat.codes.to_numpy().astype(int)
    return np.where(codes < 0, codes.max() + 1, codes)


def _expression(adata, layer, use_raw, values, name):
    matrix, genes = check.place(adata, layer, use_raw, name)
    where = f"the {name}" + (".raw" if use_raw else f"'s layer {layer!r}" if layer else "")
    return preprocess.expression(matrix, genes, values, where, lambda: _holders(adata, layer, use_raw))


def _holders(adata, layer, use_raw):
    """Where values without negatives lie besides the place that was asked for."""
    holders = [f"layer={k!r}" for k in adata.layers if k not in (None, layer) and _lowest(adata.layers[k]) >= 0]
    if adata.raw is not None and not use_raw and _lowest(adata.raw.X) >= 0:
        holders.append("use_raw=True")
    return holders


def _lowest(matrix):
    part = preprocess.as_csr(matrix[:1000]).data
    return part.min(initial=0)


def _no_cells(genes):
    import scipy.sparse as sp

    return sp.csr_matrix((0, len(genes)), dtype=np.float32)


def _paper_genes(x_target, settings):
    from itclust import paper

    return paper.target_genes(x_target, settings)
