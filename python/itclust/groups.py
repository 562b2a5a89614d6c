"""Label clusters that the user already has, by the evidence that a transfer left for their cells."""

from __future__ import annotations

import numpy as np
import pandas as pd

from itclust import results
from itclust.data import naming
from itclust.numerics.groups import answered


def group(target, clusters_key, *, key="itclust") -> pd.DataFrame:
    """One label, one confidence and one novelty for each cluster of a clustering of your own.

    Nothing is trained again; ``clusters_key=`` of :func:`itclust.transfer` does the same in one go and writes it down.

    Parameters
    ----------
    target
        AnnData that :func:`itclust.transfer` annotated; not changed.
    clusters_key
        Column of ``target.obs`` with the clusters; cells where it is missing or blank belong to none.
    key
        ``key_added`` of the transfer.

    Returns
    -------
    pandas.DataFrame
        A row a cluster, named by it. ``label``: the type, or the novel one, with the largest sum of probabilities over the
        cluster's cells. ``confidence``: the share of its cells for which that label is expected to be right, the mean of the
        cell's own confidence where its label is this one, and of the type's probability where it is not. ``novelty``: the
        mean. ``n_cells``, ``share`` (of the cells that have this label by themselves) and ``runner_up``. Cells without a
        label have no say; a cluster of none but these has no label.

    Examples
    --------
    >>> import itclust
    >>> source, target = itclust.datasets.toy()
    >>> itclust.transfer(source, target, progress=False)
    >>> target.obs["mine"] = ["a", "b"] * (target.n_obs // 2)
    >>> itclust.group(target, "mine").index.tolist()
    ['a', 'b']
    """
    found = results.read(target, key)
    return _table(found, clusters_of(target, clusters_key))


def clusters_of(target, clusters_key) -> pd.Series | None:
    """The user's clusters as a categorical Series, blank ones missing; None where there is no key.

    Raises
    ------
    KeyError
        There is no such column.
    ValueError
        No cell has a cluster.
    """
    if clusters_key is None:
        return None
    naming.column(target.obs, clusters_key, "clusters_key", "target.obs")
    given = target.obs[clusters_key]
    text = given.astype(object).map(str, na_action="ignore")
    categorical = isinstance(given.dtype, pd.CategoricalDtype)
    names = map(str, given.cat.categories) if categorical else results.natural(set(text.dropna()))
    present = set(text.dropna())
    used = [name for name in dict.fromkeys(names) if name in present and name.strip()]
    if not used:
        msg = f"every value of target.obs[{clusters_key!r}] is missing or blank. Pass another clusters_key=."
        raise ValueError(msg)
    return text.astype(pd.CategoricalDtype(used))


def write(target, clusters, key="itclust") -> None:
    """Write the clusters' labels beside the results under ``key``: two columns of ``obs``, a table in ``uns[key]``.

    Those of an earlier run are taken out first; with ``clusters=None`` that is all.
    """
    label, confidence = results.group_keys(key)
    for name in (label, confidence):
        if name in target.obs:
            del target.obs[name]
    if clusters is None:
        return
    table = _table(results.read(target, key), clusters)
    codes = clusters.cat.codes.to_numpy()
    place = np.append(table["label"].cat.codes.to_numpy(), -1)  # of each cluster's label; the last: of no cluster
    target.obs[label] = results.categorical(place[codes], table["label"].cat.categories.to_numpy(dtype=object))
    target.obs[confidence] = np.append(table["confidence"].to_numpy(), 0)[codes].astype(np.float32)
    target.uns[key]["groups"] = table


def _table(found, clusters) -> pd.DataFrame:
    """What :func:`group` returns."""
    types, codes = found.types, clusters.cat.codes.to_numpy().astype(int)
    names = clusters.cat.categories
    column = {t: i for i, t in enumerate(types)}
    own = np.array([-1 if pd.isna(t) else column.get(str(t), len(types)) for t in found.label], int)
    of = answered(codes, len(names), own, found.type_probabilities.to_numpy(), found.confidence, found.novelty)
    label = np.array([*types, results.NOVEL, None], dtype=object)
    best, runner_up = label[of.best], label[of.runner_up]
    for i in np.flatnonzero(of.best == len(types)):
        new = found.label[(codes == i) & (own == len(types))]
        best[i] = str(new.value_counts().index[0]) if len(new) else results.NOVEL
    columns = {
        "label": pd.Categorical(best, categories=results.natural({b for b in best if b is not None})),
        "confidence": of.confidence,
        "novelty": of.novelty,
        "n_cells": np.bincount(codes[codes >= 0], minlength=len(names)),
        "share": of.share,
        "runner_up": pd.Categorical(runner_up, categories=results.natural({r for r in runner_up if r is not None})),
    }
    return pd.DataFrame(columns, index=pd.Index(names.astype(str), name="group"))
