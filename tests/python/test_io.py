"""Every format, written by its own library where it has one, and every kind of damage; writes docs/formats.md."""

import gzip
import logging
import os
import re
import shutil
import subprocess
import warnings
from pathlib import Path

import anndata as ad
import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.io
from scipy import sparse

from itclust import io

GENES = ["MT-CO1", "RPL3", "CD3D", "LYZ", "MS4A1", "ENO1", "HLA-A", "GNLY", "NKG7", "S100A8", "FTL", "TUBB"]
CELLS = [f"{'ACGT'[i % 4]}AACCTGAGAAACC{'ACGT'[i // 4]}T-1" for i in range(15)]
RNG = np.random.default_rng(0)
COUNTS = RNG.poisson(0.4, (len(CELLS), len(GENES))).astype(np.float32)
TYPES = np.array(["B", "T", "NK", "été"])[np.arange(len(CELLS)) % 4]
IDS = [f"ENSG{i:011d}" for i in range(len(GENES))]
DOCS = Path(__file__).parents[2] / "docs" / "formats.md"
FOUND, SAID = {}, {}  # what the tests below measure; the last test makes the table of it


@pytest.fixture
def adata():
    obs = pd.DataFrame({"cell_type": pd.Categorical(TYPES)}, index=CELLS)
    var = pd.DataFrame({"gene_ids": IDS}, index=GENES)
    return ad.AnnData(sparse.csr_matrix(COUNTS), obs, var, layers={"double": sparse.csr_matrix(2 * COUNTS)})


# ---------------------------------------------------------------------------------------------------------- makers


def h5ad(folder, adata):
    adata.write_h5ad(folder / "x.h5ad")
    return folder / "x.h5ad"


def zarr_folder(folder, adata):
    pytest.importorskip("zarr")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        adata.write_zarr(folder / "x.zarr")
    return folder / "x.zarr"


def zarr_zip(folder, adata):
    made = zarr_folder(folder, adata)
    return Path(shutil.make_archive(str(made), "zip", made))


def tenx_h5(folder, adata, version=3, kinds=None, name="x.h5"):
    x = sparse.csr_matrix(COUNTS.astype(np.int32))
    with h5py.File(folder / name, "w") as f:
        g = f.create_group("matrix" if version == 3 else "GRCh38")
        g["data"], g["indices"], g["indptr"] = x.data, x.indices.astype(np.int64), x.indptr.astype(np.int64)
        g["shape"], g["barcodes"] = np.array(x.shape[::-1], np.int32), np.array(CELLS, "S")
        if version == 2:
            g["genes"], g["gene_names"] = np.array(IDS, "S"), np.array(GENES, "S")
        else:
            features = g.create_group("features")
            features["id"], features["name"] = np.array(IDS, "S"), np.array(GENES, "S")
            features["feature_type"] = np.array(kinds or ["Gene Expression"] * len(GENES), "S")
            features["genome"] = np.array(["GRCh38"] * len(GENES), "S")
    return folder / name


def tenx_h5_v2(folder, adata):
    return tenx_h5(folder, adata, version=2)


def tenx_folder(folder, adata, prefix="", gz=".gz", genes="features", cells=CELLS, transposed=False, noun="matrix"):
    x = sparse.coo_matrix((COUNTS if transposed else COUNTS.T).astype(int))
    put(folder / f"{prefix}{noun}.mtx{gz}", lambda f: scipy.io.mmwrite(f, x))
    rows = [[i, g] + ["Gene Expression"] * (genes == "features") for i, g in zip(IDS, GENES)]
    put(folder / f"{prefix}{genes}.tsv{gz}", lambda f: f.write("".join("\t".join(r) + "\n" for r in rows).encode()))
    put(folder / f"{prefix}barcodes.tsv{gz}", lambda f: f.write("".join(c + "\n" for c in cells).encode()))
    return folder


def tenx_folder_v2(folder, adata):
    return tenx_folder(folder, adata, gz="", genes="genes")


def tenx_prefix(folder, adata):
    tenx_folder(folder, adata, prefix="GSM1_donor_")
    tenx_folder(folder, adata, prefix="GSM2_donor_")
    return folder / "GSM1_"


