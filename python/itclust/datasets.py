"""Data to try things on: made (`toy`), shipped with scanpy (`pbmc`), downloaded once (`pancreas`)."""

from __future__ import annotations

import numpy as np

PANCREAS_URL = "https://ndownloader.figshare.com/files/36086813"
# Nobody publishes one for this file. While it is None the first download is trusted and its sum kept beside the file,
# and every later use is held to that; put the sum here, or pass sha256=, to check the first download too.
PANCREAS_SHA256 = None

_TYPES = ("B", "CD4 T", "CD8 T", "NK", "CD14 Mono", "CD16 Mono", "DC", "Mk")
_FAMILIES = ("CD", "RPL", "ZNF", "SLC", "KLR", "TMEM", "CCL", "FAM", "IFI", "KRT")
_MARKER_LOG_FOLD = 1.6  # markers of a type are some five times higher in it
_DISPERSION = 0.25  # of the negative binomial: variance = mean + 0.25 mean^2
_COUNTS_PER_GENE = 10  # so that nearly all genes are seen in a cell, also where there are few


def toy(
    n_source: int = 400,
    n_target: int = 400,
    n_genes: int = 200,
    n_types: int = 4,
    *,
    batch_effect: float = 0.4,
    absent: int = 0,
    novel: int = 0,
    random_state: int = 0,
):
    """Source and target of negative-binomial counts with cell types that any right method tells apart.

    Each type has marker genes of its own, cells differ in library size, and each gene of the target is shifted by a
    factor of its own.

    Parameters
    ----------
    n_source, n_target, n_genes
        Cells and genes.
    n_types
        Types of the source, from common to rare.
    batch_effect
        Standard deviation of the target's log factor per gene; 0 for none.
    absent
        So many types of the source, the most common ones, have no cell in the target.
    novel
        So many further types are in the target alone.
    random_state
        Seed; the same one gives the same data.

    Returns
    -------
    source, target
        AnnData with CSR float32 counts and ``obs["cell_type"]``; the target has the same in ``obs["truth"]``.

    Examples
    --------
    >>> source, target = toy(n_source=50, n_target=30, novel=1)
    >>> source.shape, target.shape
    ((50, 200), (30, 200))
    >>> sorted(set(target.obs["truth"]) - set(source.obs["cell_type"]))
    ['CD14 Mono']
    """
    n_all = n_types + novel
    in_target = np.arange(absent, n_all)
    if n_types < 1 or absent < 0 or novel < 0 or not len(in_target):
        msg = f"toy() needs types in source and target; received {n_types=}, {absent=}, {novel=}."
        raise ValueError(msg)
    if n_source < n_types or n_target < len(in_target) or n_genes < 3 * n_all:
        msg = (
            f"toy() needs a cell and three genes a type; received {n_source=}, {n_target=}, {n_genes=}, {n_all} types."
        )
        raise ValueError(msg)
    rng = np.random.default_rng(random_state)
    log_profiles = _log_profiles(rng, n_all, n_genes)
    shift = batch_effect * rng.standard_normal(n_genes)
    names = [_TYPES[k] if k < len(_TYPES) else f"Type {k + 1}" for k in range(n_all)]
    source = _cells(rng, log_profiles, np.arange(n_types), names, n_source, "source")
    target = _cells(rng, log_profiles + shift, in_target, names, n_target, "target")
    target.obs["truth"] = target.obs["cell_type"]
    return source, target


def _log_profiles(rng, n_types: int, n_genes: int) -> np.ndarray:
    profiles = np.tile(rng.standard_normal(n_genes), (n_types, 1))
    n_markers = n_genes // (3 * n_types)
    markers = rng.permutation(n_genes)[: n_types * n_markers].reshape(n_types, n_markers)
    for k, genes in enumerate(markers):
        profiles[k, genes] += _MARKER_LOG_FOLD + 0.2 * rng.standard_normal(n_markers)
    return profiles


