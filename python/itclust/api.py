"""The public transfer: checks the user's data, calls a recipe, writes what it found."""

from __future__ import annotations

import dataclasses
import logging

from itclust import __version__, groups, modelfile, results
from itclust.data import check, dataset, lineage, naming
from itclust.outcome import outcome, spread
from itclust.progress import check as check_progress
from itclust.progress import reporter
from itclust.settings import recipe, resolve

log = logging.getLogger("itclust")


def transfer(
    source,
    target,
    *,
    labels_key=None,
    layer=None,
    use_raw=False,
    values="auto",
    gene_symbols=None,
    batch_key=None,
    clusters_key=None,
    preset="default",
    novelty=True,
    tree=None,
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
    gene_symbols
        Column of ``var`` with the genes' names, in ``target``, ``source`` or both; None: the ``var_names``. Genes without a
        name are left out, counts of genes that share one are summed.
    batch_key
        Column of ``obs`` with batches, in ``target``, ``source`` or both. Each batch of the target is brought to the
        source's level of expression by itself. A type's batches in the source count by the square roots of their sizes;
        several sources are batches without being asked (``default``).
    clusters_key
        Column of ``target.obs`` with a clustering that you already have: each of its clusters gets one label, too. See
        :func:`itclust.group`.
    preset
        ``"default"``, or ``"paper"`` for the recipe of 2020.
    novelty
        Look for cell types that the source never saw.
    tree
        Which types belong together, for the levels. A column of ``source.obs`` with each type's parent, or a list of them
        from coarse to fine; a dict ``{type: parent}`` or ``{parent: [types]}``; or an OBO file of the Cell Ontology,
        ``"cl.obo"``, read along ``is_a`` (needs obonet), for types that ``source.obs["cell_type_ontology_term_id"]`` or
        their own names place there; ``[column, "cl.obo"]`` where another column holds the ids. None: learnt from the
        source, which types its own cells confuse.
    key_added
        Prefix of the keys written.
    random_state
        Seed, 0 to 2^32 - 1; the same seed on the same machine gives the same result. None: a fresh one, which is recorded.
    copy
        Return an annotated copy and leave ``target`` alone.
    progress
        None: a bar where standard error is a terminal; True or False; or a function ``(stage, fraction, message)``.
    **settings
        Settings of the preset: :class:`itclust.settings.DefaultSettings`, :class:`itclust.settings.PaperSettings`.

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
    ``obs[K + "_level"]`` : category
        The most that is sure with probability ``level`` (a setting, 0.9): the label, types that the source's own cells
        confuse with it (``"CD4 T or CD8 T"``, ``"A or B or 4 others"``), or ``"any cell"``.
    ``obs[K + "_group"]``, ``obs[K + "_group_confidence"]`` : category, float32
        With ``clusters_key`` only: label and confidence of the cell's cluster there; their table is ``uns[K]["groups"]``.
    ``obs[K + "_set"]`` : category
        The types that cover the cell's own with probability ``sets`` (a setting, 0.9), as few as do: ``"B"``,
        ``"CD4 T or CD8 T"``, ``"B or novel"``, or ``"any cell"``, also where they are more than 100. With ``default`` that
        share is covered of cells of the target's composition that are answered as held-back cells of the source are
        (conformal prediction).
    ``obsm["X_" + K]`` : float32 (n, n_latent)
        Embedding.
    ``obsm[K + "_probabilities"]``, ``obsm[K + "_type_probabilities"]`` : DataFrame float32
        Soft assignment to clusters, (n, n_clusters), and to source types and ``novel``, (n, n_types + 1).
    ``uns[K]`` : dict
        ``params``, ``clusters`` (table), ``reliability`` (table: how often answers to held-back source cells are right, by
        confidence; ``default`` alone), ``history``, ``types``, ``genes``, ``version``. ``history`` has ``changed`` and ``loss``,
        (n_rounds,), and ``centroids``, (n_rounds + 1, n_labels, n_latent): where the cells that had each of its
        ``labels`` at each round lie in the embedding.

    With ``preset="paper"`` and ``keep_every=n``, ``obs[K + "_round<i>"]`` and ``obsm["X_" + K + "_round<i>"]`` as well: label
    and embedding before the fine-tuning (0) and after every n-th round.

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
    >>> int(target.obs["itclust"].isna().sum())
    0
    """
    model = ItClust(preset, random_state, **({} if novelty is True else {"novelty": novelty}), **settings)
    check.choice("copy", copy, (True, False))
    check_progress(progress)
    check.is_anndata(target, "target")
    check.in_memory_or_in_place(target, copy)
    naming.own_key(target, key_added, results.names(key_added))
    sources = dataset.named(source)
    layers, raws, kinds = (check.pair(n, v) for n, v in (("layer", layer), ("use_raw", use_raw), ("values", values)))
    dataset.check_batch_key(batch_key, sources | {"target": target})
    dataset.check_gene_symbols(gene_symbols, sources | {"target": target})
    clusters = groups.clusters_of(target, clusters_key)
    known, minimum = model.settings.unlabelled, model.settings.min_shared_genes
    source = dataset.source_of(
        source, labels_key=labels_key, unlabelled=known, layer=layers[0], use_raw=raws[0], values=kinds[0],
        gene_symbols=gene_symbols, batch_key=batch_key, minimum=minimum,
    )  # fmt: skip
    model.tree = lineage.given(tree, sources, source.types, source.codes)
    new = dataset.target_of(
        target, layer=layers[1], use_raw=raws[1], values=kinds[1], gene_symbols=gene_symbols, batch_key=batch_key,
        draw=model._draw,
    )  # fmt: skip
    source, new = dataset.matched(source, new, minimum)
    genes = recipe(preset).load().select_genes(source, new, None, model.settings)
    model._train(source, genes, progress)
    target = target.copy() if copy else target
    model._annotate(new, target, key_added, progress, clusters, gene_symbols)
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
        Fields of :class:`itclust.settings.DefaultSettings` or :class:`itclust.settings.PaperSettings`. They are kept in
        the attribute ``settings``; those of the fine-tuning may be replaced there between two targets.

    Attributes
    ----------
    tree
        Over the types, where :meth:`fit` was given one: its ``nodes`` and their ``names``.

    Examples
    --------
    >>> import itclust
    >>> source, target = itclust.datasets.toy()
    >>> model = itclust.ItClust().fit(source, progress=False)
    >>> model.transfer(target, progress=False)
    """

    def __init__(self, preset="default", random_state=0, **settings):
        self.preset = preset
        self.random_state = check.seed(random_state)
        self.settings = resolve(preset, settings)
        self.tree = None
        self._fit = None

    def __repr__(self):
        if self._fit is None:
            return f"ItClust(preset={self.preset!r}, not fitted)"
        return f"ItClust(preset={self.preset!r}, {len(self.types)} types, {len(self.genes)} genes)"

    def fit(
        self, source, labels_key=None, genes=None, *, layer=None, use_raw=False, values="auto", gene_symbols=None,
        batch_key=None, tree=None, progress=None,
    ):  # fmt: skip
        """Train the source network.

        Parameters
        ----------
        source, labels_key, layer, use_raw, values, gene_symbols, batch_key, tree, progress
            As in :func:`itclust.transfer`.
        genes
            The only genes to use. ``preset="paper"`` takes its genes from the target, so it needs them.

        Returns
        -------
        ItClust
            This object.
        """
        check_progress(progress)
        sources = dataset.named(source)
        dataset.check_batch_key(batch_key, sources)
        dataset.check_gene_symbols(gene_symbols, sources)
        source = dataset.source_of(
            source, labels_key=labels_key, unlabelled=self.settings.unlabelled, layer=layer, use_raw=use_raw,
            values=values, gene_symbols=gene_symbols, batch_key=batch_key, minimum=self.settings.min_shared_genes,
        )  # fmt: skip
        self.tree = lineage.given(tree, sources, source.types, source.codes)
        names = recipe(self.preset).load().select_genes(source, None, genes, self.settings)
        if genes is not None:
            check.shared_genes(len(names), source.genes, genes, minimum=2)
        self._train(source, names, progress)
        return self

    def transfer(
        self, target, key_added="itclust", *, layer=None, use_raw=False, values="auto", gene_symbols=None,
        batch_key=None, clusters_key=None, progress=None,
    ):  # fmt: skip
        """Annotate ``target``; writes what :func:`itclust.transfer` writes, the model stays as it is.

        Raises
        ------
        RuntimeError
            The model is not fitted.
        ValueError
            The target lacks more than half of the model's genes.
        """
        if self._fit is None:
            msg = "this model is not fitted: call fit(source) first, or ItClust.load(path)."
            raise RuntimeError(msg)
        check_progress(progress)
        check.is_anndata(target, "target")
        naming.own_key(target, key_added, results.names(key_added))
        dataset.check_batch_key(batch_key, {"target": target})
        dataset.check_gene_symbols(gene_symbols, {"target": target})
        clusters = groups.clusters_of(target, clusters_key)
        new = dataset.target_of(
            target, layer=layer, use_raw=use_raw, values=values, gene_symbols=gene_symbols, batch_key=batch_key,
            draw=self._draw,
        )  # fmt: skip
        new = dataset.matched_to(self._fit.genes, new, self.settings.min_shared_genes)
        self._annotate(new, target, key_added, progress, clusters, gene_symbols)

    def save(self, path) -> None:
        """Write the model to one file: weights, genes, profiles and tree of the types, settings; no cell, no pickle."""
        if self._fit is None:
            msg = "this model is not fitted: there is nothing to save."
            raise RuntimeError(msg)
        modelfile.write(
            path, self._fit, preset=self.preset, settings=self.settings, seed=self.random_state, tree=self.tree
        )

    @classmethod
    def load(cls, path) -> ItClust:
        """Read a model that :meth:`save` wrote."""
        preset, settings, seed, tree, fit = modelfile.read(path)
        self = cls(preset, seed)
        self.settings, self.tree, self._fit = settings, tree, fit
        return self

    @property
    def types(self) -> list[str]:
        """Types of the source, sorted; empty before :meth:`fit`."""
        return [] if self._fit is None else [str(t) for t in self._fit.types]

    @property
    def genes(self) -> list[str]:
        """Genes that the network sees; empty before :meth:`fit`."""
        return [] if self._fit is None else [str(g) for g in self._fit.network_genes]

    def _train(self, source, genes, progress):
        """Fit the recipe on the labelled cells of a Dataset."""
        check.not_forked()
        source, fit = source.labelled(), recipe(self.preset).load().fit
        check.hours(self.settings.source_steps(len(source.codes)), "the training on the source")
        self._fit = fit(source, genes, self.settings, self.random_state, reporter(progress))

    def _draw(self, batch):
        """Positions of the cells that are kept from the first walk over a target that is not in memory."""
        return recipe(self.preset).load().candidates(batch, self.settings, self.random_state)

    def _annotate(self, new, target, key_added, progress, clusters=None, gene_symbols=None):
        """Adapt to a Dataset and write what was found to ``target``, the AnnData that it comes from."""
        check.not_forked()
        fit = self._fit
        seen = fit.seen_in(new.genes)
        log.info("the target has %d of the %d genes that the network sees", seen.sum(), len(seen))
        check.missing_genes(int((~seen).sum()), len(seen))
        check.hours(self.settings.target_steps(new.values.n_cells), "the fine-tuning")
        adapt = recipe(self.preset).load().adapt
        adapted = adapt(fit, new, self.settings, self.random_state, reporter(progress))
        check.copies(adapted.copies)
        found = outcome(adapted, fit.types, self.settings.level, self.settings.sets, self.tree)
        results.write(
            target, spread(found, adapted.counted), types=fit.types, genes=fit.network_genes,
            params=self._params() | ({} if gene_symbols is None else {"gene_symbols": gene_symbols}),
            version=__version__, key=key_added,
        )  # fmt: skip
        groups.write(target, clusters, key_added)

    def _params(self) -> dict:
        settings = {k: list(v) if isinstance(v, tuple) else v for k, v in dataclasses.asdict(self.settings).items()}
        return {"preset": self.preset, "random_state": self.random_state, **settings}
