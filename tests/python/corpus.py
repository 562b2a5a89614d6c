"""Small whole files of every format, for the fuzzer and the catalogue: 20 cells, 8 genes, all slots filled."""

from __future__ import annotations

import atexit
import functools
import gc
import gzip
import shutil
import subprocess
import tempfile
import warnings
from pathlib import Path

import numpy as np

CELLS = [f"AAACCTGAGAAAC{'ACGT'[i % 4]}{'ACGT'[i // 4 % 4]}{'ACGT'[i // 16]}-1" for i in range(20)]
GENES = ["CD3D", "LYZ", "MS4A1", "GNLY", "NKG7", "FTL", "RPL3", "MT-CO1"]
COUNTS = np.random.default_rng(0).poisson(0.8, (len(CELLS), len(GENES))).astype(np.float32)
TYPES = np.array(["B", "T", "NK"])[np.arange(len(CELLS)) % 3]


def copied(maker):
    """``maker``, which makes its files once and hands out copies of them from then on."""
    made = {}

    @functools.wraps(maker)
    def copy(folder: Path) -> Path | None:
        if not made:
            made["at"] = Path(tempfile.mkdtemp(prefix="itclust-corpus-"))
            atexit.register(shutil.rmtree, made["at"], ignore_errors=True)
            path = maker(made["at"])
            made["path"] = path and path.relative_to(made["at"])
        if made["path"] is None:
            return None
        shutil.copytree(made["at"], folder, dirs_exist_ok=True)
        return folder / made["path"]

    return copy


def make_corpus(folder: Path) -> dict[str, Path]:
    """Name of the format -> file or folder, of those that can be made here."""
    makers = {
        "h5ad": h5ad, "h5ad gzip": h5ad_gzip, "10x h5": tenx_h5, "10x h5 v2": tenx_h5_v2, "loom": loom,
        "mtx": mtx, "mtx gzip": mtx_gzip, "csv": csv, "tsv gzip": tsv_gzip, "zarr": zarr_folder, "zarr zip": zarr_zip,
        "model": model, "rds": rds,
    }  # fmt: skip
    made = {}
    for name, maker in makers.items():
        place = folder / name.replace(" ", "-")
        place.mkdir(parents=True)
        path = _forked(maker, place)
        if path is not None:
            made[name] = path
    return made


def adata():
    """All slots that a file of cells may have."""
    import anndata
    import pandas as pd
    from scipy import sparse

    obs = pd.DataFrame({"cell_type": pd.Categorical(TYPES), "n": np.arange(20), "note": ["a", "b"] * 10}, index=CELLS)
    obs["maybe"] = pd.array([1, None] * 10, dtype="Int64")
    var = pd.DataFrame({"high": [True, False] * 4}, index=GENES)
    layers = {"double": sparse.csc_matrix(2 * COUNTS), "dense": COUNTS + 1}
    made = anndata.AnnData(sparse.csr_matrix(COUNTS), obs, var, layers=layers, obsm={"X_pca": COUNTS[:, :2]})
    made.raw = made[:, :6].copy()
    made.obsp["near"] = sparse.csr_matrix(np.eye(20))
    made.uns["itclust"] = {"params": {"seed": 0, "names": ["a"]}, "clusters": pd.DataFrame({"label": ["B"]})}
    return made


@copied
def h5ad(folder: Path) -> Path:
    """AnnData, not compressed: damage reaches the numbers."""
    adata().write_h5ad(folder / "x.h5ad")
    return folder / "x.h5ad"


@copied
def h5ad_gzip(folder: Path) -> Path:
    """AnnData with a filter."""
    adata().write_h5ad(folder / "x.h5ad", compression="gzip")
    return folder / "x.h5ad"


@copied
def zarr_folder(folder: Path) -> Path | None:
    """AnnData as a folder of chunks."""
    try:
        import zarr  # noqa: F401
    except ImportError:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        gc.collect()  # as itclust.io does, and for its reason
        adata().write_zarr(folder / "x.zarr")
    return folder / "x.zarr"


@copied
def zarr_zip(folder: Path) -> Path | None:
    """The same in a zip."""
    made = zarr_folder(folder)
    return made and Path(shutil.make_archive(str(folder / "x.zarr"), "zip", made))


