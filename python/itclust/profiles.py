"""Expression by group: source types and target clusters over the genes that the network sees."""

from __future__ import annotations

import warnings
from typing import NamedTuple

import numpy as np

from itclust.data import check, dataset
from itclust.numerics.moments import Moments, moments


class Profile(NamedTuple):
    """Log values of the cells of each group.

    Attributes
    ----------
    groups : (n_groups,) str.
    genes : (n_genes,) str.
    moments : of the groups over the genes; ``detected`` is the share of cells with a count.
    """

    groups: np.ndarray
    genes: np.ndarray
    moments: Moments

    @property
    def mean(self) -> np.ndarray:
        """(n_groups, n_genes)."""
        return self.moments.mean

    @property
    def variance(self) -> np.ndarray:
        """(n_groups, n_genes), without bias."""
        n = np.maximum(self.moments.size, 1)[:, None]
        return self.moments.var * n / np.maximum(n - 1, 1)

    def others(self, group: int, apart=None) -> np.ndarray:
        """Mean profile (n_genes,) of the other groups, each weighing the same; ``apart``: bool, groups left out."""
        rest = np.ones(len(self.groups), bool) if apart is None else ~apart
        rest[group] = False
        rest &= self.moments.size > 0
        return self.mean[rest].mean(0) if rest.any() else np.zeros(len(self.genes))


def both(target, found, source=None, labels_key=None, layer=None, use_raw=False, values="auto"):
    """Profiles of the source's types (None without a source) and of the target's clusters, over the same genes.

    Parameters
    ----------
    target : AnnData.
    source : AnnData, a list or dict of them, or None.
    found : :class:`itclust.results.Annotation` of the target.
    labels_key, layer, use_raw, values : as in :func:`itclust.transfer`.
    """
    layers, raws, kinds = (check.pair(n, v) for n, v in (("layer", layer), ("use_raw", use_raw), ("values", values)))
    minimum = int(found.params.get("min_shared_genes", 50))
    symbols = found.params.get("gene_symbols")
    of_target = dataset.target_of(target, layer=layers[1], use_raw=raws[1], values=kinds[1], gene_symbols=symbols)
    of_source, genes = None, of_target.genes
    if source is not None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the transfer has told of cells without a label
            of_source = dataset.source_of(
                source, labels_key=labels_key, unlabelled=[str(u) for u in found.params.get("unlabelled", ())],
                layer=layers[0], use_raw=raws[0], values=kinds[0], gene_symbols=symbols, minimum=minimum,
            )  # fmt: skip
        of_source, of_target = dataset.matched(of_source, of_target, minimum)
        genes = dataset.shared_genes(of_source, of_target)
    seen = np.isin(np.char.upper(genes.astype(str)), np.char.upper(found.genes))
    clusters = [str(c) for c in found.clusters.index]
    codes = found.cluster.cat.rename_categories(str).cat.set_categories(clusters).cat.codes.to_numpy()
    of_types = None if of_source is None else _profile(of_source.over(genes), of_source.codes, of_source.types, seen)
    return of_types, _profile(of_target.over(genes), codes, clusters, seen)


def _profile(data, codes, groups, seen) -> Profile:
    chunks = (x[:, seen].astype(np.float64) for x in data.values.logged())
    of_groups = moments(chunks, codes.astype(int), len(groups))
    return Profile(np.asarray(groups, str), data.genes[seen], of_groups)
