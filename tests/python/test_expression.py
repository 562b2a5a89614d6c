"""Recognising values, matching genes, normalising; sparse == dense."""

import numpy as np
import pytest
import scipy.sparse as sp

from itclust.data import expression as values_of
from itclust.data import matching, matrices
from itclust.data.expression import Expression
from itclust.numerics.moments import lognorm


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
    assert matrices.recognise(sp.csr_matrix(counts)) == "counts"
    assert matrices.recognise(sp.csr_matrix(log_values(counts, np.e).astype("f4"))) == "log"
    assert matrices.recognise(sp.csr_matrix(counts / counts.sum(1, keepdims=True) * 1e6)) == "linear"


@pytest.mark.parametrize("base", ["e", "2"])
def test_log_values_of_both_bases_give_back_the_proportions(counts, genes, base):
    values = log_values(counts, np.e if base == "e" else 2).astype("f4")
    assert matrices.log_base(sp.csr_matrix(values)) == base
    x = values_of.expression(values, genes).whole().toarray()
    np.testing.assert_allclose(x / x.sum(1, keepdims=True), counts / counts.sum(1, keepdims=True), rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_matrix, sp.csc_matrix, sp.csr_array, sp.coo_matrix])
def test_every_kind_of_matrix_gives_the_same(counts, genes, kind):
    for dtype in ("f4", "f8", "i8"):
        x = values_of.expression(kind(counts.astype(dtype)), genes).whole()
        np.testing.assert_array_equal(x.toarray(), counts)
        assert x.dtype == np.float32


def test_dask_and_backed_are_read_in_chunks(counts, genes, tmp_path, monkeypatch):
    import anndata as ad

    monkeypatch.setattr(values_of, "CHUNK", 7)
    ad.AnnData(sp.csr_matrix(counts)).write_h5ad(tmp_path / "x.h5ad")
    backed = ad.read_h5ad(tmp_path / "x.h5ad", backed="r")
    da = pytest.importorskip("dask.array")
    rows = np.array([0, 3, 6, 7, 21, 29])
    for matrix in (backed.X, da.from_array(counts, chunks=(5, 40))):
        x = values_of.expression(matrix, genes)
        assert not matrices.in_memory(x.matrix)
        np.testing.assert_array_equal(x.whole().toarray(), counts)
        np.testing.assert_array_equal(x.cells(rows).over(genes[::-1]).whole().toarray(), counts[rows][:, ::-1])
        assert [len(c.toarray()) for c in x.cells(rows).chunks()] == [3, 1, 1, 1]
        held = x.cells(rows).held()  # read once, then walked as if it had always been in memory
        assert [len(c.toarray()) for c in held.chunks()] == [6] == [len(c.toarray()) for c in held.held().chunks()]
        np.testing.assert_array_equal(held.whole().toarray(), counts[rows])


def test_on_disk_few_slices_are_held_at_a_time(counts, genes, monkeypatch):
    monkeypatch.setattr(values_of, "ANSWERED", 3)

    class Disk:
        shape, most, alive = counts.shape, 0, 0

        def __getitem__(self, rows):
            Disk.alive += 1
            Disk.most = max(Disk.most, Disk.alive)
            return sp.csr_matrix(counts[rows])

    seen = []
    for answer in Expression(Disk(), genes).answers(lambda x, y: x.sum(1) + y[:, None], np.arange(30)):
        seen.append(np.asarray(answer).ravel())
        Disk.alive -= 1
    np.testing.assert_array_equal(np.concatenate(seen), counts.sum(1) + np.arange(30))
    assert Disk.most <= 5  # two that are answered, one that waits, one read ahead and the next