def mtx_cells_by_genes(folder, adata):
    x = sparse.coo_matrix(COUNTS)
    scipy.io.mmwrite(folder / "counts.mtx", x)
    (folder / "counts_barcodes.txt").write_text("\n".join(CELLS) + "\n")
    (folder / "counts_genes.txt").write_text("gene\n" + "\n".join(GENES) + "\n")
    return folder / "counts.mtx"


def csv_cells_by_genes(folder, adata):
    frame = pd.concat([adata.obs, pd.DataFrame(COUNTS, CELLS, GENES)], axis=1)
    frame.to_csv(folder / "x.csv")
    return folder / "x.csv"


def tsv_genes_by_cells(folder, adata):
    frame = pd.DataFrame(COUNTS.T.astype(int), GENES, CELLS).astype(object)
    pd.concat([pd.DataFrame([TYPES], ["cell_type"], CELLS), frame]).to_csv(folder / "x.tsv.gz", sep="\t")
    return folder / "x.tsv.gz"


def csv_of_spreadsheet(folder, adata):
    frame = pd.DataFrame(COUNTS + 0.5, CELLS, GENES).where(COUNTS > 0, 0)
    frame.to_csv(folder / "x.csv", sep=";", decimal=",", encoding="utf-8-sig", lineterminator="\r\n")
    return folder / "x.csv"


def loom(folder, adata):
    loompy = pytest.importorskip("loompy")
    rows, columns = {"Gene": np.array(GENES), "Accession": np.array(IDS)}, {"CellID": np.array(CELLS)}
    layers = {"": COUNTS.T, "double": 2 * COUNTS.T}
    loompy.create(str(folder / "x.loom"), layers, rows, {**columns, "cell_type": TYPES, "n": np.arange(len(CELLS))})
    return folder / "x.loom"


def of_r(name):
    return lambda folder, adata: shutil.copy(folder.r / name, folder / name)


MAKERS = {
    "h5ad": ("h5ad", "anndata", h5ad),
    "zarr": ("zarr, folder", "anndata", zarr_folder),
    "zarr.zip": ("zarr, zip", "anndata", zarr_zip),
    "10x h5 v3": ("10x HDF5, version 3", "h5py, by 10x's layout", tenx_h5),
    "10x h5 v2": ("10x HDF5, version 2", "h5py, by 10x's layout", tenx_h5_v2),
    "10x v3": ("10x folder, version 3, gzip", "SciPy's mmwrite", tenx_folder),
    "10x v2": ("10x folder, version 2", "SciPy's mmwrite", tenx_folder_v2),
    "10x prefix": ("10x files with a prefix, two sets in a folder", "SciPy's mmwrite", tenx_prefix),
    "mtx": ("mtx of cells x genes, names with a header", "SciPy's mmwrite", mtx_cells_by_genes),
    "csv": ("csv of cells x genes, with a column of labels", "pandas", csv_cells_by_genes),
    "tsv": ("tsv.gz of genes x cells, with a row of labels", "pandas", tsv_genes_by_cells),
    "csv ;": ("csv of a spreadsheet: semicolons, decimal commas", "pandas", csv_of_spreadsheet),
    "r csv": ("csv of genes x cells", "R's write.csv", of_r("r.csv")),
    "r tsv": ("tsv of genes x cells, no corner", "R's write.table", of_r("r.tsv")),
    "loom": ("loom, with a layer", "loompy", loom),
    "rds sce": ("rds, SingleCellExperiment, one assay a DelayedMatrix", "R's saveRDS", of_r("sce.rds")),
    "rds seurat": ("rds, Seurat", "R's saveRDS", of_r("seurat.rds")),
    "rds matrix": ("rds, matrix, compressed by xz", "R's saveRDS", of_r("matrix.rds")),
}

