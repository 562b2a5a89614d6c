"""Results read back from an annotated AnnData, for everything that shows or explains them."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd

from itclust import results


@dataclasses.dataclass(frozen=True)
class Annotation:
    """What :func:`itclust.transfer` wrote, a row a cell.

    Attributes
    ----------
    key : prefix of the keys.
    label, cluster, initial : categorical Series; NA for cells without a count.
    confidence, novelty : (n,) float.
    embedding : (n, n_latent).
    probabilities, type_probabilities : DataFrame.
    clusters : table, a row a cluster.
    params, history : dict.
    genes : (n_genes,) str, those the network sees.
    version : of itclust.
    """

    key: str
    label: pd.Series
    cluster: pd.Series
    initial: pd.Series
    confidence: np.ndarray
    novelty: np.ndarray
    embedding: np.ndarray
    probabilities: pd.DataFrame
    type_probabilities: pd.DataFrame
    clusters: pd.DataFrame
    params: dict
    history: dict
    genes: np.ndarray
    version: str

    @property
    def counted(self) -> np.ndarray:
        """(n,) bool, cells that have a label."""
        return self.label.notna().to_numpy()

    @property
    def types(self) -> list[str]:
        """Types of the source, also those that no cell got."""
        named = [*self.label.cat.categories, *self.initial.cat.categories, *self.clusters["runner_up"]]
        own = {as_column(t): str(t) for t in named}
        return [own.get(c, c) for c in map(str, self.type_probabilities.columns) if c != results.NOVEL]

    @property
    def all(self) -> list[str]:
        """Types of the source and the novel ones."""
        return list(dict.fromkeys([*self.types, *map(str, self.label.cat.categories)]))

    @property
    def names(self) -> dict[str, str]:
        """Cluster -> its label."""
        return {str(c): str(t) for c, t in self.clusters["label"].items()}

    @property
    def novel(self) -> dict[str, bool]:
        """Cluster -> whether its type is not in the source."""
        return {str(c): bool(v) for c, v in self.clusters["novel"].items()}


def as_column(name) -> str:
    """A type's column among the type probabilities: HDF5 keeps "/" for itself."""
    return str(name).replace("/", "|")


def annotation(adata, key: str = "itclust") -> Annotation:
    """Read the results that ``key_added=key`` left in ``adata``.

    Raises
    ------
    KeyError
        There are none, with the keys that do have results.
    """
    k = results.keys(key)
    where = {"uns": adata.uns, "obs": adata.obs, "obsm": adata.obsm}
    columns = ("label", "cluster", "initial", "confidence", "novelty")
    matrices = ("embedding", "probabilities", "type_probabilities")
    needed = [("uns", k["uns"]), *(("obs", k[c]) for c in columns), *(("obsm", k[m]) for m in matrices)]
    missing = [f"{slot}[{name!r}]" for slot, name in needed if name not in where[slot]]
    if missing:
        found = [n for n in adata.uns if f"X_{n}" in adata.obsm and f"{n}_cluster" in adata.obs]
        hint = f"Results are under key={found[0]!r}." if found else "Run itclust.transfer(source, target) first."
        msg = f"there are no results under key={key!r}: {', '.join(missing)} missing. {hint}"
        raise KeyError(msg)
    uns = adata.uns[k["uns"]]
    return Annotation(
        key=key,
        **{c: adata.obs[k[c]] for c in columns[:3]},
        **{c: adata.obs[k[c]].to_numpy(dtype=float) for c in columns[3:]},
        **{m: adata.obsm[k[m]] for m in matrices},
        **{n: uns[n] for n in ("clusters", "params", "history", "version")},
        genes=np.asarray(uns["genes"]).astype(str),
    )
