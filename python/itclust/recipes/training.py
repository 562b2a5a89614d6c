"""Training of the default recipe's networks: the source's, and the fine-tuning on the target."""

from __future__ import annotations

import logging
import warnings

import numpy as np

from itclust.numerics import assign, classifiers, evidence, neighbors
from itclust.numerics.moments import group_means
from itclust.numerics.sketch import BALANCE
from itclust.recipes import network
from itclust.recipes.first_answers import together
from itclust.settings import DefaultSettings

log = logging.getLogger("itclust")

MOST_OUTPUTS = 1000  # of the networks side by side: the more types, the fewer networks are trained
RETRIES = 2  # trainings with a tenth of the step each, where one learnt nothing
# Of the way from knowing nothing to perfect answers that the loss must go; ordinary sources go .5 and more.
LEARNT = 0.05
STEP = 5  # an epoch's number of minibatches is a multiple of it
TARGET_SMOOTHING = 0.02  # of the auxiliary distribution
# Share of the closed-form answers in what teaches, first and second half of the rounds.
FIXED_FIRST, FIXED_LAST = 0.6, 0.3
MIN_MASS = 5  # cells; smaller predicted types are not drawn more often than this size would be
# What neighbours and network may say is read off the target. Neighbours count in full where 70 % of them have the cell's
# first answer (74 to 100 % on the development pairs), not at all at 30 % (many small types: neighbours are strangers). The
# network counts in full where its first answers are those of the classifiers for 80 % of the cells (84 to 100 %), not at
# all at 50 %.
NEIGHBORS_WEIGHT, NEIGHBORS_FROM, NEIGHBORS_TO = 1.5, 0.3, 0.7
NETWORK_FROM, NETWORK_TO = 0.5, 0.8