def test_a_matrix_on_disk_is_walked_once_and_what_was_drawn_is_not_read_again(counts, genes):
    class Disk:
        shape, read = counts.shape, 0

        def __getitem__(self, rows):
            part = sp.csr_matrix(counts[rows])
            Disk.read += part.shape[0]
            return part

    drawn = np.array([1, 8, 29])
    x = values_of.expression(Disk(), genes, draw=drawn)
    assert Disk.read == 30
    np.testing.assert_array_equal(x.over(genes[::-1]).some(drawn).toarray(), counts[drawn][:, ::-1])
    assert Disk.read == 30
    np.testing.assert_array_equal(x.some(np.array([2, 3])).toarray(), counts[[2, 3]])
    assert Disk.read == 60 and x.cells(np.array([1, 8])).drawn is None


def test_an_index_that_leads_out_of_a_matrix_on_disk_is_refused(counts, genes):
    class Disk:
        shape = counts.shape

        def __getitem__(self, rows):
            part = sp.csr_matrix(counts[rows])
            part.indices[-1] = 2**20
            return part

    with pytest.raises(ValueError, match="damaged: its sparse matrix has the index 1048576, and 40 columns"):
        values_of.expression(Disk(), genes)


def test_columns_are_chosen_as_by_a_product(counts):
    x = sp.csr_matrix(counts)
    alone = sp.csr_matrix((np.ones(5, np.float32), ([30, 2, 17, 9, 4], [0, 3, 1, 4, 6])), (40, 8))
    summed = sp.csr_matrix((np.ones(3, np.float32), ([30, 2, 17], [0, 1, 1])), (40, 3))
    for pick in (alone, summed, sp.csr_matrix((40, 3), dtype=np.float32)):
        found = matrices.chosen(x, pick)
        np.testing.assert_array_equal(found.toarray(), counts @ pick.toarray())
        assert found.has_sorted_indices


def test_the_users_matrix_is_shared_and_never_changed(counts, genes):
    x = sp.csr_matrix(counts)
    before = (x.data.copy(), x.indices.copy(), x.indptr.copy())
    of_log, of_counts = (values_of.expression(x, genes, values=kind) for kind in ("log", "counts"))
    assert np.shares_memory(of_counts.matrix.data, x.data)
    for values in (of_log, of_counts, of_counts.over(genes[::-1]), of_counts.cells(np.arange(3))):
        values.whole(), values.logged().whole(), values.some(np.arange(2))
    for now, then in zip((x.data, x.indices, x.indptr), before):
        np.testing.assert_array_equal(now, then)


def test_any_storage_of_the_same_values_is_the_same_to_the_bit(counts, genes):
    """Stored zeros, duplicates, unsorted indices: today's answer hung on the first of them."""
    x = sp.csr_matrix(counts)
    zeros = sp.csr_matrix((counts.ravel(), np.tile(np.arange(40), 30), np.arange(31) * 40), counts.shape)
    twice = sp.csr_matrix((np.repeat(x.data / 2, 2), np.repeat(x.indices, 2), x.indptr * 2), counts.shape)
    unsorted = x[:, ::-1][:, ::-1]
    unsorted.indices, unsorted.data = unsorted.indices.copy(), unsorted.data.copy()
    for a, b in zip(unsorted.indptr[:-1], unsorted.indptr[1:]):
        unsorted.indices[a:b], unsorted.data[a:b] = unsorted.indices[a:b][::-1].copy(), unsorted.data[a:b][::-1].copy()
    unsorted.has_sorted_indices = False
    expected = values_of.expression(x, genes).logged().whole()
    for other in (zeros, twice, unsorted, counts, x.astype("f8"), x.astype("i4"), x.tocsc()):
        found = values_of.expression(other, genes).logged().whole()
        for part in ("data", "indices", "indptr"):
            np.testing.assert_array_equal(getattr(found, part), getattr(expected, part))


