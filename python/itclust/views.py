"""Closed-form views of a cell beside the network: profiles and a linear discriminant; and the alignment they see through.

A view answers with probabilities of the source's types. The views err on other cells than the network does; their mean
teaches it (:mod:`itclust.train`).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from itclust.genes import Moments

MIN_SD = 0.1  # added to every gene's spread: genes that are hardly seen must not dominate
TEMPERATURES = np.geomspace(0.005, 0.5, 25)
WRONG = np.geomspace(0.05, 0.5, 12)  # shares of wrong source labels that are considered: no source is without
ODDS = 4.0  # how much likelier right than wrong a label must be for its cell to train
KEPT = 0.25  # least share of a type's cells that train, whatever their profiles say
SHRINKAGE = 0.5  # of the discriminant's covariance towards a multiple of the identity: types may have few cells
PSEUDO = 0.2  # counts per 10,000 below which the alignment leaves a gene alone
MOST = 5.0  # largest factor of the alignment, up or down


class Profiles(NamedTuple):
    """Type profiles over some genes, ready to be correlated with cells."""

    unit: np.ndarray
    centre: np.ndarray
    sd: np.ndarray
    temperature: float


def profiles(moments: Moments, columns, temperature=1.0) -> Profiles:
    """Profiles over the genes ``columns``, centred at the mean profile and scaled by the spread within types."""
    mean = moments.mean[:, columns]
    centre, sd = mean.mean(0), np.sqrt(moments.var[:, columns].mean(0)) + MIN_SD
    return Profiles(unit_rows((mean - centre) / sd), centre, sd, float(temperature))


def similarity(x, view: Profiles) -> np.ndarray:
    """Pearson correlation of cells ``x`` (n, n_genes) with each type's profile, both centred and scaled: (n, n_types)."""
    return _seen_by(view, x) @ view.unit.T


def _seen_by(view: Profiles, x) -> np.ndarray:
    """Cells or profiles ``x`` (n, n_genes) as the view's own ones: centred, scaled, of length 1."""
    return unit_rows((x - view.centre) / view.sd)


def by_profile(x, view: Profiles) -> np.ndarray:
    """Softmax of the similarity over the temperature: (n, n_types)."""
    return softmax(similarity(x, view) / view.temperature)


def temperature(x, codes, view: Profiles) -> float:
    """The temperature under which the source's own cells are likeliest, all types counting alike."""
    s = similarity(x, view)

    def likelihood(t):
        own = np.log(softmax(s / t)[np.arange(len(codes)), codes] + 1e-6)
        return np.mean([own[codes == k].mean() for k in np.unique(codes)])

    return max(TEMPERATURES, key=likelihood)


def agrees(x, codes, view: Profiles, mean, weight) -> np.ndarray:
    """Mask (n,) of source cells whose label is clearly likelier right than wrong by their profile; a quarter of each type stays.

    A label is right with probability 1 - w, else any type's. The likeliest w and temperature are taken, then Bayes' rule:
    so a well labelled source loses hardly a cell, whatever its types are like. A cell is compared with its own type's
    profile without itself: in a rare type it would agree with itself.

    Parameters
    ----------
    x : (n, n_columns) dense log values.
    codes : (n,) int type.
    view : see :func:`profiles`, over the same genes; its temperature is not used.
    mean : (n_types, n_columns) mean log values of the types.
    weight : (n,) of each cell in its type's mean; they add up to the type's size.
    """
    cells = _seen_by(view, x)
    s = cells @ view.unit.T
    groups = [np.flatnonzero(codes == k) for k in range(len(mean))]
    for k, group in enumerate(groups):
        if len(group) > 1:
            mine = weight[group, None]
            others = (mean[k] * len(group) - mine * x[group]) / (len(group) - mine)
            s[group, k] = (_seen_by(view, others) * cells[group]).sum(1)
    answers = [softmax(s / t)[np.arange(len(codes)), codes] for t in TEMPERATURES]
    right = [((1 - w) * own, w / len(mean)) for own in answers for w in WRONG]
    by_label, by_chance = max(right, key=lambda pair: np.log(sum(pair)).mean())
    keep = by_label >= ODDS * by_chance
    for group in groups:
        if keep[group].sum() < KEPT * len(group):
            keep[group] = by_label[group] >= np.quantile(by_label[group], 1 - KEPT)
    return keep


def discriminant(x, codes, moments: Moments, columns) -> tuple[np.ndarray, np.ndarray]:
    """Linear discriminant with one shrunken covariance within types, all types counting alike (Friedman 1989).

    Parameters
    ----------
    x : (n, n_columns) dense log values of the genes ``columns``.

    Returns
    -------
    coef : (n_columns, n_types)
    intercept : (n_types,)
    """
    mean = moments.mean[:, columns].astype(np.float64)
    cov = np.zeros((x.shape[1],) * 2)
    present = np.unique(codes)
    for k in present:
        residual = x[codes == k] - mean[k]
        cov += residual.T @ residual / (len(residual) * len(present))
    ridge = max(np.trace(cov) / len(cov), 1e-6)
    cov = (1 - SHRINKAGE) * cov + SHRINKAGE * ridge * np.eye(len(cov))
    coef = np.linalg.solve(cov, mean.T)
    return coef.astype(np.float32), (-0.5 * (mean * coef.T).sum(1)).astype(np.float32)


def by_discriminant(x, coef, intercept) -> np.ndarray:
    """Probabilities (n, n_types) of the linear discriminant."""
    return softmax(x @ coef + intercept)


def alignment(x, q, linear) -> np.ndarray:
    """Factor (n_genes,) that takes the target's mean expression to what the source predicts for the same composition.

    No dataset is scaled by itself: a target that has other types in other shares is not pulled towards the source's mean.

    Parameters
    ----------
    x : (n, n_genes) dense log values of the target.
    q : (n, n_types) soft assignment, which is the composition.
    linear : (n_types, n_genes) mean linear values of the source's types.
    """
    expected, found = q.mean(0) @ linear, np.expm1(x).mean(0)
    return np.clip((expected + PSEUDO) / (found + PSEUDO), 1 / MOST, MOST).astype(np.float32)


def aligned(x, factor) -> np.ndarray:
    """Log values after multiplying the linear ones by a factor per gene."""
    return np.log1p(np.expm1(x) * factor)


def softmax(a) -> np.ndarray:
    """Rows that sum to 1."""
    e = np.exp(a - a.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def unit_rows(a) -> np.ndarray:
    """Rows centred and of length 1: their products are Pearson correlations."""
    a = a - a.mean(1, keepdims=True)
    return a / (np.linalg.norm(a, axis=1, keepdims=True) + 1e-9)