R_SCRIPT = r"""
suppressPackageStartupMessages(library(SingleCellExperiment))
d <- commandArgs(TRUE)[1]
m <- as.matrix(read.csv(file.path(d, "counts.csv"), row.names = 1, check.names = FALSE))
types <- readLines(file.path(d, "types.txt"), encoding = "UTF-8")
s <- as(m, "dgCMatrix")
obs <- S4Vectors::DataFrame(cell_type = factor(types), text = ifelse(seq_along(types) == 1, NA, "a, \"b\""),
  number = seq_along(types) + 0.5, yes = seq_along(types) > 3, run = S4Vectors::Rle(rep(7L, length(types))))
sce <- SingleCellExperiment(list(logcounts = log1p(DelayedArray::DelayedArray(s)), counts = s), colData = obs,
  rowData = S4Vectors::DataFrame(gene_ids = readLines(file.path(d, "ids.txt"))),
  reducedDims = list(PCA = cbind(seq_len(ncol(m)), -seq_len(ncol(m)))))
altExp(sce, "ADT") <- SummarizedExperiment(list(counts = s[1:2, ]))
put <- function(x, name, ...) saveRDS(x, file.path(d, name), ...)
put(sce, "sce.rds")
storage.mode(m) <- "integer"
put(m, "matrix.rds", compress = "xz")
put(lm(dist ~ speed, cars), "lm.rds")
write.csv(m, file.path(d, "r.csv"))
write.table(m, file.path(d, "r.tsv"), sep = "\t", quote = FALSE)
if (requireNamespace("SeuratObject", quietly = TRUE)) {
  meta <- data.frame(cell_type = types, row.names = colnames(s))
  seurat <- SeuratObject::CreateSeuratObject(s, meta.data = meta)
  put(seurat, "seurat.rds")
  if (packageVersion("SeuratObject") >= "5") {
    parts <- SeuratObject::CreateAssay5Object(list(counts.A = s[1:9, 1:7], counts.B = s[4:12, 8:15], counts_raw = 9 * s))
    put(SeuratObject::CreateSeuratObject(parts), "split.rds")
  }
}
"""


@pytest.fixture(scope="session")
def r_folder(tmp_path_factory):
    """Files that R wrote, all in one run; None where R or its packages are missing."""
    folder = tmp_path_factory.mktemp("r")
    pd.DataFrame(COUNTS.T, GENES, CELLS).to_csv(folder / "counts.csv")
    (folder / "types.txt").write_text("\n".join(TYPES) + "\n", "utf-8")
    (folder / "ids.txt").write_text("\n".join(IDS) + "\n")
    (folder / "make.R").write_text(R_SCRIPT)
    if not shutil.which("Rscript"):
        return None
    env = {k: v for k, v in os.environ.items() if k != "LD_LIBRARY_PATH"}
    done = subprocess.run(["Rscript", folder / "make.R", folder], env=env, capture_output=True, text=True, check=False)
    if done.returncode and "there is no package" in done.stderr:
        return None
    assert not done.returncode, done.stderr
    return folder


class Folder(type(Path())):
    """A folder that knows where R's files are."""

    r: Path | None = None


def make(name, tmp_path, adata, request):
    folder = Folder(tmp_path)
    if "R's" in MAKERS[name][1]:
        folder.r = request.getfixturevalue("r_folder")
        if folder.r is None or (name == "rds seurat" and not (folder.r / "seurat.rds").exists()):
            pytest.skip("R, SingleCellExperiment or SeuratObject is not installed")
    return Path(MAKERS[name][2](folder, adata))


# ------------------------------------------------------------------------------------------------- what is read back


@pytest.mark.parametrize("name", MAKERS)
def test_format(name, tmp_path, adata, request):
    path = make(name, tmp_path, adata, request)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read = io.read(path)
    expected = np.where(COUNTS > 0, COUNTS + 0.5, 0) if name == "csv ;" else COUNTS
    np.testing.assert_array_equal(read.X.toarray(), expected)
    assert read.obs_names.tolist() == CELLS
    assert read.var_names.tolist() == GENES
    assert read.obs_names.dtype == read.var_names.dtype == object
    assert read.X.format == "csr"
    assert read.X.dtype == np.float32
    if name in ("h5ad", "csv", "tsv", "loom", "rds sce", "rds seurat"):
        assert read.obs["cell_type"].tolist() == TYPES.tolist()
    if name.startswith("10x") or name in ("h5ad", "rds sce"):
        assert read.var["gene_ids"].tolist() == IDS
    if name in ("h5ad", "zarr", "loom"):
        np.testing.assert_array_equal(read.layers["double"].toarray(), 2 * COUNTS)
    if name == "rds sce":
        check_columns_of_r(read)
    io.write(read, tmp_path / "again.h5ad")  # what was read can be kept
    slots = {"obs": read.obs, "var": read.var, "layers": read.layers, "obsm": read.obsm}
    kept = "; ".join(f"{slot}: {', '.join(s)}" for slot, s in slots.items() if len(list(s)))
    FOUND[name] = (*MAKERS[name][:2], f"{read.n_obs} x {read.n_vars}, {read.X.format} {read.X.dtype}", kept or "names")


