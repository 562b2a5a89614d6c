"""Every result key once: written to AnnData, read back, summarised."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pandas as pd

NOVEL = "novel"
ANY = "any cell"  # the level of a cell that no smaller set of types is sure enough for
OR = " or "  # between the types of a level or a set
MOST_NAMED = 3  # types that are named in full where they stand together
TELLING = 200  # characters of a name that its numbers are sorted by


def keys(key: str) -> dict:
    """Where results lie under ``key_added=key``."""
    return {
        "label": key,
        "cluster": f"{key}_cluster",
        "confidence": f"{key}_confidence",
        "novelty": f"{key}_novelty",
        "initial": f"{key}_initial",
        "level": f"{key}_level",
        "set": f"{key}_set",
        "embedding": f"X_{key}",
        "probabilities": f"{key}_probabilities",
        "type_probabilities": f"{key}_type_probabilities",
        "uns": key,
    }


def names(key: str) -> dict:
    """{slot: names of the results there}."""
    k = keys(key)
    return {
        "obs": [
            *(k[c] for c in ("label", "cluster", "confidence", "novelty", "initial", "level", "set")),
            *group_keys(key),
        ],
        "obsm": [k[m] for m in ("embedding", "probabilities", "type_probabilities")],
        "uns": [k["uns"]],
    }


def round_keys(key: str, i: int) -> tuple[str, str]:
    """Where the label (obs) and the embedding (obsm) of a round that was kept lie."""
    return f"{key}_round{i}", f"X_{key}_round{i}"


def group_keys(key: str) -> tuple[str, str]:
    """Where label and confidence of the user's own clusters lie in ``obs``, where there are some."""
    return f"{key}_group", f"{key}_group_confidence"


def joined(types) -> str:
    """Name of several types together: in full, or the first two and how many others."""
    types = [str(t) for t in types]
    if len(types) <= MOST_NAMED:
        return OR.join(types)
    return f"{OR.join(types[:2])}{OR}{len(types) - 2} others"


def as_column(name) -> str:
    """A type's column among the type probabilities: HDF5 keeps "/" for itself."""
    return str(name).replace("/", "|")


def write(adata, result, *, types, genes, params, version, key="itclust") -> None:
    """Write ``result`` (:class:`itclust.outcome.Result`) to ``adata.obs``, ``.obsm`` and ``.uns``."""
    k = keys(key)
    cells = adata.obs_names
    label = result.clusters["label"].to_numpy(dtype=object)
    adata.obs[k["label"]] = categorical(result.cluster, label)
    adata.obs[k["cluster"]] = categorical(result.cluster, result.clusters.index.to_numpy(dtype=object))
    adata.obs[k["confidence"]] = result.confidence
    adata.obs[k["novelty"]] = result.novelty
    adata.obs[k["initial"]] = categorical(result.initial, types.astype(object))
    adata.obs[k["level"]] = categorical(result.level, result.level_names)
    adata.obs[k["set"]] = categorical(result.members, result.set_names)
    adata.obsm[k["embedding"]] = result.embedding
    clusters = [str(c) for c in result.clusters.index]
    adata.obsm[k["probabilities"]] = pd.DataFrame(result.probabilities, index=cells, columns=clusters)
    columns = [*map(as_column, types), NOVEL]
    adata.obsm[k["type_probabilities"]] = pd.DataFrame(result.type_probabilities, index=cells, columns=columns)
    for i, (of_round, z) in result.rounds.items():
        in_obs, in_obsm = round_keys(key, i)
        adata.obs[in_obs] = categorical(of_round, types.astype(object))
        adata.obsm[in_obsm] = z
    adata.uns[k["uns"]] = {
        "params": params,
        "clusters": result.clusters,
        "history": result.history,
        "types": np.asarray(types, dtype=object),
        "genes": np.asarray(genes, dtype=object),
        "version": version,
    }
    if result.reliability is not None:
        table = pd.DataFrame(result.reliability, columns=["confidence", "right", "n_cells"])
        adata.uns[k["uns"]]["reliability"] = table.astype({"n_cells": int})


def categorical(codes, names) -> pd.Categorical:
    """Category of each code, NA for -1; only names that occur, in their natural order."""
    values = np.append(names, None)[codes]
    used = natural({v for v in values if v is not None})
    return pd.Categorical(values, categories=used)


def natural(names) -> list:
    """Sorted so that ``novel 2`` comes before ``novel 10`` and ``"9"`` before ``"10"``."""
    return sorted(names, key=lambda s: ([_part(t) for t in re.split(r"(\d+)", s[:TELLING]) if t], s))


def _part(text) -> tuple[int, int, str]:
    """A number or what stands between two, so that numbers come first and in their order."""
    return (0, int(text), "") if text.isdecimal() else (1, 0, text)


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
    reliability : table, a row a bin of confidence in answers to held-back source cells, or None: not known.
    params, history : dict.
    genes : (n_genes,) str, those the network sees.
    version : of itclust.
    source_types : (n_types,) str, or None in results of before 2.0.
    level, members : categorical Series of levels and sets, or None in results of before there were any.
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
    source_types: np.ndarray | None = None
    level: pd.Series | None = None
    members: pd.Series | None = None
    reliability: pd.DataFrame | None = None

    @property
    def counted(self) -> np.ndarray:
        """(n,) bool, cells that have a label."""
        return self.label.notna().to_numpy()

    @property
    def types(self) -> list[str]:
        """Types of the source, also those that no cell got."""
        if self.source_types is not None:
            return [str(t) for t in self.source_types]
        with_names = [*self.label.cat.categories, *self.initial.cat.categories, *self.clusters["runner_up"]]
        own = {as_column(t): str(t) for t in with_names}
        return [own.get(c, c) for c in map(str, self.type_probabilities.columns) if c != NOVEL]

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


def read(adata, key: str = "itclust") -> Annotation:
    """Read the results that ``key_added=key`` left in ``adata``.

    Raises
    ------
    KeyError
        There are none, with the keys that do have results.
    """
    k = keys(key)
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
        source_types=np.asarray(uns["types"]).astype(str) if "types" in uns else None,
        level=adata.obs.get(k["level"]),
        members=adata.obs.get(k["set"]),
        reliability=uns.get("reliability"),
    )


def summary(adata, key: str = "itclust") -> str:
    """The table of clusters, and how many cells have no label."""
    table = adata.uns[key]["clusters"].copy()
    confidence = adata.obs.groupby(f"{key}_cluster", observed=True)[f"{key}_confidence"].mean()
    table.insert(3, "confidence", confidence.reindex(table.index).to_numpy())
    shown = [c for c in ("label", "n_cells", "confidence", "stability", "novelty", "runner_up", "level") if c in table]
    lines = [table[shown].to_string(float_format=lambda v: f"{v:.2f}")]
    missing = int(adata.obs[key].isna().sum())
    if missing:
        lines.append(f"{missing} cells without a count in the genes used have no label.")
    return "\n".join(lines)
