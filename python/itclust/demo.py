"""The main job on 700 real PBMCs: results and a picture on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import itclust


def run(folder: Path, progress=None) -> str:
    """Annotate one stratified half from the other; write ``annotated.h5ad``, ``labels.csv`` and ``umap.png``.

    Returns
    -------
    str
        The table of clusters, the agreement with the labels that were held out, and what was written.
    """
    from itclust import results

    folder.mkdir(parents=True, exist_ok=True)
    source, target = itclust.datasets.pbmc()
    truth = target.obs.pop("bulk_labels").astype(str)
    itclust.transfer(source, target, labels_key="bulk_labels", progress=progress)
    label, level = (target.obs[k].astype(str) for k in ("itclust", "itclust_level"))
    right, own, nothing = (np.mean(a == b) for a, b in ((label, truth), (level, label), (level, results.ANY)))
    itclust.io.write(target, folder / "annotated.h5ad")
    itclust.io.write_csv(target, folder / "labels.csv")
    import matplotlib

    matplotlib.use("Agg")
    itclust.pl.umap(target, show=False, save=folder / "umap.png")
    return (
        f"{results.summary(target, 'itclust')}\n"
        f"agreement with the {len(truth)} labels held out: {right:.1%}; "
        f"expected by confidence: {target.obs['itclust_confidence'].mean():.1%}\n"
        f"sure with probability 0.9: the label for {own:.0%} of the cells, several types together for "
        f"{1 - own - nothing:.0%}, nothing for {nothing:.0%} (itclust_level)\n"
        f"written to {folder}: annotated.h5ad, labels.csv, umap.png"
    )