def classifier(n_genes, n_clusters, settings: DefaultSettings, seed, weights=None):
    """Networks of the recipe's shape, side by side, with these weights, and as many of them, where they are given."""
    most = max(1, MOST_OUTPUTS // n_clusters)
    n_starts = min(settings.n_starts, most) if weights is None else len(weights[-1])
    widths = (*settings.n_hidden, settings.n_latent)
    model = network.classifier(n_genes, widths, n_clusters, settings.alpha, settings.dropout, seed, n_starts)
    if weights is not None:
        network.set_weights(model, weights)
    return model


def train(x, codes, weight, size, settings: DefaultSettings, seed, progress) -> list[np.ndarray]:
    """Weights of the source networks; rare types and small batches are drawn more often than they come.

    The mean answer of several networks depends less on where they started than the answer of one
    (Lakshminarayanan, Pritzel and Blundell 2017).

    Training that diverges, or learns nothing, is repeated with a tenth of the step, twice at most.

    Parameters
    ----------
    x : (n, n_markers) CSR log values.
    codes, weight : (n,) type, and weight, of each cell; ``size`` (n_types,) cells of each.

    Raises
    ------
    ValueError
        It diverges with each step.
    """
    rate = settings.learning_rate
    for _ in range(1 + RETRIES):
        weights, loss = _trained(x, codes, weight, size, rate, settings, seed, progress)
        if learnt(loss, len(size), settings.label_smoothing):
            return weights
        log.warning(
            "the source network learnt nothing with learning_rate=%g (loss %.3g); once more with a tenth", rate, loss
        )
        rate /= 10
    if not all(np.isfinite(w).all() for w in weights):
        msg = f"the training on the source diverges (loss {loss:.3g}): pass a learning_rate far below {settings.learning_rate:g}."
        raise ValueError(msg)
    text = "the source network learnt nothing from the labels: are they at random, or is a setting extreme?"
    warnings.warn(text, UserWarning, stacklevel=2)
    return weights


def learnt(loss: float, n_types: int, smoothing: float) -> bool:
    """Whether the last loss lies below that of answers which know nothing, by a twentieth of the way to perfect ones."""
    ideal = np.append(np.full(n_types - 1, smoothing / n_types), 1 - smoothing + smoothing / n_types)
    least = -(ideal * np.log(np.maximum(ideal, 1e-12))).sum()
    return bool(np.isfinite(loss)) and loss <= np.log(n_types) - LEARNT * (np.log(n_types) - least)


def _trained(x, codes, weight, size, rate, settings: DefaultSettings, seed, progress) -> tuple[list[np.ndarray], float]:
    """Weights, and the last epoch's loss, of one training with this step; see :func:`train`."""
    model = classifier(x.shape[1], len(size), settings, seed)
    if len(size) >= evidence.MANY:
        _place_centroids(model, x, codes, len(size))
    epochs = settings.source_epochs
    of_epoch = -(-settings.source_steps(len(codes)) // (STEP * epochs)) * STEP
    network.compile_classifier(model, rate, settings.weight_decay, of_epoch * epochs)
    chance = weight * np.maximum(size, 1.0)[codes] ** -BALANCE
    y = for_each_start(one_hot(codes, len(size), settings.label_smoothing), model.output_shape[1])
    order = network.drawn(chance, of_epoch, settings.batch_size, seed)
    loss = network.learn(model, x, y, order, epochs, network.reported(progress, "source", epochs))
    return network.weights(model), loss


def _place_centroids(model, x, codes, n_types) -> None:
    """Start each type's centroid in the direction of its cells (as Hu et al. 2020): among hundreds, random ones never part."""
    z = network.predict(network.embedding(model), x)
    *encoder, centroids = network.weights(model)
    for k in range(len(centroids)):
        mean = group_means(z[:, k], codes, n_types)
        centroids[k] = classifiers.unit_rows(mean - mean.mean(0)) * (network.CENTROID_SD * z.shape[2] ** 0.5)
    network.set_weights(model, [*encoder, centroids])


def one_hot(codes, n, smoothing=0.0) -> np.ndarray:
    """Rows (len(codes), n) float32 with ``smoothing`` spread over all columns."""
    return (np.eye(n, dtype=np.float32)[codes] * (1 - smoothing) + smoothing / n).astype(np.float32)


def for_each_start(y, n_starts: int) -> np.ndarray:
    """The same distribution (n, n_clusters) for each start, (n, n_starts, n_clusters); a view."""
    return np.broadcast_to(y[:, None], (len(y), n_starts, y.shape[1]))


def with_new_centroids(weights, z, group, settings: DefaultSettings, seed):
    """The networks that are fine-tuned: the source's weights, and the mean embedding of each new type as a centroid more.

    Parameters
    ----------
    weights : of the source networks, centroids last.
    z : (n, n_starts, n_latent) embeddings by them; ``group`` (n,) int new type of each cell, -1: none.
    """
    *encoder, centroids = weights
    if (n_new := group.max(initial=-1) + 1) > 0:
        new = np.stack([group_means(z[:, k], group, n_new) for k in range(len(centroids))])
        centroids = np.concatenate([centroids, new], axis=1)
    return classifier(encoder[0].shape[1], centroids.shape[1], settings, seed + 500, [*encoder, centroids])


def ramp(value, low, high) -> float:
    """0 below ``low``, 1 above ``high``, straight in between."""
    return float(np.clip((value - low) / (high - low), 0, 1))


def fine_tune(model, x, fixed, initial, n_types, average, settings: DefaultSettings, seed, progress):
    """Teach the networks their mean answer and the classifiers', sharpened by neighbours, round by round; changes ``model``.

    Parameters
    ----------
    x : (n, n_markers) CSR log values of the target.
    fixed, initial : (n, n_clusters) the classifiers' first answers, and the source networks'; the columns from
        ``n_types`` on are new types, whose cells have them whole.
    average : (n, n) over mutual neighbours.

    Returns
    -------
    q : (n, n_clusters)
    trust : how much the networks count in it, 0 to 1; the rest are the last round's sharpened answers.
    history : ``changed``, ``loss`` and ``types`` of each round.
    """
    start, rate = network.weights(model), settings.learning_rate / 2
    for _ in range(1 + RETRIES):
        found = _fine_tuned(model, x, fixed, initial, n_types, average, rate, settings, seed, progress)
        loss = found[-1]["loss"][-1:]
        if not len(loss) or followed(loss[0], fixed.shape[1]):
            return found
        log.warning(
            "the fine-tuning followed nothing with learning_rate=%g (loss %.3g); once more with a tenth", rate, loss[0]
        )
        network.set_weights(model, start)
        rate /= 10
    if not np.isfinite(loss[0]):
        msg = (
            f"the fine-tuning diverges (loss {loss[0]:.3g}): pass a learning_rate far below {settings.learning_rate:g}."
        )
        raise ValueError(msg)
    warnings.warn("the fine-tuning followed neither classifiers nor neighbours: is a setting extreme?", stacklevel=2)
    return found


def followed(loss: float, n_clusters: int) -> bool:
    """Whether the last loss is no larger than that of answers which favour no cluster: beyond it, training has diverged.

    Nothing sharper is asked: in a small target the cells that are drawn are not those that the answers are about.
    """
    return bool(np.isfinite(loss)) and loss <= np.log(n_clusters)


def _fine_tuned(model, x, fixed, initial, n_types, average, rate, settings: DefaultSettings, seed, progress):
    """What :func:`fine_tune` returns, with this step."""
    network.compile_classifier(model, rate, settings.weight_decay)
    q = p = initial
    mean, n_starts = network.averaged(model), model.output_shape[1]
    history = {"changed": [], "loss": [], "types": [initial.argmax(1)]}
    agreement = neighbors.concordance(average, together(fixed, initial).argmax(1))
    weight = NEIGHBORS_WEIGHT * ramp(agreement, NEIGHBORS_FROM, NEIGHBORS_TO)
    trust = ramp(np.mean(fixed.argmax(1) == initial.argmax(1)), NETWORK_FROM, NETWORK_TO)
    is_new = fixed[:, n_types:].any(1)  # no gene was chosen for new types: their cluster keeps a say
    for i in range(settings.max_iter):
        late = 2 * i >= settings.max_iter
        share = 1 - trust * (1 - (FIXED_LAST if late else FIXED_FIRST))
        p = share * fixed + (1 - share) * q
        p[is_new] = fixed[is_new]
        p = assign.smooth_over_neighbors(p, average, weight)
        smooth = p * (1 - TARGET_SMOOTHING) + TARGET_SMOOTHING / p.shape[1]
        chance = p.max(1) * (p @ np.maximum(p.sum(0), MIN_MASS) ** -BALANCE)  # sure cells, rare types
        y = for_each_start(smooth.astype(np.float32), n_starts)
        order = network.drawn(chance, settings.round_steps, settings.batch_size, seed * 100 + i)
        history["loss"].append(network.learn(model, x, y, order))
        before, q = q.argmax(1), network.predict(mean, x)
        history["types"].append(q.argmax(1))
        history["changed"].append(float(np.mean(before != history["types"][-1])))
        done = late and history["changed"][-1] < settings.tol
        text = f"round {i + 1}, loss {history['loss'][-1]:.4g}, {history['changed'][-1]:.2%} of cells changing"
        progress("target", 1.0 if done else (i + 1) / settings.max_iter, text)
        if done:
            break
    q = trust * q + (1 - trust) * p
    q[is_new] = (q[is_new] + fixed[is_new]) / 2
    history["types"][-1] = q.argmax(1)
    return q, trust, {k: np.array(v) for k, v in history.items()}
