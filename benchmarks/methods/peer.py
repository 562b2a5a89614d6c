"""What the Python peers share: reading, log-CP10k over the shared genes, writing."""

import random
import sys
from importlib.metadata import version
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
from scipy import sparse


def arguments():
    """The folder and the seed, which is set."""
    folder, seed = Path(sys.argv[1]), int(sys.argv[2])
    random.seed(seed)
    np.random.seed(seed)
    return folder, seed


def counts(folder):
    """Source and target over their shared genes, in the source's order."""
    source, target = (ad.read_h5ad(folder / f"{name}.h5ad") for name in ("source", "target"))
    genes = source.var_names[source.var_names.isin(target.var_names)]
    return source[:, genes].copy(), target[:, genes].copy()


def log_cp10k(x):
    """Natural log of 1 + counts per 10,000 of the cell; a cell without counts stays 0."""
    x = sparse.csr_matrix(x, dtype=np.float64)
    total = np.asarray(x.sum(axis=1)).ravel()
    x = sparse.diags(1e4 / np.where(total > 0, total, 1)) @ x
    return x.log1p().tocsr().astype(np.float32)


def write(folder, cells, probabilities, types, package):
    """The most probable type, its probability, and 1 minus it as the evidence for a new type."""
    probabilities = np.asarray(probabilities)
    best = probabilities.max(axis=1)
    label = np.asarray(types)[probabilities.argmax(axis=1)]
    answer = pd.DataFrame({"label": label, "confidence": best, "novelty": 1 - best}, index=pd.Index(cells, name="cell"))
    answer.to_csv(folder / "answer.csv")
    print(f"version {package} {version(package)}")
