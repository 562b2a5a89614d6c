"""Recognising values, matching genes, normalising; sparse == dense."""

import numpy as np
import pytest
import scipy.sparse as sp

from itclust import preprocess
from itclust.preprocess import Expression


@pytest.fixture
def counts():
    return np.random.default_rng(0).poisson(1.0, (30, 40)).astype("f4")


@pytest.fixture
def genes():
    return np.array([f"G{i}" for i in range(40)])


def log_values(counts, base):
    scaled = counts / counts.sum(1, keepdims=True) * 1e4
    return np.log1p(scaled) / np.log(base)


def test_kinds_are_recognised(counts):
    assert preprocess.recognise(sp.csr_matrix(counts)) == "counts"
    assert preprocess.recognise(sp.csr_matrix(log_values(counts, np.e).astype("f4"))) == "log"
    assert preprocess.recognise(sp.csr_matrix(counts / counts.sum(1, keepdims=True) * 1e6)) == "linear"


@pytest.mark.parametrize("base", ["e", "2"])
def test_log_values_of_both_bases_give_back_the_proportions(counts, genes, base):
    values = log_values(counts, np.e if base == "e" else 2).astype("f4")
    assert preprocess.log_base(sp.csr_matrix(values)) == base
    x = preprocess.expression(values, genes).x.toarray()
    np.testing.assert_allclose(x / x.sum(1, keepdims=True), counts / counts.sum(1, keepdims=True), rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_matrix, sp.csc_matrix, sp.csr_array, sp.coo_matrix])
def test_every_kind_of_matrix_gives_the_same(counts, genes, kind):
    for dtype in ("f4", "f8", "i8"):
        x = preprocess.expression(kind(counts.astype(dtype)), genes).x
        np.testing.assert_array_equal(x.toarray(), counts)
        assert x.dtype == np.float32


def test_dask_and_backed_are_read_in_chunks(counts, genes, tmp_path, monkeypatch):
    import anndata as ad

    monkeypatch.setattr(preprocess, "CHUNK", 7)
    ad.AnnData(sp.csr_matrix(counts)).write_h5ad(tmp_path / "x.h5ad")
    backed = ad.read_h5ad(tmp_path / "x.h5ad", backed="r")
    np.testing.assert_array_equal(preprocess.as_csr(backed.X).toarray(), counts)
    da = pytest.importorskip("dask.array")
    np.testing.assert_array_equal(preprocess.as_csr(da.from_array(counts, chunks=(5, 40))).toarray(), counts)


def test_the_users_matrix_is_copied(counts, genes):
    x = sp.csr_matrix(counts)
    before = x.data.copy()
    preprocess.expression(x, genes, values="log").x.data[:] = -1
    np.testing.assert_array_equal(x.data, before)


def test_lognorm_is_log1p_of_counts_per_10000(counts):
    expected = np.log1p(counts / counts.sum(1, keepdims=True) * 1e4)
    np.testing.assert_allclose(preprocess.lognorm(sp.csr_matrix(counts)).toarray(), expected, rtol=1e-5)
    counts[3] = 0
    assert not preprocess.lognorm(sp.csr_matrix(counts)).toarray()[3].any()


def test_duplicates_are_summed_for_counts_and_first_for_log(counts, genes):
    genes[5] = "G2"
    with pytest.warns(UserWarning, match="1 gene names of the source are duplicates; their values are summed"):
        x = preprocess.expression(counts, genes)
    np.testing.assert_array_equal(x.take(["G2"]).x.toarray().ravel(), counts[:, 2] + counts[:, 5])
    values = log_values(counts, np.e)
    with pytest.warns(UserWarning, match="the first of each is kept"):
        y = preprocess.expression(values, genes)
    np.testing.assert_allclose(y.take(["G2"]).x.toarray().ravel(), np.expm1(values[:, 2]), rtol=1e-4, atol=1e-4)


def test_take_orders_and_fills(counts, genes):
    x = Expression(sp.csr_matrix(counts), genes).take(["G7", "absent", "G1"]).x.toarray()
    np.testing.assert_array_equal(x, np.column_stack([counts[:, 7], np.zeros(30), counts[:, 1]]))


def test_genes_match_in_upper_case_and_without_versions(counts, genes, caplog):
    x = sp.csr_matrix(counts)
    lower = Expression(x, np.array([g.lower() for g in genes]))
    with caplog.at_level("INFO", "itclust"):
        a, b = preprocess.match_genes(lower, Expression(x, genes))
    assert list(a.genes) == list(b.genes) and "upper case: 40" in caplog.text
    ids = np.array([f"ENSG{i:011d}" for i in range(40)])
    versions = np.array([f"{g}.{i % 5 + 1}" for i, g in enumerate(ids)])
    a, b = preprocess.match_genes(Expression(x, ids), Expression(x, versions))
    assert list(b.genes) == list(ids)


def test_exact_names_stay_where_half_of_them_match(counts, genes):
    names = genes.copy()
    names[:15] = [g.lower() for g in names[:15]]
    a, _ = preprocess.match_genes(Expression(sp.csr_matrix(counts), names), Expression(sp.csr_matrix(counts), genes))
    assert list(a.genes) == list(names)


def test_indices_are_sorted_whatever_the_order_of_genes(counts, genes):
    """Matrices that share indices are made of these; sorting one would move the others' values."""
    rng = np.random.default_rng(0)
    order = rng.permutation(len(genes))
    taken = Expression(sp.csr_matrix(counts, dtype="f4"), genes).take(genes[order])
    joined = preprocess.join([taken, Expression(sp.csr_matrix(counts, dtype="f4"), genes)])
    for x in (taken.x, joined.x, preprocess.lognorm(joined.x)):
        assert all((np.diff(x.indices[a:b]) > 0).all() for a, b in zip(x.indptr[:-1], x.indptr[1:]))
    np.testing.assert_array_equal(taken.x.toarray(), np.asarray(counts)[:, order])
