"""Do the same cells in another order get the same labels? Cells of the target, of the source and of both are permuted.

    python benchmarks/order.py [--only panc-full,pbmc] [--times 1]

Beside it, what another seed changes, and the accuracy of each.
"""

from __future__ import annotations

import argparse

import data
import numpy as np

import itclust


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--only", default="panc-full,pbmc")
    p.add_argument("--times", type=int, default=1)
    args = p.parse_args()
    print("pair,permuted,cells,other_labels,accuracy")
    for pair in data.pairs(args.only.split(",")):
        measure(pair.name, data.prepare(pair, 0), args.times)


def measure(name: str, prepared: data.Prepared, times: int) -> None:
    """One line a permutation: how many cells' labels differ from those in the order as it is."""
    rng, source, target = np.random.default_rng(0), prepared.source, prepared.target
    first = labels(source, target)
    say(name, "nothing", first, first, prepared.truth)
    for _ in range(times):
        for what in ("target", "source", "both"):
            a = rng.permutation(source.n_obs) if what != "target" else np.arange(source.n_obs)
            b = rng.permutation(target.n_obs) if what != "source" else np.arange(target.n_obs)
            say(name, what, labels(source[a].copy(), target[b].copy())[np.argsort(b)], first, prepared.truth)
    say(name, "another seed", labels(source, target, 1), first, prepared.truth)


def labels(source, target, seed: int = 0) -> np.ndarray:
    """Labels of a transfer that leaves both as they are."""
    done = itclust.transfer(source, target, labels_key=data.LABEL, random_state=seed, progress=False, copy=True)
    return done.obs["itclust"].astype(str).to_numpy()


def say(name: str, what: str, found, first, truth) -> None:
    print(f"{name},{what},{len(found)},{(found != first).sum()},{(found == truth).mean():.4f}", flush=True)


if __name__ == "__main__":
    main()
