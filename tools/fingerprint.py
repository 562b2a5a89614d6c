#!/usr/bin/env python3
"""Fingerprint what a transfer answers, to tell whether a change of the code changes its numbers.

    tools/fingerprint.py PAIRS.json DATA OUT.json [--only pbmc,ifn] [--paper chemistry,lines-absent]
    tools/fingerprint.py --compare BEFORE.json AFTER.json

For every pair, seed 0, and for both recipes where ``--paper`` names the pair: a checksum of each of label, cluster,
confidence, novelty, probabilities and embedding, to the bit; what a checksum cannot tell (by how much two answers
differ) stands beside OUT.json in OUT.npz. A pair is {"source": file, "target": file, "key": column, "drop": [types]}.
"""

import argparse
import hashlib
import json
import sys
from pathlib import Path

import numpy as np


def answers(source, target, key, preset) -> dict:
    """What a transfer wrote, as arrays."""
    import itclust

    itclust.transfer(source, target, labels_key=key, preset=preset, random_state=0, progress=False)
    return {
        "label": target.obs["itclust"].astype(str).to_numpy().astype("U"),
        "cluster": target.obs["itclust_cluster"].astype(str).to_numpy().astype("U"),
        "initial": target.obs["itclust_initial"].astype(str).to_numpy().astype("U"),
        "confidence": target.obs["itclust_confidence"].to_numpy(),
        "novelty": target.obs["itclust_novelty"].to_numpy(),
        "probabilities": target.obsm["itclust_probabilities"].to_numpy(),
        "embedding": target.obsm["X_itclust"],
    }


def load(data, pair):
    """Source with its labels alone, target without any."""
    import anndata as ad

    source, target = (ad.read_h5ad(Path(data) / f"{pair[k]}.h5ad") for k in ("source", "target"))
    labels = source.obs[pair["key"]].astype(str)
    source.obs = source.obs.iloc[:, :0].assign(**{pair["key"]: labels})
    target.obs = target.obs.iloc[:, :0].copy()
    return source[~labels.isin(pair.get("drop", [])).to_numpy()].copy(), target


def run(args) -> int:
    pairs = json.loads(Path(args.files[0]).read_text())
    only, paper = (set(t.split(",")) if t else set() for t in (args.only, args.paper))
    found, arrays = {}, {}
    for name, pair in pairs.items():
        for preset in ["default", *(["paper"] if name in paper else [])]:
            if only and name not in only:
                continue
            source, target = load(args.files[1], pair)
            values = answers(source, target, pair["key"], preset)
            found[f"{name}/{preset}"] = {k: hashlib.sha256(v.tobytes()).hexdigest()[:16] for k, v in values.items()}
            arrays |= {f"{name}/{preset}/{k}": v for k, v in values.items()}
            print(name, preset, *found[f"{name}/{preset}"].values(), flush=True)
            Path(args.files[2]).write_text(json.dumps(found, indent=1))
            np.savez_compressed(Path(args.files[2]).with_suffix(".npz"), **arrays)
    return 0


def compare(before, after) -> int:
    """A line a pair and recipe; 1 where something differs."""
    old, new = (json.loads(Path(p).read_text()) for p in (before, after))
    x, y = (np.load(Path(p).with_suffix(".npz")) for p in (before, after))
    differs = False
    for run_ in sorted(old.keys() & new.keys()):
        texts = []
        for name in old[run_]:
            if old[run_][name] != new[run_][name]:
                a, b = x[f"{run_}/{name}"], y[f"{run_}/{name}"]
                if a.shape != b.shape:
                    texts.append(f"{name}: shape {a.shape}, now {b.shape}")
                elif a.dtype.kind == "U":
                    texts.append(f"{name}: {np.mean(a != b):.2%} of the cells differ")
                else:
                    texts.append(f"{name}: by {np.abs(a - b).max():.2g} at most")
        differs |= bool(texts)
        print(f"{run_:<24}{'; '.join(texts) or 'the same to the bit'}")
    return int(differs)


def main() -> int:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("files", nargs="+")
    p.add_argument("--only", default="", help="pairs, with commas; default: all")
    p.add_argument("--paper", default="", help="pairs that run under preset='paper' as well")
    p.add_argument("--compare", action="store_true")
    args = p.parse_args()
    return compare(*args.files) if args.compare else run(args)


if __name__ == "__main__":
    sys.exit(main())
