"""Simulated pairs of datasets with many types: is everything known where nothing is missing, is what is missing found?

    python benchmarks/many_types.py [--types 30,60,100] [--cells 20,50,200] [--missing 0,0.1] [--genes 10000] [--out F.csv]

Source and target have the same types. A type's profile is a shared baseline times its lineage's programme times its own;
the target's genes are shifted by a batch effect; counts are Poisson about a gamma (negative binomial).
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import scipy.sparse as sp
from sklearn.metrics import roc_auc_score

N_LINEAGE = 6  # types of a lineage
SHARE_LINEAGE, SHARE_TYPE = 0.05, 0.02  # of the genes that a programme changes
SD_LINEAGE, SD_TYPE = 1.5, 1.2  # of the changes, in logs
SD_BASELINE, SD_BATCH, SD_DEPTH = 1.5, 0.3, 0.3
DEPTH, DISPERSION = 2500, 0.3  # mean counts a cell; variance of the gamma about a gene's mean, relative


def simulate(n_types, n_cells, missing=0.0, n_genes=10_000, seed=0) -> tuple[ad.AnnData, ad.AnnData]:
    """Source and target with ``n_cells`` of each type; the share ``missing`` of the types is taken out of the source."""
    rng = np.random.default_rng(seed)
    lineage = np.arange(n_types) // N_LINEAGE
    programme = _programme(rng, lineage.max() + 1, n_genes, SHARE_LINEAGE, SD_LINEAGE)[lineage]
    log = rng.normal(0, SD_BASELINE, n_genes) + programme + _programme(rng, n_types, n_genes, SHARE_TYPE, SD_TYPE)
    out = []
    for shift in (np.zeros(n_genes), rng.normal(0, SD_BATCH, n_genes)):
        profile = np.exp(log + shift)
        profile /= profile.sum(1, keepdims=True)
        parts = []
        for k in range(n_types):
            depth = DEPTH * rng.lognormal(0, SD_DEPTH, (n_cells, 1))
            rate = depth * profile[k] * rng.gamma(1 / DISPERSION, DISPERSION, (n_cells, n_genes))
            parts.append(sp.csr_matrix(rng.poisson(rate).astype(np.float32)))
        obs = pd.DataFrame({"label": np.repeat([f"type {k:03d}" for k in range(n_types)], n_cells)})
        obs.index = obs.index.astype(str)
        var = pd.DataFrame(index=[f"gene{g}" for g in range(n_genes)])
        out.append(ad.AnnData(sp.vstack(parts).tocsr(), obs, var))
    gone = rng.choice(n_types, round(missing * n_types), replace=False)
    source, target = out
    return source[~source.obs["label"].isin([f"type {k:03d}" for k in gone])].copy(), target


def _programme(rng, n, n_genes, share, sd):
    return rng.normal(0, sd, (n, n_genes)) * (rng.random((n, n_genes)) < share)


def nearest_centroid(source, target) -> np.ndarray:
    """Label of the type whose mean log profile is correlated with a cell best, each dataset's genes centred."""
    x, y = (_log(a.X) for a in (source, target))
    types = np.unique(source.obs["label"])
    mean = np.stack([np.asarray(x[(source.obs["label"] == t).to_numpy()].mean(0)).ravel() for t in types])
    mean -= mean.mean(0)
    mean -= mean.mean(1, keepdims=True)
    centre = np.asarray(y.mean(0)).ravel()
    unit = mean / np.linalg.norm(mean, axis=1, keepdims=True)
    return types[(y @ unit.T - centre @ unit.T).argmax(1)]


def _log(x):
    x = sp.csr_matrix(x, copy=True)
    x.data = np.log1p(x.data * np.repeat(1e4 / np.asarray(x.sum(1)).ravel(), np.diff(x.indptr)))
    return x


def one(n_types, n_cells, missing, n_genes, seed) -> dict:
    """Annotate a simulated target and compare with the truth and with the nearest centroid."""
    import itclust

    source, target = simulate(n_types, n_cells, missing, n_genes, seed)
    truth = target.obs.pop("label").to_numpy()
    known = np.isin(truth, source.obs["label"])
    near = nearest_centroid(source, target)
    start = time.time()
    itclust.transfer(source, target, labels_key="label", random_state=seed, progress=False)
    label = target.obs["itclust"].astype(str).to_numpy()
    novel = np.char.startswith(label.astype(str), "novel ")
    both = not known.all()
    return {
        "types": n_types, "cells": n_cells, "missing": missing, "genes": n_genes, "seed": seed,
        "acc": float((label == truth)[known].mean()), "centroid": float((near == truth)[known].mean()),
        "initial": float((target.obs["itclust_initial"].astype(str).to_numpy() == truth)[known].mean())
        if "itclust_initial" in target.obs else np.nan,
        "false_nov": float(novel[known].mean()), "recall": float(novel[~known].mean()) if both else np.nan,
        "auroc": float(roc_auc_score(~known, target.obs["itclust_novelty"])) if both else np.nan,
        "seconds": time.time() - start,
    }  # fmt: skip


def main(argv=None) -> int:
    """Run what the table does not have."""
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--types", default="30,60,100")
    p.add_argument("--cells", default="20,50,200")
    p.add_argument("--missing", default="0,0.1")
    p.add_argument("--genes", type=int, default=10_000)
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--out", type=Path, default=Path(__file__).resolve().parent / "many_types.csv")
    args = p.parse_args(argv)
    for n_types in map(int, args.types.split(",")):
        for n_cells in map(int, args.cells.split(",")):
            for missing in map(float, args.missing.split(",")):
                row = one(n_types, n_cells, missing, args.genes, args.seed)
                print(", ".join(f"{k} {v:.3g}" for k, v in row.items()), flush=True)
                table = pd.DataFrame([row])
                table = pd.concat([pd.read_csv(args.out), table]) if args.out.exists() else table
                table.to_csv(args.out, index=False, float_format="%.4f", lineterminator="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