def tenx_h5(folder: Path, version: int = 3) -> Path:
    """10x HDF5."""
    import h5py
    from scipy import sparse

    x = sparse.csr_matrix(COUNTS.astype(np.int32))
    with h5py.File(folder / "x.h5", "w") as f:
        g = f.create_group("matrix" if version == 3 else "GRCh38")
        g["data"], g["indices"], g["indptr"] = x.data, x.indices.astype(np.int64), x.indptr.astype(np.int64)
        g["shape"], g["barcodes"] = np.array(x.shape[::-1], np.int32), np.array(CELLS, "S")
        names = {"genes": GENES, "gene_names": GENES}
        if version == 3:
            g, names = g.create_group("features"), {"id": GENES, "name": GENES, "feature_type": ["Gene Expression"] * 8}
        for key, values in names.items():
            g[key] = np.array(values, "S")
    return folder / "x.h5"


@copied
def tenx_h5_v2(folder: Path) -> Path:
    """10x HDF5 of Cell Ranger 2."""
    return tenx_h5(folder, 2)


@copied
def loom(folder: Path) -> Path:
    """loom, by its specification, with gzip as loompy writes it."""
    import h5py

    with h5py.File(folder / "x.loom", "w") as f:
        f.create_dataset("matrix", data=COUNTS.T, compression="gzip", chunks=(4, 10))
        f.create_dataset("layers/double", data=2 * COUNTS.T, compression="gzip")
        f["row_attrs/Gene"], f["col_attrs/CellID"] = GENES, CELLS
        f["col_attrs/cell_type"], f["col_attrs/n"] = TYPES.tolist(), np.arange(20)
    return folder / "x.loom"


@copied
def mtx(folder: Path) -> Path:
    """10x folder."""
    import scipy.io
    from scipy import sparse

    scipy.io.mmwrite(folder / "matrix.mtx", sparse.coo_matrix(COUNTS.T.astype(int)))
    (folder / "features.tsv").write_text("".join(f"ENSG{i:011d}\t{g}\tGene Expression\n" for i, g in enumerate(GENES)))
    (folder / "barcodes.tsv").write_text("".join(f"{c}\n" for c in CELLS))
    return folder


@copied
def mtx_gzip(folder: Path) -> Path:
    """10x folder, compressed."""
    for file in list(mtx(folder).iterdir()):
        (folder / f"{file.name}.gz").write_bytes(gzip.compress(file.read_bytes()))
        file.unlink()
    return folder


@copied
def csv(folder: Path) -> Path:
    """Table of cells x genes with a column of labels."""
    frame = adata().to_df()
    frame.insert(0, "cell_type", TYPES)
    frame.to_csv(folder / "x.csv")
    return folder / "x.csv"


@copied
def tsv_gzip(folder: Path) -> Path:
    """Table of genes x cells, compressed."""
    adata().to_df().T.to_csv(folder / "x.tsv.gz", sep="\t")
    return folder / "x.tsv.gz"


@copied
def model(folder: Path) -> Path:
    """A model file of today, from one of format 1."""
    import itclust

    itclust.ItClust.load(Path(__file__).parent / "data" / "format1-default.itclust").save(folder / "x.itclust")
    return folder / "x.itclust"


@copied
def rds(folder: Path) -> Path | None:
    """A sparse matrix of R, not compressed."""
    if not shutil.which("Rscript"):
        return None
    code = (
        f"m <- Matrix::rsparsematrix(8, 20, 0.4); dimnames(m) <- list(c({', '.join(map(repr, GENES))}),"
        f" c({', '.join(map(repr, CELLS))})); saveRDS(abs(m), 'x.rds', compress = FALSE)"
    )
    done = subprocess.run(["Rscript", "--vanilla", "-e", code], cwd=folder, capture_output=True, check=False)
    return folder / "x.rds" if done.returncode == 0 else None


def _forked(maker, folder: Path) -> Path | None:
    """In a child, so that no library has started a thread when the fuzzer forks."""
    import os

    receive, send = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(receive)
        tempfile.tempdir = str(folder.parent)  # nothing is tidied up at the end of this child
        code = 1
        try:
            os.write(send, str(maker(folder) or "").encode())
            code = 0
        finally:
            os._exit(code)
    os.close(send)
    with os.fdopen(receive) as pipe:
        text = pipe.read()
    _, status = os.waitpid(pid, 0)
    assert status == 0, f"{maker.__name__} failed"
    return Path(text) if text else None
