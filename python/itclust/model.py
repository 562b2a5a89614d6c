"""The model over arrays: fit on a source, transfer to any number of targets, the model file."""

from __future__ import annotations

import dataclasses
import json
import logging
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import scipy.sparse as sp

from itclust import __version__, assign, check
from itclust.io.atomic import whole
from itclust.preprocess import TARGET_SUM, Expression, lognorm
from itclust.settings import Settings

log = logging.getLogger("itclust")

FORMAT = 1  # of the model file


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
    clusters : table, a row a cluster: label, novel, n_cells, stability, novelty, runner_up
    history : arrays, an entry a round of fine-tuning
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


@dataclasses.dataclass
class Model:
    """A fitted source network and what the fine-tuning replays of the source.

    Attributes
    ----------
    preset, settings, seed : how it was fitted.
    types : (n_types,) str
    genes : (n_genes,) str, all genes that fitting saw; ``network_genes`` are those the network sees.
    state : arrays that the preset's stages hand on; with ``types`` and ``genes`` the whole content of the model file.
    """

    preset: str
    settings: Settings
    seed: int
    types: np.ndarray
    genes: np.ndarray
    state: dict

    @classmethod
    def fit(cls, source: Expression, codes, types, genes, preset, settings, seed, progress) -> Model:
        """Train on the source.

        Parameters
        ----------
        source : linear values of the labelled cells.
        codes : (n,) int type of each cell.
        types : (n_types,) str.
        genes : the only genes to use, or None: all (``default``).
        """
        if preset == "paper":
            from itclust import paper

            state = paper.fit_source(source, codes, len(types), genes, settings, seed, progress)
            return cls(preset, settings, seed, types, source.genes, state)
        from itclust import train

        source = source if genes is None else source.take(genes)
        x = lognorm(source.x)
        state = train.fit_source(x, codes, len(types), settings, seed, progress)
        share = lognorm(source.x)
        share.data = np.expm1(share.data)
        state["share"] = np.asarray(share.mean(0)).ravel() / TARGET_SUM  # of a cell's counts, by gene
        state["filling"] = np.asarray(x.mean(0), dtype=np.float32).ravel()
        return cls(preset, settings, seed, types, source.genes, state)

    @property
    def network_genes(self) -> np.ndarray:
        """Genes that the network sees."""
        return self.state["network_genes"] if self.preset == "paper" else self.genes[self.state["columns"]]

    def transfer(self, target: Expression, batch, progress) -> Result:
        """Fine-tune on the target; the model itself does not change.

        Parameters
        ----------
        target : linear values.
        batch : (n,) int batch of each cell.
        """
        present = np.isin(self.genes, target.genes)
        used = np.isin(self.network_genes, target.genes)
        log.info("the target has %d of the %d genes that the network sees", used.sum(), len(used))
        check.missing_genes(int((~used).sum()), len(used))
        if self.preset == "paper":
            from itclust import paper

            counted = _counted(target.take(np.unique(self.network_genes)).x)
            adapted = paper.adapt_target(self.state, target, self.settings, self.seed, progress)
        else:
            from itclust import train

            x = target.take(self.genes).x
            counted = _counted(x)
            x = self._fill(lognorm(x, TARGET_SUM * self.state["share"][present].sum()), ~present)
            rows = np.flatnonzero(counted)
            adapted = train.adapt_target(self.state, x[rows], self.settings, self.seed, progress)
            adapted = adapted._replace(
                **{k: _spread(getattr(adapted, k), rows, len(counted)) for k in ("q", "initial", "z")}
            )
        return self._result(adapted, counted)

    def _fill(self, x, absent):
        """Genes that the target lacks take the source's mean."""
        if not absent.any():
            return x
        filling = sp.csr_matrix(np.where(absent, self.state["filling"], 0).astype(np.float32))
        return sp.csr_matrix(x + sp.csr_matrix(np.ones((x.shape[0], 1), np.float32)) @ filling)

    def _result(self, adapted, counted) -> Result:
        """Clusters numbered by size, their labels, and zeros for cells without a count."""
        best = adapted.q.argmax(1)
        order = assign.by_size(best[counted], adapted.q.shape[1])
        rank = np.full(adapted.q.shape[1], -1)
        rank[order] = np.arange(len(order))
        cluster = np.where(counted, rank[best], -1)
        label = adapted.cluster_type[order]
        q = adapted.q[:, order] / np.maximum(adapted.q[:, order].sum(1, keepdims=True), 1e-12)
        by_type = np.zeros((len(q), len(self.types) + 1))
        np.add.at(by_type.T, adapted.cluster_type, adapted.q.T)
        initial = np.where(counted, adapted.initial, -1)
        confidence = q.max(1)
        zero = ~counted[:, None]
        c, n = cluster[counted], len(order)
        novelty = 1 - by_type.max(1)
        first = _first_cluster(initial[counted], label)
        table = pd.DataFrame(
            {
                "label": self.types[label],
                "novel": np.zeros(n, bool),
                "n_cells": np.bincount(c, minlength=n),
                "stability": assign.stability(c, first, n),
                "novelty": assign.class_means(novelty[counted, None], c, n).ravel(),
                "runner_up": self.types[assign.runner_up(by_type[counted, :-1], c, label, n)],
            },
            index=pd.Index([str(i) for i in range(n)], name="cluster"),
        )
        f4 = np.float32
        return Result(
            cluster=cluster,
            probabilities=np.where(zero, 0, q).astype(f4),
            type_probabilities=np.where(zero, 0, by_type).astype(f4),
            initial=initial,
            confidence=np.where(counted, confidence, 0).clip(0, 1).astype(f4),
            novelty=np.where(counted, novelty, 0).clip(0, 1).astype(f4),
            embedding=np.where(zero, 0, adapted.z).astype(f4),
            clusters=table,
            history=adapted.history,
        )

    def save(self, path) -> None:
        """Write the model file: a zip of .npy arrays and a JSON header; no pickle. Whole or not at all."""
        path = Path(path)
        header = {
            "format": FORMAT, "version": __version__, "preset": self.preset, "seed": self.seed,
            "settings": dataclasses.asdict(self.settings),
        }  # fmt: skip
        arrays = {"types": self.types.astype(str), "genes": self.genes.astype(str), **self.state}
        with whole(path) as part, part.open("wb") as file:
            np.savez_compressed(file, header=np.array(json.dumps(header)), **arrays)

    @classmethod
    def load(cls, path) -> Model:
        """Read a model file; nothing in it is run."""
        path = Path(path)
        if not path.is_file():
            msg = f"there is no model file {str(path)!r}."
            raise FileNotFoundError(msg)
        try:
            with np.load(path, allow_pickle=False) as file:
                arrays = {k: file[k] for k in file.files}
            header = json.loads(str(arrays.pop("header")))
            types, genes = arrays.pop("types"), arrays.pop("genes")
            settings = {k: tuple(v) if isinstance(v, list) else v for k, v in header["settings"].items()}
            newer = header["format"] > FORMAT
        except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile) as error:
            msg = f"{str(path)!r} is not an ItClust model file, or it is damaged ({error})."
            raise ValueError(msg) from None
        if newer:
            msg = f"{str(path)!r} was written by itclust {header['version']}, this is {__version__}: update itclust."
            raise ValueError(msg)
        return cls(header["preset"], Settings(**settings), header["seed"], types, genes, arrays)


def _counted(x) -> np.ndarray:
    return np.asarray(x.sum(1)).ravel() > 0


def _spread(values, rows, n):
    """Rows back in their places among ``n``; the others zero."""
    out = np.zeros((n, *values.shape[1:]), values.dtype)
    out[rows] = values
    return out


def _first_cluster(initial, label):
    """The cluster that bears each cell's first type, -1 where none does."""
    where = np.full(max(initial.max(initial=0), label.max(initial=0)) + 1, -1)
    where[label[::-1]] = np.arange(len(label))[::-1]
    return where[initial]
