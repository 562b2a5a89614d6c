"""Why a cluster has its label: the genes that carry it, and those on which source and target disagree."""

from __future__ import annotations

import numpy as np
import pandas as pd

from itclust import profiles, results

SIGNIFICANT = 0.05  # adjusted p value of the target's own differential expression
LEAST = 0.5  # log2 fold; smaller differences are not worth a reader's time
COLUMNS = (
    "cluster", "label", "compared_with", "agreement", "runner_up", "agreement_runner_up", "gene", "kind", "support",
    "support_runner_up", "target_log2_fold", "source_log2_fold", "target_rate", "source_rate", "pvalue_adj",
)  # fmt: skip


def explain(
    source, target, *, labels_key=None, key="itclust", n_genes=10, layer=None, use_raw=False, values="auto"
) -> pd.DataFrame:
    """For each cluster the genes that carry its label, and where source and target disagree about them.

    A cluster's contrast is its mean log profile minus that of the clusters with another label; a type's contrast is
    the same among the source's types. Both are taken within one dataset, so that a shift between the datasets cancels.
    Their cosine is the ``agreement`` of cluster and type, and each gene's ``support`` is its share in that sum: the
    supports of all genes add up to the agreement. Only genes that the network sees take part.

    Parameters
    ----------
    source
        AnnData with the labels that the transfer used.
    target
        AnnData that :func:`itclust.transfer` annotated; not changed.
    labels_key, layer, use_raw, values
        As in :func:`itclust.transfer`.
    key
        ``key_added`` of the transfer.
    n_genes
        Genes of each kind at most.

    Returns
    -------
    pandas.DataFrame
        A row a cluster and gene. ``kind`` is

        ``"carries"``
            raised in both, and differentially expressed in the target: the genes with most support;
        ``"missing"``
            raised in the source's type, not in the cluster;
        ``"unexpected"``
            raised in the cluster, not in the source's type.

        ``compared_with`` is the source type that the row speaks of: the label, or for a novel cluster the type that is
        nearest. ``pvalue_adj`` is of Welch's t test of the cluster against all other cells, Benjamini-Hochberg.

    Examples
    --------
    >>> import itclust
    >>> source, target = itclust.datasets.toy()
    >>> itclust.transfer(source, target, progress=False)
    >>> why = itclust.explain(source, target, n_genes=3)
    >>> why.query("cluster == '0' and kind == 'carries'").shape[0]
    3
    """
    found = results.read(target, key)
    return explained(found, *profiles.both(target, found, source, labels_key, layer, use_raw, values), n_genes)


def explained(found, of_source, of_target, n_genes) -> pd.DataFrame:
    """What :func:`explain` returns, from the profiles of types and clusters (:func:`itclust.profiles.both`)."""
    rows = [_cluster(i, found, of_source, of_target, n_genes) for i in range(len(of_target.groups))]
    return pd.concat(rows, ignore_index=True)[list(COLUMNS)]


def _cluster(i, found, of_source, of_target, n_genes) -> pd.DataFrame:
    """Rows of one cluster."""
    cluster = of_target.groups[i]
    row = found.clusters.iloc[i]
    second = str(row["runner_up"])
    nearest = str(row["nearest_type"]) if "nearest_type" in row and pd.notna(row["nearest_type"]) else second
    compared = nearest if found.novel[cluster] else found.names[cluster]
    place = {t: k for k, t in enumerate(of_source.groups)}
    contrast = target_contrast(i, found, of_target)
    expected = source_contrast(place[compared], of_source)
    support, support_second = (
        supports(contrast, e) for e in (expected, source_contrast(place[second], of_source) if second in place else 0)
    )
    genes = pd.DataFrame(
        {
            "cluster": cluster, "label": found.names[cluster], "compared_with": compared, "agreement": support.sum(),
            "runner_up": second, "agreement_runner_up": support_second.sum(), "gene": of_target.genes,
            "support": support, "support_runner_up": support_second, "target_log2_fold": contrast / np.log(2),
            "source_log2_fold": expected / np.log(2), "target_rate": of_target.moments.detected[i],
            "source_rate": of_source.moments.detected[place[compared]], "pvalue_adj": differential(i, of_target),
        }
    )  # fmt: skip
    return _kinds(genes, n_genes)


def _kinds(genes, n_genes) -> pd.DataFrame:
    """The leading genes of each kind."""
    raised = (genes["target_log2_fold"] > 0) & (genes["pvalue_adj"] < SIGNIFICANT)
    typical = genes["source_log2_fold"] > 0
    kinds = {
        "carries": (raised & typical, "support"),
        "missing": ((genes["source_log2_fold"] > LEAST) & (genes["target_log2_fold"] <= 0), "source_log2_fold"),
        "unexpected": (raised & ~typical & (genes["target_log2_fold"] > LEAST), "target_log2_fold"),
    }
    parts = [genes[which].nlargest(n_genes, by).assign(kind=kind) for kind, (which, by) in kinds.items()]
    return pd.concat(parts)


def target_contrast(i, found, of_target) -> np.ndarray:
    """Mean log profile of cluster ``i`` minus that of the clusters with another label, (n_genes,)."""
    names = np.array([found.names[c] for c in of_target.groups])
    return of_target.mean[i] - of_target.others(i, names == names[i])


def source_contrast(k, of_source) -> np.ndarray:
    """Mean log profile of type ``k`` minus that of the other types, (n_genes,)."""
    return of_source.mean[k] - of_source.others(k)


def supports(contrast, expected) -> np.ndarray:
    """Each gene's term in the cosine of two contrasts."""
    norm = np.linalg.norm(contrast) * np.linalg.norm(expected)
    return contrast * expected / norm if norm > 0 else np.zeros_like(contrast)


def differential(i, profile) -> np.ndarray:
    """Adjusted p values of Welch's t test of group ``i`` against all other cells; 1 where it cannot be made."""
    from scipy import stats

    n, rest = profile.moments.size[i], np.arange(len(profile.groups)) != i
    n_rest = profile.moments.size[rest].sum()
    if n < 2 or n_rest < 2:
        return np.ones(len(profile.genes))
    mean, variance = _pooled(profile, rest)
    with np.errstate(divide="ignore", invalid="ignore"):
        p = stats.ttest_ind_from_stats(
            profile.mean[i], np.sqrt(profile.variance[i]), n, mean, np.sqrt(variance), n_rest, equal_var=False
        ).pvalue
    return stats.false_discovery_control(np.nan_to_num(p, nan=1.0))


def _pooled(profile, groups):
    """Mean and variance of the cells of several groups together, from those of each."""
    n = profile.moments.size[groups][:, None]
    total = n.sum()
    mean = (n * profile.mean[groups]).sum(0) / total
    within = (np.maximum(n - 1, 0) * profile.variance[groups]).sum(0)
    between = (n * (profile.mean[groups] - mean) ** 2).sum(0)
    return mean, (within + between) / max(total - 1, 1)