def _cells(rng, log_profiles, types, names, n_cells: int, prefix: str):
    import anndata
    import pandas as pd
    from scipy import sparse

    n_genes = log_profiles.shape[1]
    weights = 0.8 ** np.arange(len(types))
    drawn = rng.choice(types, n_cells - len(types), p=weights / weights.sum())
    y = rng.permutation(np.concatenate([types, drawn]))  # every type has a cell
    share = np.exp(log_profiles)
    share /= share.sum(axis=1, keepdims=True)
    library = _COUNTS_PER_GENE * n_genes * rng.lognormal(0, 0.3, n_cells)
    mean = library[:, None] * share[y]
    counts = rng.poisson(mean * rng.gamma(1 / _DISPERSION, _DISPERSION, mean.shape))
    genes = [f"{_FAMILIES[i % len(_FAMILIES)]}{i // len(_FAMILIES) + 1}" for i in range(n_genes)]
    obs = pd.DataFrame({"cell_type": pd.Categorical([names[k] for k in y])})
    obs.index = pd.Index([f"{prefix}_{_barcode(i + 1)}-1" for i in range(n_cells)], dtype=object)
    var = pd.DataFrame(index=pd.Index(genes, dtype=object))
    return anndata.AnnData(X=sparse.csr_matrix(counts.astype(np.float32)), obs=obs, var=var)


def _barcode(i: int) -> str:
    return "".join("ACGT"[i * 2654435761 % 2**32 >> 2 * d & 3] for d in range(16))


def pbmc(random_state: int = 0):
    """Scanpy's 700 real blood cells, in two halves with the same types.

    Parameters
    ----------
    random_state
        Seed of the split.

    Returns
    -------
    source, target
        AnnData of 350 cells x 765 genes each, log values (no counts are left of this dataset), the label in
        ``obs["bulk_labels"]``: from sorting, ten types of 240 to 8 cells, some of them close relatives.
    """
    import warnings

    import scanpy as sc

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the file is of an old format
        adata = sc.datasets.pbmc68k_reduced().raw.to_adata()
    label = adata.obs["bulk_labels"].cat.codes.to_numpy()
    shuffled = np.random.default_rng(random_state).permutation(adata.n_obs)
    by_type = shuffled[np.argsort(label[shuffled], kind="stable")]
    return adata[np.sort(by_type[::2])].copy(), adata[np.sort(by_type[1::2])].copy()


def pancreas(path=None, *, url: str = PANCREAS_URL, sha256: str | None = PANCREAS_SHA256):
    """Human pancreas, six technologies in nine batches, 16,382 cells; downloaded once (some 900 MB).

    The file of Open Problems in single-cell analysis, taken from the integration benchmark of Luecken et al. 2022
    (doi:10.1038/s41592-021-01336-8).

    Parameters
    ----------
    path
        Where the file is, or shall be kept; by default in the user's cache (``ITCLUST_CACHE``, else the system's).
    url
        Where to get it.
    sha256
        Its checksum. Where none is known, the first download is trusted, and its checksum logged, kept beside the
        file and verified from then on.

    Returns
    -------
    AnnData with counts in ``X`` (estimates for the full-length technologies: not all are integers), log values in
    ``layers["log_normalized"]``, ``obs["celltype"]`` and ``obs["tech"]`` (``celseq``, ``celseq2``, ``fluidigmc1``,
    ``inDrop1`` to ``inDrop4``, ``smarter``, ``smartseq2``).

    Examples
    --------
    >>> adata = pancreas()  # doctest: +SKIP
    >>> new = adata.obs["tech"] == "smartseq2"  # doctest: +SKIP
    >>> source, target = adata[~new].copy(), adata[new].copy()  # doctest: +SKIP
    """
    from itclust.download import cache_dir, fetch
    from itclust.io import read

    adata = read(fetch(url, path or cache_dir() / "pancreas.h5ad", sha256=sha256))
    if "counts" not in adata.layers:
        msg = f"the file from {url} is not the pancreas dataset: it has no layer 'counts'. Pass another url= or path=."
        raise ValueError(msg)
    adata.layers["log_normalized"] = adata.X
    adata.X = adata.layers.pop("counts")
    return adata
