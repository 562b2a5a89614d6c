"""One answer for each group of cells, from the evidence of its cells: arrays only."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from itclust.numerics.moments import group_means


class Groups(NamedTuple):
    """A row a group; a group without a cell that has an answer has -1 and zeros.

    Attributes
    ----------
    best, runner_up : (n_groups,) int, the columns with the largest and second largest sum of probabilities.
    confidence : (n_groups,) share of the group's cells for which ``best`` is expected to be right.
    novelty : (n_groups,) mean.
    share : (n_groups,) share of the cells whose own answer is ``best``.
    """

    best: np.ndarray
    runner_up: np.ndarray
    confidence: np.ndarray
    novelty: np.ndarray
    share: np.ndarray


def answered(codes, n_groups, own, by_type, confidence, novelty) -> Groups:
    """Answer each group by the sum of its cells' probabilities.

    A cell whose own answer is the group's counts by its confidence, another by the probability that it gives the answer.

    Parameters
    ----------
    codes : (n,) int group of each cell, -1: none.
    own : (n,) int column of ``by_type`` that the cell's answer is, -1: none.
    by_type : (n, n_columns) probabilities.
    confidence, novelty : (n,).
    """
    kept = (codes >= 0) & (own >= 0)
    codes, own, by_type = codes[kept], own[kept], np.asarray(by_type, float)[kept]
    size = np.bincount(codes, minlength=n_groups)
    order = np.argsort(-group_means(by_type, codes, n_groups), axis=1, kind="stable")
    best, runner_up = order[:, 0], order[:, 1]
    agrees = own == best[codes]
    belief = np.where(agrees, np.asarray(confidence, float)[kept], by_type[np.arange(len(codes)), best[codes]])
    of_cells = np.column_stack([belief, np.asarray(novelty, float)[kept], agrees])
    means = np.nan_to_num(group_means(of_cells, codes, n_groups))
    return Groups(np.where(size, best, -1), np.where(size, runner_up, -1), *means.T)
