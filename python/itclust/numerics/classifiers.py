"""Closed-form classifiers beside the network: correlation with type profiles, and a linear discriminant.

Each answers with probabilities of the source's types. They err on other cells than the network does, and their mean
teaches it. Target cells are first aligned: brought to the source's level of expression, gene by gene.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.sparse as sp

from itclust.numerics.moments import Moments, group_means

CHUNK = 1000  # cells that are dense at once
MIN_SD = 0.1  # added to every gene's spread: genes that are hardly seen must not dominate
TEMPERATURES = np.geomspace(0.005, 0.5, 25)
MOST_SCORES = 5_000_000  # of cells for types that a temperature is read off: 50,000 cells of 100 types
WRONG = np.geomspace(0.05, 0.5, 12)  # shares of wrong source labels that are considered: no source is without
ODDS = 4.0  # how much likelier right than wrong a label must be for its cell to train
KEPT = 0.25  # least share of a type's cells that train, whatever their profiles say
SHRINKAGE = 0.5  # of the discriminant's covariance towards a multiple of the identity: types may have few cells
PSEUDO = 0.2  # counts per 10,000 below which the alignment leaves a gene alone
MOST = 5.0  # largest factor of the alignment, up or down


class Correlation(NamedTuple):
    """Classifier by Pearson correlation with each type's profile.

    Attributes
    ----------
    profiles : (n_types, n_genes) centred and scaled type means, rows centred and of length 1.
    centre, sd : (n_genes,) what is taken off a cell's log values, and what they are divided by.
    temperature : of the softmax over correlations.
    """

    profiles: np.ndarray
    centre: np.ndarray
    sd: np.ndarray
    temperature: float

    def scaled(self, x) -> np.ndarray:
        """Cells or profiles ``x`` (n, n_genes) as the type profiles are: centred, scaled, of length 1."""
        return unit_rows((x - self.centre) / self.sd)

    def correlation(self, x) -> np.ndarray:
        """Pearson correlation of dense cells ``x`` (n, n_genes) with each type's profile: (n, n_types)."""
        return self.scaled(x) @ self.profiles.T

    def of_sparse(self, x) -> np.ndarray:
        """:meth:`correlation` of CSR cells up to rounding: profiles are centred, so that a cell's own centre falls out."""
        n, offset = x.shape[1], self.centre / self.sd
        scaled = sp.csr_matrix((x.data / self.sd[x.indices], x.indices, x.indptr), x.shape, dtype=np.float64)
        total = scaled.sum(1).A1 - offset.sum()
        square = scaled.multiply(scaled).sum(1).A1 - 2 * scaled @ offset + offset @ offset
        length = np.sqrt(np.maximum(square - total**2 / n, 0)) + 1e-9
        return (scaled @ self.profiles.T - self.profiles @ offset) / length[:, None]

    def probabilities(self, x) -> np.ndarray:
        """Softmax of the correlations over the temperature: (n, n_types), of dense or CSR cells."""
        s = self.of_sparse(x) if sp.issparse(x) else self.correlation(x)
        return softmax(s / self.temperature)


def correlation_classifier(moments: Moments, temperature=1.0) -> Correlation:
    """Profiles centred at the mean profile and scaled by the spread within types.

    Parameters
    ----------
    moments : of the types, over the genes that the classifier sees.
    temperature : see :func:`fitted_temperature`.
    """
    centre, sd = moments.mean.mean(0), np.sqrt(moments.var.mean(0)) + MIN_SD
    return Correlation(unit_rows((moments.mean - centre) / sd), centre, sd, float(temperature))


def fitted_temperature(x, codes, classifier: Correlation) -> float:
    """The temperature under which the source's own cells are likeliest, all types counting alike.

    Parameters
    ----------
    x : (n, n_genes) CSR log values of the genes that the classifier sees.
    codes : (n,) int type.
    """
    s = np.concatenate([classifier.correlation(dense) for _, dense in dense_chunks(x)])
    some = _enough(s)
    s, codes = s[some], codes[some]

    def likelihood(temperature):
        own = _own_probability(s, codes, temperature)
        return np.mean(group_means(np.log(own + 1e-6)[:, None], codes, codes.max() + 1)[np.unique(codes)])

    return max(TEMPERATURES, key=likelihood)


def reliable_labels(x, codes, moments: Moments, weight) -> np.ndarray:
    """Mask (n,) of source cells whose label is clearly likelier right than wrong by their profile.

    A label is right with probability 1 - w, else any type's. The likeliest w and temperature are taken, then Bayes' rule:
    so a well labelled source loses hardly a cell, whatever its types are like. A cell is compared with its own type's
    profile without itself: in a rare type it would agree with itself. A quarter of each type stays in any case.

    Parameters
    ----------
    x : (n, n_genes) CSR log values.
    codes : (n,) int type.
    moments : of the types, over the same genes.
    weight : (n,) of each cell in its type's mean; they add up to the type's size.
    """
    n_types = len(moments.mean)
    s = left_out_correlation(x, codes, moments, weight)
    some = _enough(s)
    each = [(t, w) for t in TEMPERATURES for w in WRONG]
    own = {t: _own_probability(s[some], codes[some], t) for t in TEMPERATURES}
    t, w = max(each, key=lambda tw: np.log((1 - tw[1]) * own[tw[0]] + tw[1] / n_types).mean())
    by_label, by_chance = (1 - w) * _own_probability(s, codes, t), w / n_types
    keep = by_label >= ODDS * by_chance
    for k in range(n_types):
        group = np.flatnonzero(codes == k)
        if keep[group].sum() < KEPT * len(group):
            keep[group] = by_label[group] >= np.quantile(by_label[group], 1 - KEPT)
    return keep


