"""Genes of several datasets: names matched, cells joined over the genes that all have."""

from __future__ import annotations

import logging
import re

import numpy as np
import scipy.sparse as sp

from itclust.data import check
from itclust.data.expression import Expression, deduplicated

log = logging.getLogger("itclust")


def match_genes(source: Expression, target: Expression, minimum: int) -> tuple[Expression, Expression]:
    """Both with names that match, where upper case, or ids without versions or species, raise what is shared.

    Exact names are used unless fewer than half of the smaller set match. All genes stay; only names change. With fewer
    than ``minimum`` shared genes, see :func:`itclust.data.check.shared_genes`.
    """
    half = min(len(source.genes), len(target.genes)) / 2
    best, how = np.isin(source.genes, target.genes).sum(), None
    if best < half:
        for text, change in CHANGES.items():
            n = len({change(g) for g in source.genes} & {change(g) for g in target.genes})
            if n > best:
                best, how = n, (text, change)
    if how:
        log.info("gene names are matched %s: %d are shared", how[0], best)
        source, target = (
            deduplicated(x, np.array([how[1](g) for g in x.genes], str), "counts", name)
            for x, name in ((source, "the source"), (target, "the target"))
        )
    check.shared_genes(int(best), source.genes, target.genes, minimum)
    return source, target


def _unversioned(gene: str) -> str:
    return re.sub(r"^(ENS[A-Z]*G\d+)\.\d+$", r"\1", gene)


def _without_species(gene: str) -> str:
    """Without the genome that Cell Ranger puts before each gene of a reference of several species."""
    return re.sub(r"^(GRC[a-z]\d+|hg\d+|mm\d+)[_-]+", "", gene)


# What is tried where names do not match as they are.
CHANGES = {
    "in upper case": str.upper,
    "without Ensembl versions": _unversioned,
    "without the genome before them": _without_species,
}


def shared(source: Expression, target: Expression) -> np.ndarray:
    """Genes of the source that the target has, in the source's order."""
    return source.genes[np.isin(source.genes, target.genes)]


def join(parts: list[Expression], minimum: int) -> Expression:
    """All cells of several datasets over the genes that all have, in the order of the first."""
    first, *others = parts
    if not others:
        return first
    renamed = [first]
    for part in others:
        first, part = match_genes(first, part, minimum)
        renamed.append(part)
    renamed[0] = first
    genes = first.genes
    for part in renamed[1:]:
        genes = genes[np.isin(genes, part.genes)]
    check.shared_genes(len(genes), first.genes, renamed[-1].genes, minimum)
    return Expression(sp.csr_matrix(sp.vstack([part.over(genes).whole() for part in renamed])), genes)
