"""How likely pieces of the target are new, and what holds a label that stays.

Four numbers a piece, each another question, are added up with fixed weights:

``d_type``
    1 - best correlation with a source type over the pairwise markers, each side centred by the types that both have,
    corrected for the sampling noise of the means: is there a type that looks like this?
``own``
    markers that neither a source type nor another group of clusters has: has it something of its own?
``lost``
    - (how far the piece keeps its type's markers): are the markers that made it this type there?
``d_plain``
    as ``d_type``, each side centred by its own mean, finer clusters: the same without trusting the assignment.

How large the sum is where nothing is new differs from pair to pair, more than it differs between known and new. So the
sum is compared with the pair's own level: see :func:`level`. Two more numbers can only veto:

``mixed``
    do its cells surely belong to different known types? Then something technical holds them together.
``far``
    is it much farther from its nearest type than that type is from the next one? Then it is more than another type: cells
    under stress, or of poor quality.
"""

from __future__ import annotations

import numpy as np

from itclust.numerics.clusters import Clusters

CLIP = 4.0  # standard deviations: one odd number decides nothing alone
MOST_EVIDENCE = 4.0  # logits that one partition may add: its chance mixtures decide nothing alone
# Weights of the standardised numbers, mean and standard deviation: fitted by benchmarks/fit_novelty.py, a logistic
# regression over all leave-out tasks, each task, and its known and its new cells, counting alike.
MEAN = np.array([0.273, 0.273, -0.745, 0.366])
SD = np.array([0.196, 0.218, 0.243, 0.211])
WEIGHTS = np.array([0.269, 0.384, 1.277, 0.582])
# The same for what is left beside the pair's level: GAIN * (sum - best) - SPREAD * (usual - best) + INTERCEPT. Those fits
# have as many novel as known cells, real targets do not: odds of 0.45 before anything is seen, and of 0.27 among many types,
# whose pieces are many.
GAIN, SPREAD, INTERCEPT = 1.368, 1.752, -1.211
PRIOR, PRIOR_MANY = -0.8, -1.3
MOST_SPREAD = 1.5  # of the usual above the best: more is no spread of known cells, most of the target is new
# With few types, those fits say how far types' best pieces lie apart (SPREAD_SD); from two dozen on, the pair does, from a
# dozen on in between: its own robust standard deviation, never less than a seventh of SPREAD_SD. There, small pieces have
# a larger spread than others: half of the variance of a piece of ordinary size is that of its cells' mean.
SPREAD_SD, FEW, MANY, LEAST_SPREAD, SAMPLED = 0.5, 12, 24, 0.15, 0.5
# Pieces that may be new are grouped from -0.5 on.
CANDIDATE = -0.5
# A piece whose cells surely are of different known types is not called novel, while its score stays. The veto starts
# at 0.17 nats of mutual information (15 % of the cells of another type); it is soft, and weighs 4 at most, since cells
# of a new type that is like none of the source's get labels by chance. Among many types a new one gets the labels of its
# relatives: the veto starts where three types have a third of the cells each.
MIXED_FROM, MIXED_FROM_MANY, MIXED_SLOPE, MIXED_MOST = 0.17, 1.1, 12.0, 4.0
# Nor is a piece that keeps its type's markers (seven tenths of what the pair's known types keep of theirs) and has little
# of its own: a shift within the type, by stimulus or technique. A label stays where the evidence is thin. Many types say by
# their spread how far such shifts go, and this veto and the next are not needed.
KEPT, LITTLE_OWN, KEPT_WEIGHT = 0.7, 0.42, 6.0
MORE_OWN = 0.3  # the better it keeps its type's markers, the more of its own it needs
LEAST_KEPT = 0.1  # of known types, so that there is something to compare with
FAR, FAR_WEIGHT = 1.8, 4.0  # half of the known pieces that would be called new lie beyond it, and 2 % of the new ones
# Where nine in ten cells of a type may be new, and the type is no more than twice as common as in the source, it
# more likely is that type in another state, and 2 more in logits are asked, 4 among many types. A new type that is taken
# for one that the target lacks has no reason to be as common.
WHOLE, AS_COMMON, WHOLE_WEIGHT = 0.9, 2.0, 2.0


def judged(clusters: Clusters, of_source) -> tuple[np.ndarray, np.ndarray]:
    """Evidence (n_pieces,) that the pieces are new, and what is taken off it before one is called novel, in logits.

    Parameters
    ----------
    of_source : (n_types,) cells of the source.
    """
    numbers, size = clusters.numbers(), clusters.n
    total = summed(numbers)
    likeliest, both = (clusters.fine @ clusters.q).argmax(1), np.flatnonzero(clusters.both)
    best, usual, scale = level(total, size, likeliest, both)
    spread = from_pair(len(both))
    scale = scale * sampled(size) ** spread
    prior = PRIOR + spread * (PRIOR_MANY - PRIOR)
    evidence = (GAIN * (total - best) - SPREAD * (usual - best)) / scale + INTERCEPT + prior
    evidence = np.minimum(evidence, MOST_EVIDENCE)
    doubt = veto(numbers, kept_level(numbers, size, likeliest, both), spread)
    return evidence, doubt + whole_type(evidence, size, likeliest, of_source, spread)


