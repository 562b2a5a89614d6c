"""From what fine-tuning gives to what the user gets: clusters numbered by size, their names, confidence, the table."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from itclust.numerics import assign, heldout
from itclust.numerics.genes import markers_against
from itclust.numerics.moments import group_means, moments
from itclust.results import NOVEL

N_MARKERS = 10  # named in the table


class Result(NamedTuple):
    """What a transfer finds, a row a target cell; -1 and zeros in the rows of cells without a count.

    Attributes
    ----------
    cluster : (n,) int
    probabilities : (n, n_clusters) float32
    type_probabilities : (n, n_types + 1) float32, ``novel`` last
    initial : (n,) int source type before fine-tuning
    confidence, novelty : (n,) float32
    embedding : (n, n_latent) float32
    clusters : table, a row a cluster: label, novel, n_cells, stability, novelty, runner_up, nearest_type, markers
    history : arrays, an entry a round of fine-tuning; ``centroids`` (n_rounds + 1, n_labels, n_latent) of ``labels``
    rounds : {round: (types (n,) int, embedding (n, n_latent))}, where those on the way are kept
    """

    cluster: np.ndarray
    probabilities: np.ndarray
    type_probabilities: np.ndarray
    initial: np.ndarray
    confidence: np.ndarray
    novelty: np.ndarray
    embedding: np.ndarray
    clusters: pd.DataFrame
    history: dict
    rounds: dict


def outcome(adapted, types) -> Result:
    """Name and describe the clusters of counted cells.

    Parameters
    ----------
    adapted : see :class:`itclust.recipes.Adapted`.
    types : (n_types,) str.
    """
    n_types, best = len(types), adapted.q.argmax(1)
    order = assign.by_size(best, adapted.q.shape[1])
    cluster = np.argsort(order)[np.searchsorted(np.sort(order), best)]
    code = adapted.cluster_type[order]  # type of each cluster; n_types and above: new
    q = adapted.q[:, order]
    by_type = np.zeros((len(q), n_types + 1))
    np.add.at(by_type.T, np.minimum(adapted.cluster_type, n_types), adapted.q.T)  # the last column: novel
    novelty = 1 - by_type.max(1) if adapted.novelty is None else adapted.novelty
    label = np.minimum(code[cluster], n_types)
    known = by_type[:, :n_types]
    known = known if adapted.worth is None else heldout.tempered(known, adapted.worth)
    of_label = np.append(known, by_type[:, n_types:], axis=1)[np.arange(len(q)), label]
    confidence = assign.confidence(of_label, label == n_types, adapted.novelty)
    names = _names(code, np.bincount(cluster), types, adapted.cluster_type.max() + 1)
    history = dict(adapted.history)
    if "centroids" in history:
        n_named = history["centroids"].shape[1]
        seen = (names[:n_named] != "") & np.isfinite(history["centroids"]).any((0, 2))
        history |= {"centroids": history["centroids"][:, seen], "labels": names[:n_named][seen]}
    return Result(
        cluster=cluster,
        probabilities=_float32(q / np.maximum(q.sum(1, keepdims=True), 1e-12)),
        type_probabilities=_float32(by_type),
        initial=adapted.initial,
        confidence=_float32(confidence.clip(0, 1)),
        novelty=_float32(novelty.clip(0, 1)),
        embedding=_float32(adapted.z),
        clusters=_table(adapted, types, cluster, code, names[code], by_type, novelty),
        history=history,
        rounds={i: (of_round, _float32(z)) for i, (of_round, z) in adapted.rounds.items()},
    )


def _names(code, size, types, n) -> np.ndarray:
    """Label of each type: the source's types, then the new ones, the largest is ``novel 1``; "" for one without cells.

    Parameters
    ----------
    code, size : (n_clusters,) int type and number of cells of each cluster.
    n : number of types, new ones among them.
    """
    new = code >= len(types)
    order = assign.by_size(np.repeat(code[new], size[new]), code.max(initial=0) + 1)
    names = np.full(max(len(types), n), "", dtype=object)
    names[: len(types)] = [str(t) for t in types]
    names[order] = [f"{NOVEL} {i + 1}" for i in range(len(order))]
    return names


def _table(adapted, types, cluster, code, label, by_type, novelty) -> pd.DataFrame:
    n = len(code)
    new, size = code >= len(types), np.bincount(cluster, minlength=n)
    nearest = np.append(np.arange(len(types)), [] if adapted.nearest is None else adapted.nearest).astype(int)[code]
    before = np.where(adapted.initial == code[cluster], cluster, -1)  # the cluster, where the label was the same
    runner_up = assign.runner_up(by_type[:, :-1], cluster, np.where(new, -1, code), n)
    columns = {
        "label": label,
        "novel": new,
        "n_cells": size,
        "stability": assign.stability(cluster, before, n),
        "novelty": group_means(novelty[:, None], cluster, n).ravel(),
        "runner_up": types[runner_up].astype(object),
        "nearest_type": types[nearest].astype(object),
        "markers": markers(adapted.x, cluster if adapted.rows is None else cluster[adapted.rows], n, adapted.genes),
    }
    return pd.DataFrame(columns, index=pd.Index([str(i) for i in range(n)], name="cluster"))


def markers(x, cluster, n, gene_names) -> list[str]:
    """The genes that tell each cluster from the other cells best, joined by commas.

    A gene's score is (difference of mean log value) x (difference of detection rate) to the mean of the other clusters.
    """
    if n < 2:
        return [""] * n
    of_clusters = moments([x], cluster, n)
    found = []
    for c in range(n):
        others = np.arange(n) != c
        mean, rate = (np.stack([m[c], m[others].mean(0)]) for m in (of_clusters.mean, of_clusters.detected))
        found.append(", ".join(gene_names[markers_against(mean, rate, 0, 1, N_MARKERS)]))
    return found


def spread(result: Result, counted) -> Result:
    """Rows back in their places; cells without a count have no cluster and zeros everywhere."""
    if counted.all():
        return result

    def place(values, empty):
        out = np.full((len(counted), *values.shape[1:]), empty, values.dtype)
        out[counted] = values
        return out

    per_cell = {
        k: place(getattr(result, k), -1 if k in ("cluster", "initial") else 0)
        for k in Result._fields
        if k not in ("clusters", "history", "rounds")
    }
    rounds = {i: (place(of_round, -1), place(z, 0)) for i, (of_round, z) in result.rounds.items()}
    return result._replace(**per_cell, rounds=rounds)


def _float32(a) -> np.ndarray:
    return np.asarray(a, dtype=np.float32)