def check_columns_of_r(read):
    assert read.obs["text"].tolist()[1:] == ['a, "b"'] * (len(CELLS) - 1)
    assert read.obs["text"].isna().tolist() == [True] + [False] * (len(CELLS) - 1)
    assert read.obs["number"].tolist() == [i + 1.5 for i in range(len(CELLS))]
    assert read.obs["yes"].tolist() == [i > 2 for i in range(len(CELLS))]
    assert read.obs["run"].tolist() == [7] * len(CELLS)
    np.testing.assert_array_equal(read.obsm["X_pca"], [[i + 1, -i - 1] for i in range(len(CELLS))])
    np.testing.assert_allclose(read.layers["logcounts"].toarray(), np.log1p(COUNTS), rtol=1e-6)


@pytest.mark.parametrize("name", ["h5ad", "zarr", "zarr.zip"])
def test_backed_leaves_x_on_disk(name, tmp_path, adata, request):
    read = io.read(make(name, tmp_path, adata, request), backed=True)
    assert not sparse.issparse(read.X) and not isinstance(read.X, np.ndarray)
    np.testing.assert_array_equal(read.X[3:7].toarray(), COUNTS[3:7])
    np.testing.assert_array_equal(read[2:4].to_memory().X.toarray(), COUNTS[2:4])


def test_content_decides_not_the_name(tmp_path, adata):
    for maker, name in ((h5ad, "a.h5"), (tenx_h5, "b.h5ad"), (csv_cells_by_genes, "c.txt"), (csv_cells_by_genes, "d")):
        made = maker(tmp_path, adata).rename(tmp_path / name)
        np.testing.assert_array_equal(io.read(made).X.toarray(), COUNTS)


def test_other_features_are_left_and_said(tmp_path, adata, caplog):
    kinds = ["Gene Expression"] * 10 + ["Antibody Capture"] * 2
    with caplog.at_level(logging.INFO, "itclust"):
        read = io.read(tenx_h5(tmp_path, adata, kinds=kinds))
    assert read.var_names.tolist() == GENES[:10]
    assert "left 2 Antibody Capture" in caplog.text


@pytest.mark.parametrize("by_genes", [True, False])
@pytest.mark.parametrize("kind", ["gene", "ensembl", "unknown"])
def test_orientation_of_a_table(kind, by_genes, tmp_path, caplog):
    genes = {"gene": GENES, "ensembl": IDS, "unknown": [f"u{i}" for i in range(len(GENES))]}[kind]
    cells = CELLS if kind != "unknown" else [f"v{i}" for i in range(len(CELLS))]
    frame = pd.DataFrame(COUNTS, cells, genes)
    (frame.T if by_genes else frame).to_csv(tmp_path / "x.csv")
    with caplog.at_level(logging.INFO, "itclust"):
        read = io.read(tmp_path / "x.csv")
    if kind == "unknown":
        assert read.shape == (frame.T if by_genes else frame).shape
        assert "itclust.read(path).T" in caplog.text
    else:
        assert read.obs_names.tolist() == cells
        assert f"rows are {'genes' if by_genes else 'cells'}" in caplog.text


def test_columns_of_cells_show_the_orientation_and_are_not_genes(tmp_path):
    frame = pd.DataFrame(COUNTS, [f"v{i}" for i in range(len(CELLS))], [f"u{i}" for i in range(len(GENES))])
    frame.insert(3, "n_counts", COUNTS.sum(axis=1))
    frame.to_csv(tmp_path / "x.csv")
    read = io.read(tmp_path / "x.csv")
    assert read.obs["n_counts"].tolist() == COUNTS.sum(axis=1).tolist()
    np.testing.assert_array_equal(read.X.toarray(), COUNTS)


@pytest.mark.parametrize(("corner", "named"), [("", True), ("sample_id", True), ("CD3D", False), ("cell_type", False)])
def test_first_column_of_a_table(corner, named, tmp_path):
    first = TYPES if corner == "cell_type" else np.arange(100, 100 + len(CELLS))
    genes = [g for g in GENES if g != "CD3D"]
    frame = pd.DataFrame(COUNTS[:, : len(genes)], columns=genes)
    frame.insert(0, corner, first)
    frame.to_csv(tmp_path / "x.csv", index=False)
    read = io.read(tmp_path / "x.csv")
    assert read.obs_names.tolist() == [str(v) for v in (first if named else range(len(CELLS)))]
    assert read.var_names.tolist() == (["CD3D", *genes] if corner == "CD3D" else genes)
    assert read.obs.columns.tolist() == (["cell_type"] if corner == "cell_type" else [])


