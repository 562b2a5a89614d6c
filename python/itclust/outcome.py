"""From what fine-tuning gives to what the user gets: clusters numbered by size, their names, confidence, the table."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from itclust.numerics import assign, heldout, levels, sets
from itclust.numerics.genes import markers_against, rates
from itclust.numerics.moments import group_means, moments
from itclust.results import ANY, NOVEL, OR, joined

N_MARKERS = 10  # named in the table
CHUNK = 4096  # cells whose sets are made at once
MOST_MEMBERS = 100  # types of a set that are named: of more, the cell may as well be any


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
    level : (n,) int of ``level_names``, -1: none
    level_names : str of the types, the new ones and the joints of types that are levels, ``any cell`` last
    members : (n,) int of ``set_names``, -1: none
    set_names : str, the members of each set of types that occurs
    clusters : table, a row a cluster: label, level, novel, n_cells, stability, novelty, runner_up, nearest_type, markers
    reliability : (n_bins, 3) see :class:`itclust.numerics.heldout.Worth`, or None
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
    level: np.ndarray
    level_names: np.ndarray
    members: np.ndarray
    set_names: np.ndarray
    clusters: pd.DataFrame
    reliability: np.ndarray | None
    history: dict
    rounds: dict


def outcome(adapted, types, level=0.9, covered=0.9, tree=None) -> Result:
    """Name and describe the clusters of counted cells.

    Parameters
    ----------
    adapted : see :class:`itclust.recipes.Adapted`.
    types : (n_types,) str.
    level : probability that a cell's level must reach.
    covered : probability with which its set must hold its own type.
    tree : over the types, see :class:`itclust.numerics.levels.Tree`; None: learnt from the source.

    Raises
    ------
    ValueError
        The training diverged: no NaN becomes a result.
    """
    for what, values in (("soft assignment", adapted.q), ("embedding", adapted.z), ("novelty", adapted.novelty)):
        if values is not None and not np.isfinite(values).all():
            msg = f"the training diverged: the {what} has values that are no numbers. Pass a smaller learning_rate."
            raise ValueError(msg)
    n_types, best = len(types), adapted.q.argmax(1)
    order = assign.by_size(best, adapted.q.shape[1])
    cluster = np.argsort(order)[np.searchsorted(np.sort(order), best)]
    code = adapted.cluster_type[order]  # type of each cluster; n_types and above: new
    q = adapted.q[:, order]
    by_type = np.zeros((len(q), n_types + 1))
    np.add.at(by_type.T, np.minimum(adapted.cluster_type, n_types), adapted.q.T)  # the last column: novel
    novelty = 1 - by_type.max(1) if adapted.novelty is None else adapted.novelty
    label = np.minimum(code[cluster], n_types)
    worth = heldout.Worth.whole(n_types) if adapted.worth is None else adapted.worth
    known = heldout.tempered(by_type[:, :n_types], worth)  # what the source's labels are worth
    belief = assign.beliefs(known, label == n_types, adapted.novelty)
    confidence = belief[np.arange(len(q)), label]
    names = _names(code, np.bincount(cluster), types, adapted.cluster_type.max() + 1)
    tree = _learnt(adapted.worth, types) if tree is None else tree
    node, level_names = _levels(belief, code[cluster], names, tree, level)
    of_clusters = _levels(group_means(belief, cluster, len(code)), code, names, tree, level)[0]
    members, set_names = _sets(belief, label, types, worth, covered)
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
        level=node,
        level_names=level_names,
        members=members,
        set_names=set_names,
        clusters=_table(adapted, types, cluster, code, names[code], level_names[of_clusters], by_type, novelty),
        reliability=worth.reliability,
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


def _learnt(worth, types) -> levels.Tree:
    """The tree that held-back answers teach; without them none, so that a level is the label or any cell."""
    nodes = levels.tree(worth.shared)[len(types) :] if worth is not None else np.zeros((0, len(types)), bool)
    return levels.Tree(nodes, np.array([joined(np.asarray(types)[node]) for node in nodes], dtype=object))


def _levels(belief, code, names, tree, level) -> tuple[np.ndarray, np.ndarray]:
    """Level of each cell, or cluster, and the names of all: see :class:`Result`.

    Parameters
    ----------
    belief : (n, n_types + 1), see :func:`itclust.numerics.assign.beliefs`.
    code : (n,) int type, from n_types on: new.
    names : of all types, see :func:`_names`.
    """
    n_types = belief.shape[1] - 1
    nodes = np.concatenate([np.eye(n_types, dtype=bool), tree.nodes])
    level_names = np.array([*names, *tree.names, ANY], dtype=object)
    is_new, anything = code >= n_types, len(level_names) - 1
    node, _ = levels.deepest(belief[:, :n_types], np.where(is_new, 0, code), nodes, level)
    place = np.where(node < n_types, node, node - n_types + len(names))  # the new types stand between
    place = np.where(node < 0, anything, place)
    return np.where(is_new, np.where(belief[:, -1] >= level, code, anything), place), level_names


def _sets(belief, label, types, worth, asked) -> tuple[np.ndarray, np.ndarray]:
    """Set of each cell, and the names of all: see :class:`Result`. A cell's own label is always in.

    Parameters
    ----------
    label : (n,) int type; n_types: new.
    """
    up_to = np.zeros(belief.shape[1])
    if worth.own is not None:
        up_to[:-1] = sets.thresholds(worth.own, worth.codes, belief[:, :-1].mean(0), asked)
    packed = []
    for i in range(0, len(belief), CHUNK):
        inside = sets.members(belief[i : i + CHUNK], asked, up_to)
        inside[np.arange(len(inside)), label[i : i + CHUNK]] = True
        packed.append(np.packbits(inside, axis=1))
    found, code = np.unique(np.concatenate(packed), axis=0, return_inverse=True)
    every = [*map(str, types), NOVEL]
    masks = np.unpackbits(found, axis=1, count=len(every)).astype(bool)
    names = [
        ANY if mask.all() or mask.sum() > MOST_MEMBERS else OR.join(np.array(every, dtype=object)[mask])
        for mask in masks
    ]
    return code.ravel(), np.array(names, dtype=object)


def _table(adapted, types, cluster, code, label, level, by_type, novelty) -> pd.DataFrame:
    n = len(code)
    new, size = code >= len(types), np.bincount(cluster, minlength=n)
    nearest = np.append(np.arange(len(types)), [] if adapted.nearest is None else adapted.nearest).astype(int)[code]
    before = np.where(adapted.initial == code[cluster], cluster, -1)  # the cluster, where the label was the same
    runner_up = assign.runner_up(by_type[:, :-1], cluster, np.where(new, -1, code), n)
    columns = {
        "label": label,
        "level": level,
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

    A gene's score is (difference of mean log value) x (difference of detection rate, see :func:`itclust.numerics.genes.rates`)
    to the mean of the other clusters.
    """
    if n < 2:
        return [""] * n
    of_clusters = moments([x], cluster, n)
    seen, found = rates(of_clusters), []
    sums = [m.sum(0, dtype=np.float64) for m in (of_clusters.mean, seen)]
    for c in range(n):
        mean, rate = (
            np.stack([m[c], (total - m[c]) / (n - 1)]) for m, total in zip((of_clusters.mean, seen), sums, strict=True)
        )
        found.append(", ".join(gene_names[markers_against(mean, rate, 0, 1, N_MARKERS)]))
    return found


def spread(result: Result, counted) -> Result:
    """Rows back in their places; cells without a count have no cluster and zeros everywhere."""
    if counted is None or counted.all():
        return result

    def place(values, empty):
        out = np.full((len(counted), *values.shape[1:]), empty, values.dtype)
        out[counted] = values
        return out

    per_cell = {
        k: place(getattr(result, k), -1 if k in ("cluster", "initial", "level", "members") else 0)
        for k in Result._fields
        if k not in ("clusters", "reliability", "history", "level_names", "set_names", "rounds")
    }
    rounds = {i: (place(of_round, -1), place(z, 0)) for i, (of_round, z) in result.rounds.items()}
    return result._replace(**per_cell, rounds=rounds)


def _float32(a) -> np.ndarray:
    return np.asarray(a, dtype=np.float32)
