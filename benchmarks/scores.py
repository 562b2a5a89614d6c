"""Scores of an answer, the same for every method."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.metrics import adjusted_rand_score, f1_score, roc_auc_score

N_BINS = 10
MEANING = {
    "acc": "accuracy, over target cells whose type the source has",
    "f1": "macro-F1 over the types of these cells",
    "ari": "adjusted Rand index of the labels, over all cells",
    "ari_cluster": "adjusted Rand index of the clusters, over all cells",
    "auroc": "how well the novelty score picks out cells whose type the source lacks",
    "nov_recall": "share of such cells that are called novel",
    "nov_ari": "adjusted Rand index of their labels: are different new types kept apart?",
    "false_nov": "share of the other cells that are called novel",
    "ece": "expected calibration error (ten bins) of the confidence, over target cells whose type the source has",
    "ece_all": "expected calibration error over all cells; a novel label is right where the source lacks the type",
    "back": "share of the target's cells that are in the answer",
    "cov": "share of the target's cells with a label",
    "seconds": "wall-clock time of the method's process, files included",
    "mb": "its peak memory in MB",
}


def align(answer: pd.DataFrame, cells) -> pd.DataFrame:
    """The answer with a row for each of ``cells``, in their order; ``back`` says which were there.

    Columns ``label`` (missing: ``"NA"``), ``confidence``, ``novelty`` (missing: 0) and ``cluster`` where given. A
    method without any confidence keeps NaN in all rows.
    """
    if not answer.index.is_unique:
        msg = f"a cell was answered twice: {answer.index[answer.index.duplicated()][0]!r}."
        raise ValueError(msg)
    aligned = answer.reindex(cells)
    for name in ("confidence", "novelty"):
        if answer[name].notna().any():
            aligned[name] = aligned[name].astype(float).fillna(0.0)
    for name in aligned.columns.intersection(["label", "cluster"]):
        column = aligned[name].astype(object)
        aligned[name] = column.where(column.notna(), "NA").astype(str)
    aligned["back"] = pd.Index(cells).isin(answer.index)
    return aligned


def is_novel(labels, types) -> np.ndarray:
    """Which labels say that the cell's type is not in the source."""
    return np.array([label.startswith("novel ") and label not in types for label in labels], dtype=bool)


def is_right(truth, labels, types) -> np.ndarray:
    """Is the answer right, where calling a type that the source lacks novel is right?"""
    known = np.isin(truth, list(types))
    return np.where(known, np.asarray(labels) == truth, is_novel(labels, types))


def bins(confidence) -> np.ndarray:
    """The bin, 0 to 9, of each confidence."""
    return np.minimum((np.clip(confidence, 0, 1) * N_BINS).astype(int), N_BINS - 1)


def ece(right, confidence) -> float:
    """Mean over cells of |share right - mean confidence| of the cell's bin."""
    confidence = np.clip(np.asarray(confidence, dtype=float), 0, 1)
    gap = np.asarray(right, dtype=float) - confidence
    return float(np.abs(np.bincount(bins(confidence), weights=gap)).sum() / len(gap))


def score(truth, answer: pd.DataFrame, types) -> dict[str, float]:
    """Each metric that is defined here; ``answer`` as :func:`align` gives it."""
    truth = np.asarray(truth).astype(str)
    labels = answer["label"].to_numpy().astype(str)
    known = np.isin(truth, list(types))
    novel = is_novel(labels, types)
    result = {"ari": adjusted_rand_score(truth, labels)}
    if "cluster" in answer:
        result["ari_cluster"] = adjusted_rand_score(truth, answer["cluster"])
    if known.any():
        result |= _of_known(truth[known], labels[known], novel[known])
    if not known.all():
        result["nov_recall"] = novel[~known].mean()
        result["nov_ari"] = adjusted_rand_score(truth[~known], labels[~known])
    novelty, confidence = answer["novelty"].to_numpy(), answer["confidence"].to_numpy()
    if known.any() and not known.all() and np.isfinite(novelty).all():
        result["auroc"] = roc_auc_score(~known, novelty)
    if np.isfinite(confidence).all():
        result["ece_all"] = ece(is_right(truth, labels, types), confidence)
        if known.any():
            result["ece"] = ece(labels[known] == truth[known], confidence[known])
    result |= {"back": answer["back"].mean(), "cov": (labels != "NA").mean()}
    return {name: float(value) for name, value in result.items()}


def _of_known(truth, labels, novel) -> dict[str, float]:
    f1 = f1_score(truth, labels, average="macro", labels=np.unique(truth), zero_division=0)
    return {"acc": (labels == truth).mean(), "f1": f1, "false_nov": novel.mean()}
