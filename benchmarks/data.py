"""The pairs: which dataset is annotated from which, and what is taken from or done to the source."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd

HERE = Path(__file__).resolve().parent
LABEL = "label"  # the one column of a prepared source
PANCREAS_TECHNOLOGIES = {
    "celseq": ["celseq"],
    "celseq2": ["celseq2"],
    "fluidigmc1": ["fluidigmc1"],
    "indrop": ["inDrop1", "inDrop2", "inDrop3", "inDrop4"],
    "smarter": ["smarter"],
    "smartseq2": ["smartseq2"],
}


@dataclass(frozen=True)
class Pair:
    """``source`` and ``target`` name files; for the pancreas set ``target`` is a technology, the source all others."""

    name: str
    source: str
    target: str
    key: str
    drop: tuple[str, ...] = ()  # types taken out of the source
    cap: int | None = None  # most cells of a type in the source
    noise: float = 0.0  # share of source labels replaced by a type drawn at random, itself included

    def changed(self, cap: int | None, noise: float) -> Pair:
        """The pair with a small or a wrongly labelled source, under a name that says so."""
        name = self.name + (f" cap={cap}" if cap else "") + (f" noise={noise:g}" if noise else "")
        return replace(self, name=name, cap=cap or self.cap, noise=noise or self.noise)

    @property
    def random(self) -> bool:
        """Does the prepared source depend on the seed?"""
        return bool(self.cap or self.noise)


@dataclass(frozen=True)
class Prepared:
    """What a method sees (``source``, ``target``) and what it is judged by (``truth``, ``types``)."""

    source: ad.AnnData
    target: ad.AnnData
    truth: np.ndarray
    types: frozenset[str]


def pairs(names: list[str] | None = None) -> list[Pair]:
    """The development pairs; by name also those of new types, turned round, the hold-outs, ``pancreas`` (all six) or ``pancreas-celseq``."""
    known = {k: _pair(k, **v) for k, v in json.loads((HERE / "pairs.json").read_text()).items()}
    if names is None:
        return list(known.values())
    for file in ("pairs-novel.json", "pairs-turned.json", "holdout.json"):
        known |= {k: _pair(k, **v) for k, v in json.loads((HERE / file).read_text()).items()}
    pancreas = {f"pancreas-{t}": Pair(f"pancreas-{t}", "pancreas", t, "celltype") for t in PANCREAS_TECHNOLOGIES}
    known |= pancreas
    found = []
    for name in names:
        if name != "pancreas" and name not in known:
            msg = f"there is no pair {name!r}; there are: pancreas, {', '.join(known)}."
            raise SystemExit(msg)
        found += list(pancreas.values()) if name == "pancreas" else [known[name]]
    return found


def _pair(name, drop=(), **fields) -> Pair:
    return Pair(name, drop=tuple(drop), **fields)


def folder() -> Path:
    """Where the labelled datasets are."""
    return Path(os.environ.get("ITCLUST_SHARED", HERE.parents[1] / "shared")) / "data"


def missing(pair: Pair) -> str | None:
    """Why the pair cannot be run here, or None."""
    if pair.source == "pancreas":
        path = _pancreas_file()
        return None if path.is_file() else f"{path.name} is not in the cache; itclust.datasets.pancreas() gets it"
    absent = [n for n in (pair.source, pair.target) if not (folder() / f"{n}.h5ad").is_file()]
    return f"no {absent[0]}.h5ad in the folder that ITCLUST_SHARED names" if absent else None


def load(pair: Pair) -> tuple[ad.AnnData, ad.AnnData]:
    """Source and target as they are on disk, labels included."""
    if pair.source != "pancreas":
        return tuple(ad.read_h5ad(folder() / f"{n}.h5ad") for n in (pair.source, pair.target))
    from itclust.datasets import pancreas

    adata = pancreas(_pancreas_file())
    in_target = adata.obs["tech"].isin(PANCREAS_TECHNOLOGIES[pair.target]).to_numpy()
    return adata[~in_target].copy(), adata[in_target].copy()


def _pancreas_file() -> Path:
    from itclust.download import cache_dir

    return cache_dir() / "pancreas.h5ad"


def prepare(pair: Pair, seed: int) -> Prepared:
    """The source with its labels alone, the target without any."""
    source, target = load(pair)
    y, truth = (a.obs[pair.key].astype(str).to_numpy(dtype=object) for a in (source, target))
    kept = np.flatnonzero(~np.isin(y, pair.drop))
    types = sorted(set(y[kept]))
    rng = np.random.default_rng(seed)
    if pair.cap:
        kept = cap(y, kept, types, pair.cap, rng)
    labels = noisy(y[kept], types, pair.noise, rng) if pair.noise else y[kept]
    return Prepared(_bare(source[kept], {LABEL: labels}), _bare(target, {}), truth, frozenset(types))


def cap(y, kept, types, most: int, rng) -> np.ndarray:
    """At most ``most`` of the cells ``kept`` of each type, type after type."""
    place = np.arange(len(kept))
    return np.concatenate([kept[rng.permutation(place[y[kept] == t])[:most]] for t in types])


def noisy(y, types, share: float, rng) -> np.ndarray:
    """``y`` with about ``share`` of its labels drawn anew."""
    y = y.copy()
    drawn = rng.random(len(y)) < share
    y[drawn] = rng.choice(types, drawn.sum())
    return y


def _bare(adata, columns) -> ad.AnnData:
    """Counts and names; nothing else could give an answer away."""
    obs = pd.DataFrame(columns, index=adata.obs_names.copy())
    return ad.AnnData(X=adata.X.copy(), obs=obs, var=pd.DataFrame(index=adata.var_names.copy()))