def _enough(s):
    """Rows of the scores (n, n_types) that a temperature is read off: all, or by chance so many as hold ``MOST_SCORES``."""
    if s.size <= MOST_SCORES:
        return slice(None)
    return np.sort(np.random.default_rng(0).permutation(len(s))[: MOST_SCORES // s.shape[1]])


def _own_probability(s, codes, temperature) -> np.ndarray:
    """Probability (n,) of each cell's own type by the softmax of scores (n, n_types) over the temperature."""
    out = np.empty(len(s))
    for i in range(0, len(s), CHUNK):
        below = s[i : i + CHUNK] - s[i : i + CHUNK].max(1, keepdims=True)
        own = below[np.arange(len(below)), codes[i : i + CHUNK]]
        out[i : i + CHUNK] = np.exp(own / temperature) / np.exp(below / temperature).sum(1)
    return out


def left_out_correlation(x, codes, moments: Moments, weight) -> np.ndarray:
    """Correlation (n, n_types) of cells with the types' profiles, their own type's without themselves.

    Parameters
    ----------
    See :func:`reliable_labels`.
    """
    size = moments.size.tolist()
    classifier, parts = correlation_classifier(moments), []
    for rows, dense in dense_chunks(x):
        cells = classifier.scaled(dense)
        s = cells @ classifier.profiles.T
        for k in range(len(size)):
            group = np.flatnonzero(codes[rows] == k)
            if size[k] > 1:
                own = weight[rows][group, None]
                others = (moments.mean[k] * size[k] - own * dense[group]) / (size[k] - own)
                s[group, k] = (classifier.scaled(others) * cells[group]).sum(1)
        parts.append(s)
    return np.concatenate(parts)


def discriminant(cov, mean) -> tuple[np.ndarray, np.ndarray]:
    """Linear discriminant with one shrunken covariance within types, all types counting alike (Friedman 1989).

    Parameters
    ----------
    cov : (n_genes, n_genes), see :func:`within_covariance`.
    mean : (n_types, n_genes) mean log values of the types.

    Returns
    -------
    coef : (n_genes, n_types)
    intercept : (n_types,)
    """
    mean = mean.astype(np.float64)
    coef = np.linalg.solve(cov, mean.T)
    return coef.astype(np.float32), (-0.5 * (mean * coef.T).sum(1)).astype(np.float32)


def within_covariance(x, codes, mean) -> np.ndarray:
    """Covariance (n_genes, n_genes) within types, all types counting alike, shrunk towards a multiple of the identity.

    Parameters
    ----------
    x : (n, n_genes) CSR log values.
    codes : (n,) int type.
    mean : (n_types, n_genes) mean log values of the types.
    """
    mean = mean.astype(np.float64)
    cov = np.zeros((x.shape[1],) * 2)
    size = np.bincount(codes, minlength=len(mean))
    # one product for all types: one each is slow where they are many
    share = 1 / np.sqrt(np.maximum(size, 1) * (size > 0).sum())
    for rows, dense in dense_chunks(x):
        residual = (dense - mean[codes[rows]]) * share[codes[rows], None]
        cov += residual.T @ residual
    ridge = max(np.trace(cov) / len(cov), 1e-6)
    return (1 - SHRINKAGE) * cov + SHRINKAGE * ridge * np.eye(len(cov))


def by_discriminant(x, coef, intercept) -> np.ndarray:
    """Probabilities (n, n_types) of the linear discriminant."""
    return softmax(x @ coef + intercept)


def alignment(found, q, linear) -> np.ndarray:
    """Factor (n_genes,) that takes the target's mean expression to what the source predicts for the same composition.

    No dataset is scaled by itself: a target that has other types in other shares is not pulled towards the source's mean.

    Parameters
    ----------
    found : (n_genes,) mean linear values of the target.
    q : (n, n_types) soft assignment, which is the composition.
    linear : (n_types, n_genes) mean linear values of the source's types.
    """
    return np.clip((q.mean(0) @ linear + PSEUDO) / (found + PSEUDO), 1 / MOST, MOST).astype(np.float32)


def aligned(x, factor) -> np.ndarray:
    """Log values after multiplying the linear ones by a factor per gene."""
    linear = np.expm1(x)
    linear *= factor
    return np.log1p(linear, out=linear)


def dense_chunks(x):
    """Rows and dense values of a CSR matrix, ``CHUNK`` cells at a time."""
    for i in range(0, x.shape[0], CHUNK):
        rows = slice(i, i + CHUNK)
        yield rows, x[rows].toarray()


def softmax(a) -> np.ndarray:
    """Rows that sum to 1."""
    e = np.exp(a - a.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def unit_rows(a) -> np.ndarray:
    """Rows centred and of length 1: their products are Pearson correlations."""
    a = a - a.mean(1, keepdims=True)
    return a / (np.linalg.norm(a, axis=1, keepdims=True) + 1e-9)