def summed(numbers, mean=MEAN, sd=SD, weights=WEIGHTS) -> np.ndarray:
    """Weighted sum (n_pieces,) of the first four numbers, standardised and clipped."""
    return np.clip((numbers[:, :4] - mean) / sd, -CLIP, CLIP) @ weights


def veto(numbers, of_known, spread=0.0) -> np.ndarray:
    """What is taken off the evidence (n_pieces,) before a piece is called novel, in logits.

    Parameters
    ----------
    numbers : (n_pieces, 6), see :meth:`itclust.numerics.clusters.Clusters.numbers`.
    of_known : see :func:`kept_level`.
    spread : how much of the spread of known types is read off the pair, see :func:`from_pair`.
    """
    own, kept = numbers[:, 1], -numbers[:, 2] / of_known
    shifted = (kept > KEPT) & (own < LITTLE_OWN + MORE_OWN * (kept - KEPT))
    start = MIXED_FROM + spread * (MIXED_FROM_MANY - MIXED_FROM)
    mixed = np.clip(MIXED_SLOPE * (numbers[:, 4] - start), 0, MIXED_MOST)
    far = FAR_WEIGHT * (numbers[:, 5] > FAR)
    return np.maximum(mixed, KEPT_WEIGHT * (1 - spread) * shifted) + (1 - spread) * far


def kept_level(numbers, size, label, types) -> float:
    """How much the pair's known types keep of their markers, see :func:`level`; 1, all, where the target is as the source."""
    return float(np.clip(-level(numbers[:, 2], size, label, types)[0], LEAST_KEPT, 1))


def whole_type(evidence, size, label, of_source, spread=0.0) -> np.ndarray:
    """What is taken off the evidence (n_pieces,) where a whole type would be called novel, see ``WHOLE``.

    Parameters
    ----------
    evidence, size, label : (n_pieces,) logits, cells and likeliest type of each piece.
    of_source : (n_types,) cells of the source.
    spread : see :func:`veto`.
    """
    off = np.zeros(len(evidence))
    for k in np.unique(label):
        mine = label == k
        new = size[mine] @ (evidence[mine] > CANDIDATE) / size[mine].sum()
        common = size[mine].sum() / size.sum() < AS_COMMON * of_source[k] / of_source.sum()
        off[mine] = WHOLE_WEIGHT * (1 + spread) * (new >= WHOLE and common)
    return off


def level(total, size, label, types) -> tuple[float, float, float]:
    """How large the sum of the numbers is on this pair where nothing is new: each type of the source has one vote.

    A type's best piece is known, whatever else goes by its name; its middle cell tells how far known cells are
    from their type's best. Medians over the types are not moved by the few that hide something new.

    Parameters
    ----------
    total, size, label : (n_pieces,) sum of the numbers, cells and type of each piece.
    types : those that vote.

    Returns
    -------
    best, usual : median over types of the best piece's sum, and of the middle cell's.
    scale : spread of the best pieces' sums over types, beside that of the pairs that the weights were fitted to; 1 where
        types are too few to say.
    """
    best, usual = [], []
    for k in types:
        mine = np.flatnonzero(label == k)
        if len(mine):
            mine = mine[np.argsort(total[mine])]
            cells = np.cumsum(size[mine])
            best.append(total[mine[0]])
            usual.append(total[mine[np.searchsorted(cells, cells[-1] / 2)]])
    if not best:
        return total.min(), total.min(), 1.0
    sd = 1.4826 * np.median(np.abs(best - np.median(best)))
    scale = np.clip(sd / SPREAD_SD, LEAST_SPREAD, 1) ** from_pair(len(best))
    best, usual = float(np.median(best)), float(np.median(usual))
    return best, min(usual, best + MOST_SPREAD), float(scale)


def sampled(size) -> np.ndarray:
    """How much larger the spread of pieces (n_pieces,) of these numbers of cells is than that of an ordinary one."""
    return np.sqrt(1 + SAMPLED * np.maximum(np.median(size) / size - 1, 0))


def from_pair(n_types) -> float:
    """How much of the spread of known types is read off the pair, 0 to 1: with few types nothing, with many all."""
    return float(np.clip((n_types - FEW) / (MANY - FEW), 0, 1))
