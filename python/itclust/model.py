"""The model over arrays: fit on a source, transfer to any number of targets, the model file."""

from __future__ import annotations

import dataclasses
import json
import logging
import zipfile
from pathlib import Path

import numpy as np
import scipy.sparse as sp

from itclust import __version__, check
from itclust.io.atomic import whole
from itclust.outcome import Result, outcome, spread
from itclust.preprocess import TARGET_SUM, Expression, lognorm
from itclust.settings import Settings

log = logging.getLogger("itclust")

FORMAT = 1  # of the model file


@dataclasses.dataclass
class Model:
    """A fitted source network, and the views beside it.

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
    def fit(cls, source: Expression, codes, types, batch, genes, preset, settings, seed, progress) -> Model:
        """Train on the source.

        Parameters
        ----------
        source : linear values of the labelled cells.
        codes : (n,) int type of each cell.
        types : (n_types,) str.
        batch : (n,) int batch of each cell (``default``).
        genes : the only genes to use, or None: all (``default``).
        """
        if preset == "paper":
            from itclust import paper

            state = paper.fit_source(source, codes, len(types), genes, settings, seed, progress)
            return cls(preset, settings, seed, types, source.genes, state)
        from itclust import train

        source = source if genes is None else source.take(genes)
        x = lognorm(source.x)
        state = train.fit_source(x, codes, len(types), batch, settings, seed, progress)
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
        x = target.take(self.genes).x
        counted = np.asarray(x.sum(1)).ravel() > 0
        rows = np.flatnonzero(counted)
        if not len(rows):
            msg = "no cell of the target has a count in the genes that the model uses."
            raise ValueError(msg)
        x = self._comparable(x[rows], present)
        if self.preset == "paper":
            from itclust import paper

            adapted = paper.adapt_target(
                self.state, target._replace(x=target.x[rows]), self.settings, self.seed, progress
            )
        else:
            from itclust import train

            adapted = train.adapt_target(self.state, x, present, batch[rows], self.settings, self.seed, progress)
        return spread(outcome(adapted, self.types, x[:, present], self.genes[present]), counted)

    def _comparable(self, x, present):
        """Log values on the source's scale; genes that the target lacks take the source's mean.

        A target without some genes is scaled to the share of the source's counts that the other genes have.
        """
        if self.preset == "paper":
            return lognorm(x)
        types = self.state["size"] / self.state["size"].sum()
        share = types @ self.state["linear"]
        x = lognorm(x, TARGET_SUM * share[present].sum() / share.sum())
        if present.all():
            return x
        filling = sp.csr_matrix(np.where(present, 0, types @ self.state["mean"]).astype(np.float32))
        return sp.csr_matrix(x + sp.csr_matrix(np.ones((x.shape[0], 1), np.float32)) @ filling)

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
