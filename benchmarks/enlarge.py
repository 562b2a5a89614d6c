"""A large dataset on disk out of a small labelled one: mixtures of three cells of a type, with fresh Poisson counts.

    python benchmarks/enlarge.py BASE.h5ad N OUT.h5ad [--key celltype_common] [--labels truth] [--seed 0]

Mixtures fill the space between the real cells, so that a neighbour graph sees no clumps of copies; depth and zeros stay
like the base's. Written in chunks: memory stays small.
"""

from __future__ import annotations

import argparse

import anndata as ad
import h5py
import numpy as np
import pandas as pd
import scipy.sparse as sp
from anndata.io import write_elem

CHUNK = 10_000
DEPTH = 1.4  # a mixture of three cells has fewer counts a gene than its largest part


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("base")
    p.add_argument("n", type=int)
    p.add_argument("out")
    p.add_argument("--key", default="celltype_common")
    p.add_argument("--labels", default="truth")
    p.add_argument("--seed", type=int, default=0)
    enlarge(**vars(p.parse_args()))


def enlarge(base, n, out, key="celltype_common", labels="truth", seed=0) -> None:
    """Write ``n`` cells like those of ``base`` to ``out``, their types in ``obs[labels]``."""
    adata = ad.read_h5ad(base)
    adata = adata[adata.obs[key].notna()].copy()
    x, types = sp.csr_matrix(adata.X, dtype=np.float32), adata.obs[key].astype(str).to_numpy()
    members = {t: np.flatnonzero(types == t) for t in np.unique(types)}
    rng = np.random.default_rng(seed)
    with h5py.File(out, "w") as file:
        file.attrs.update({"encoding-type": "anndata", "encoding-version": "0.1.0"})
        group = file.create_group("X")
        group.attrs.update(
            {"encoding-type": "csr_matrix", "encoding-version": "0.1.0", "shape": (n, x.shape[1])},
        )
        arrays = {
            k: group.create_dataset(k, (0,), maxshape=(None,), dtype=t, chunks=(1 << 18,), compression="lzf")
            for k, t in (("data", "f4"), ("indices", "i4"))
        }
        indptr, drawn = [np.zeros(1, "i8")], []
        for start in range(0, n, CHUNK):
            first = rng.integers(0, len(types), min(CHUNK, n - start))
            mixed = _mixed(x, first, types, members, rng)
            indptr.append(mixed.indptr[1:].astype("i8") + len(arrays["data"]))
            drawn += types[first].tolist()
            for k, array in arrays.items():
                array.resize((len(array) + mixed.nnz,))
                array[-mixed.nnz :] = getattr(mixed, k)
        group.create_dataset("indptr", data=np.concatenate(indptr))
        cells = [f"cell{i}" for i in range(n)]
        write_elem(file, "obs", pd.DataFrame({labels: pd.Categorical(drawn)}, index=cells))
        write_elem(file, "var", pd.DataFrame(index=adata.var_names.astype(str)))
        for k in ("layers", "obsm", "varm", "obsp", "varp", "uns"):
            write_elem(file, k, {})


def _mixed(x, first, types, members, rng) -> sp.csr_matrix:
    """Counts of cells mixed from those of ``first`` and two others of its type each."""
    rows = np.empty((len(first), 3), int)
    rows[:, 0] = first
    for t in np.unique(types[first]):
        mine = np.flatnonzero(types[first] == t)
        rows[mine, 1:] = rng.choice(members[t], (len(mine), 2))
    share = rng.dirichlet([1, 1, 1], len(first)).astype(np.float32)
    share *= rng.lognormal(0, 0.2, (len(first), 1)).astype(np.float32)
    mixed = sp.csr_matrix(sum(sp.diags(share[:, j]) @ x[rows[:, j]] for j in range(3)))
    mixed.data = rng.poisson(DEPTH * mixed.data).astype(np.float32)
    mixed.eliminate_zeros()
    mixed.sort_indices()
    return mixed


if __name__ == "__main__":
    main()