def test_a_table_in_blocks_is_the_same(tmp_path, monkeypatch, adata):
    from itclust.io import tables

    monkeypatch.setattr(tables, "_VALUES_AT_ONCE", 3 * len(GENES))
    for name in ("csv", "tsv"):
        np.testing.assert_array_equal(io.read(MAKERS[name][2](tmp_path, adata)).X.toarray(), COUNTS)


def test_a_dense_table_stays_dense(tmp_path):
    pd.DataFrame(COUNTS + 1, CELLS, GENES).to_csv(tmp_path / "x.csv")
    read = io.read(tmp_path / "x.csv")
    assert isinstance(read.X, np.ndarray)
    np.testing.assert_array_equal(read.X, COUNTS + 1)


def test_real_names_are_recognised_both_ways(shared_data):
    from itclust.io.orientation import rows_are_cells

    files = sorted(shared_data.glob("*.h5ad"))
    assert files
    for file in files:
        real = ad.read_h5ad(file, backed="r")
        assert rows_are_cells(list(real.obs_names), list(real.var_names)) is True, file.name
        assert rows_are_cells(list(real.var_names), list(real.obs_names)) is False, file.name


def test_repeated_names(tmp_path, adata):
    adata.obs_names = [CELLS[0], *CELLS[:-1]]
    adata.var_names = [GENES[0], *GENES[:-1]]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        adata.write_h5ad(tmp_path / "x.h5ad")
    with pytest.warns(UserWarning, match="1 cell names repeat") as caught:
        read = io.read(tmp_path / "x.h5ad")
    assert len(caught) == 1
    assert read.obs_names.is_unique
    assert read.var_names.tolist() == [GENES[0], *GENES[:-1]]
    np.testing.assert_array_equal(read.X.toarray(), COUNTS)
    SAID["cell names that repeat"] = ("warning", str(caught[0].message).replace(str(tmp_path) + os.sep, ""))


def test_repeated_genes_of_a_table_keep_their_names(tmp_path):
    genes = [GENES[0], *GENES[:-1]]
    pd.DataFrame(COUNTS, CELLS, genes).to_csv(tmp_path / "x.csv")
    assert io.read(tmp_path / "x.csv").var_names.tolist() == genes


def test_a_transposed_h5ad_is_said(tmp_path, adata):
    adata.T.write_h5ad(tmp_path / "x.h5ad")
    with pytest.warns(UserWarning, match="transposed") as caught:
        read = io.read(tmp_path / "x.h5ad")
    assert read.obs_names.tolist() == GENES  # as the file has it
    SAID["h5ad of genes x cells"] = ("warning", str(caught[0].message).replace(str(tmp_path) + os.sep, ""))


# ---------------------------------------------------------------------------------------------------- what is broken


def put(path, write):
    with gzip.GzipFile(path, "wb", mtime=0) if path.suffix == ".gz" else path.open("wb") as file:
        write(file)
    return path


def cut(path, share=0.6):
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    return path


def text(folder, name, content):
    return put(folder / name, lambda f: f.write(content.encode()))


def h5_of(folder, name, **groups):
    with h5py.File(folder / name, "w") as f:
        for key, value in groups.items():
            f[key] = value
    return folder / name


def damaged_inside(folder, adata):
    path = h5ad(folder, adata)
    with h5py.File(path, "a") as f:
        del f["X"]["indptr"]
    return path


def short_barcodes_h5(folder, adata):
    path = tenx_h5(folder, adata)
    with h5py.File(path, "a") as f:
        del f["matrix/barcodes"]
        f["matrix/barcodes"] = np.array(CELLS[:-1], "S")
    return path


def loom_of_wrong_shape(folder, adata):
    return h5_of(folder, "x.loom", matrix=COUNTS.T, **{"row_attrs/Gene": GENES, "col_attrs/CellID": CELLS[:-1]})


def without_barcodes(folder, adata):
    tenx_folder(folder, adata)
    (folder / "barcodes.tsv.gz").unlink()
    return folder


def lfs(folder, adata):
    return text(folder, "x.h5ad", "version https://git-lfs.github.com/spec/v1\noid sha256:0\n")