def test_chunks_are_the_whole(counts, genes, monkeypatch):
    genes[5] = "G2"
    with pytest.warns(UserWarning, match="duplicate"):
        x = values_of.expression(counts, genes).over(["G9", "G2", "none"]).cells(np.arange(30) % 4 > 0)
    whole, logged = x.whole().toarray(), x.logged().whole().toarray()
    monkeypatch.setattr(values_of, "CHUNK", 4)
    np.testing.assert_array_equal(sp.vstack(list(x.chunks(4))).toarray(), whole)
    again = x.logged()
    assert len(list(again)) == 6
    np.testing.assert_array_equal(again.whole().toarray(), logged)
    np.testing.assert_array_equal(again.over([1]).toarray()[:, 0], logged[:, 1])
    np.testing.assert_array_equal(whole[:, 1], (counts[:, 2] + counts[:, 5])[np.arange(30) % 4 > 0])


def test_lognorm_is_log1p_of_counts_per_10000(counts):
    expected = np.log1p(counts / counts.sum(1, keepdims=True) * 1e4)
    np.testing.assert_allclose(lognorm(sp.csr_matrix(counts)).toarray(), expected, rtol=1e-5)
    counts[3] = 0
    assert not lognorm(sp.csr_matrix(counts)).toarray()[3].any()


def test_duplicates_are_summed_for_counts_and_first_for_log(counts, genes):
    genes[5] = "G2"
    with pytest.warns(UserWarning, match="1 gene name of source is a duplicate; their values are summed"):
        x = values_of.expression(counts, genes)
    np.testing.assert_array_equal(x.over(["G2"]).whole().toarray().ravel(), counts[:, 2] + counts[:, 5])
    values = log_values(counts, np.e)
    with pytest.warns(UserWarning, match="the first of each is kept"):
        y = values_of.expression(values, genes)
    np.testing.assert_allclose(y.over(["G2"]).whole().toarray().ravel(), np.expm1(values[:, 2]), rtol=1e-4, atol=1e-4)


def test_over_orders_and_fills(counts, genes):
    x = Expression(sp.csr_matrix(counts), genes).over(["G7", "absent", "G1"]).whole().toarray()
    np.testing.assert_array_equal(x, np.column_stack([counts[:, 7], np.zeros(30), counts[:, 1]]))


def test_genes_match_in_upper_case_and_without_versions(counts, genes, caplog):
    x = sp.csr_matrix(counts)
    lower = Expression(x, np.array([g.lower() for g in genes]))
    with caplog.at_level("INFO", "itclust"):
        a, b = matching.match_genes(lower, Expression(x, genes), 50)
    assert list(a.genes) == list(b.genes) and "upper case: 40" in caplog.text
    ids = np.array([f"ENSG{i:011d}" for i in range(40)])
    versions = np.array([f"{g}.{i % 5 + 1}" for i, g in enumerate(ids)])
    a, b = matching.match_genes(Expression(x, ids), Expression(x, versions), 50)
    assert list(b.genes) == list(ids)


def test_exact_names_stay_where_half_of_them_match(counts, genes):
    names = genes.copy()
    names[:15] = [g.lower() for g in names[:15]]
    x = sp.csr_matrix(counts)
    a, _ = matching.match_genes(Expression(x, names), Expression(x, genes), 50)
    assert list(a.genes) == list(names)


def test_indices_are_sorted_whatever_the_order_of_genes(counts, genes):
    """Matrices that share indices are made of these; sorting one would move the others' values."""
    rng = np.random.default_rng(0)
    order = rng.permutation(len(genes))
    taken = Expression(sp.csr_matrix(counts, dtype="f4"), genes).over(genes[order])
    joined = matching.join([taken, Expression(sp.csr_matrix(counts, dtype="f4"), genes)], 50)
    for x in (taken.whole(), joined.whole(), lognorm(joined.whole())):
        assert all((np.diff(x.indices[a:b]) > 0).all() for a, b in zip(x.indptr[:-1], x.indptr[1:]))
    np.testing.assert_array_equal(taken.whole().toarray(), np.asarray(counts)[:, order])