def packed(folder, adata, kind):
    (folder / "in").mkdir()
    return Path(shutil.make_archive(str(folder / "x"), kind, tenx_folder(folder / "in", adata)))


def other_folder(folder, adata):
    (folder / "outs" / "filtered").mkdir(parents=True)
    tenx_folder(folder / "outs" / "filtered", adata)
    return folder / "outs"


def csv_with_a_word(folder, adata):
    frame = pd.DataFrame(COUNTS, CELLS, GENES).astype(object)
    frame.iloc[7, 3] = "many"
    frame.to_csv(folder / "x.csv")
    return folder / "x.csv"


BROKEN = {
    "no such file": lambda d, a: (h5ad(d, a), d / "x.h5da")[1],
    "no such folder": lambda d, a: d / "there" / "x.h5ad",
    "empty file": lambda d, a: text(d, "x.h5ad", ""),
    "h5ad cut short": lambda d, a: cut(h5ad(d, a)),
    "h5ad with a part missing": damaged_inside,
    "h5ad that is a pointer of git-lfs": lfs,
    "other HDF5": lambda d, a: h5_of(d, "x.h5", assays=[1], reductions=[2]),
    "gzipped h5ad": lambda d, a: put(d / "x.h5ad.gz", lambda f: f.write(h5ad(d, a).read_bytes())),
    "zip of something else": lambda d, a: packed(d, a, "zip"),
    "10x h5, a barcode too few": short_barcodes_h5,
    "10x h5, no genes": lambda d, a: tenx_h5(d, a, kinds=["Peaks"] * len(GENES)),
    "10x folder, a barcode too few": lambda d, a: tenx_folder(d, a, cells=CELLS[:-1]),
    "10x folder without barcodes": without_barcodes,
    "mtx without gene names": lambda d, a: (mtx_cells_by_genes(d, a), (d / "counts_genes.txt").unlink())[0],
    "10x folder, two sets": lambda d, a: tenx_prefix(d, a).parent,
    "10x folder one level up": other_folder,
    "10x barcodes file alone": lambda d, a: tenx_folder(d, a, gz="") / "features.tsv",
    "mtx cut short": lambda d, a: cut(tenx_folder(d, a, gz="") / "matrix.mtx"),
    "mtx.gz cut short": lambda d, a: cut(tenx_folder(d, a) / "matrix.mtx.gz"),
    "tar archive": lambda d, a: packed(d, a, "gztar"),
    "csv of words": lambda d, a: text(d, "x.csv", "cell,cell_type\nc1,B\nc2,T\n"),
    "csv of one line": lambda d, a: text(d, "x.csv", "cell,CD3D,LYZ\n"),
    "csv without names": lambda d, a: text(d, "x.csv", "1,2,3\n4,5,6\n7,8,9\n"),
    "csv cut short": lambda d, a: cut(csv_cells_by_genes(d, a), 0.97),
    "csv with a word among numbers": csv_with_a_word,
    "csv.gz cut short": lambda d, a: cut(tsv_genes_by_cells(d, a), 0.8),
    "loom of wrong shape": loom_of_wrong_shape,
    "picture": lambda d, a: put(d / "x.png", lambda f: f.write(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")),
    "RData": lambda d, a: put(d / "x.rds", lambda f: f.write(b"RDX3\nX\n\0\0\0\3")),
    "rds cut short": lambda d, a: cut(Path(of_r("sce.rds")(d, a))),
    "rds of a linear model": of_r("lm.rds"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_file_gets_one_clear_line(name, tmp_path, adata, request):
    folder = Folder(tmp_path)
    if name.startswith("rds"):
        folder.r = request.getfixturevalue("r_folder")
        if folder.r is None:
            pytest.skip("R or SingleCellExperiment is not installed")
    path = BROKEN[name](folder, adata)
    with pytest.raises((io.Unreadable, FileNotFoundError)) as caught:
        io.read(path)
    message = str(caught.value)
    assert "\n" not in message
    assert str(path.parent) in message or str(path) in message
    message = message.replace(str(tmp_path) + os.sep, "").replace(str(tmp_path), "folder")
    SAID[name] = (caught.type.__name__, re.sub(r"\w+Error: .*?(?=\. Get it again)", "...", message))


@pytest.mark.parametrize("seed", range(8))  # more of it: fuzz.py
def test_random_damage_never_passes_as_another_error(seed, tmp_path, adata):
    rng = np.random.default_rng(seed)
    for maker in (h5ad, tenx_h5, tenx_folder, csv_cells_by_genes):
        folder = tmp_path / maker.__name__
        folder.mkdir()
        path = maker(folder, adata)
        file = path / "matrix.mtx.gz" if path.is_dir() else path
        content = bytearray(file.read_bytes())
        at = rng.integers(len(content), size=20)
        content[slice(*sorted(at[:2]))] = rng.integers(256, size=abs(at[0] - at[1])).astype(np.uint8).tobytes()
        file.write_bytes(content)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                io.read(path)
            except io.Unreadable:
                pass


def test_backed_is_refused_where_it_cannot_be(tmp_path, adata):
    with pytest.raises(ValueError, match="backed=True reads h5ad and zarr"):
        io.read(tenx_h5(tmp_path, adata), backed=True)


def test_rds_without_r(tmp_path, monkeypatch):
    monkeypatch.delenv("R_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="needs R"):
        io.read(put(tmp_path / "x.rds", lambda f: f.write(b"X\n\0\0\0\3")))


def test_split_layers_of_seurat_5_are_joined(tmp_path, r_folder):
    if r_folder is None or not (r_folder / "split.rds").exists():
        pytest.skip("R has no SeuratObject of version 5")
    read = io.read(r_folder / "split.rds")[CELLS, GENES]
    expected = COUNTS.copy()  # genes that a layer lacks are zero in its cells; counts_raw is another layer
    expected[:7, 9:] = expected[7:, :3] = 0
    np.testing.assert_array_equal(read.X.toarray(), expected)


def test_rds_from_inside_another_r(tmp_path, adata, request, monkeypatch):
    path = make("rds matrix", tmp_path, adata, request)
    for library in ("libR.so", "libpcre2-8.so.0", "libz.so.1", "liblzma.so.5"):
        (tmp_path / library).write_text("a library of the other R")
    monkeypatch.setenv("LD_LIBRARY_PATH", str(tmp_path))
    monkeypatch.setenv("R_HOME", str(tmp_path))
    np.testing.assert_array_equal(io.read(path).X.toarray(), COUNTS)


def test_rds_without_the_package(tmp_path, adata, request, monkeypatch):
    path = make("rds seurat", tmp_path, adata, request)
    for variable in ("R_LIBS", "R_LIBS_SITE", "R_LIBS_USER"):
        monkeypatch.setenv(variable, str(tmp_path))
    if subprocess.run(["Rscript", "-e", "SeuratObject::Layers"], capture_output=True, check=False).returncode == 0:
        pytest.skip("this R has SeuratObject in its own library")
    with pytest.raises(io.Unreadable, match="R lacks the package SeuratObject"):
        io.read(path)


# ------------------------------------------------------------------------------------------------------- the table


def table_of_formats():
    lines = [
        "# Formats",
        "",
        "`itclust.read(path)` and the command line recognise these by content, whatever the file is called, and say",
        "what they recognised in a log line. `X` is always cells x genes. This page is written by `tests/python/test_io.py`",
        "(`ITCLUST_WRITE_DOCS=1`): each row is a file that the test made with the named tool, read, and found equal.",
        "",
        "| format | written by | read as | kept beside the names |",
        "|---|---|---|---|",
        *(f"| {' | '.join(FOUND[name])} |" for name in MAKERS if name in FOUND),
        "",
        "## What is said of broken files",
        "",
        "| file | kind | message |",
        "|---|---|---|",
        *(f"| {name} | `{kind}` | {message} |" for name, (kind, message) in sorted(SAID.items())),
        "",
    ]
    return "\n".join(lines).replace(" x ", " × ")


def test_table_of_formats():
    if os.environ.get("ITCLUST_WRITE_DOCS"):
        assert set(FOUND) == set(MAKERS), "run the whole file, where every format can be made"
        DOCS.parent.mkdir(exist_ok=True)
        DOCS.write_text(table_of_formats(), "utf-8")
    if not FOUND:
        pytest.skip("run the whole file")
    written = DOCS.read_text("utf-8")
    if set(FOUND) == set(MAKERS) and set(SAID) > set(BROKEN):
        assert table_of_formats() == written
    else:  # without R or loompy, or a part of this file: what was found must stand there
        assert [row for row in table_of_formats().splitlines() if row not in written.splitlines()] == []
