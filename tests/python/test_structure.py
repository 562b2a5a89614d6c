"""Properties of the checks: no sound matrix is refused, no pointer or index that leads out is let through."""

import io as std
import warnings
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

pytest.importorskip("hypothesis")
from hypothesis import given, settings
from hypothesis import strategies as st

from itclust import io
from itclust.io.structure import check_indices
from itclust.io.terminal import Steady

NAME = Path("x.h5ad")


@st.composite
def matrices(draw):
    shape = draw(st.integers(1, 12)), draw(st.integers(1, 12))
    return sparse.random(*shape, draw(st.floats(0.1, 1)), "csr", random_state=draw(st.integers(0, 99)))


@given(matrices())
def test_sound_matrices_pass(x):
    check_indices(NAME, "X", x.indptr, x.indices, x.shape)
    x = x.tocsc()
    check_indices(NAME, "X", x.indptr, x.indices, x.shape[::-1])


@given(matrices(), st.data())
def test_an_index_out_of_the_matrix_is_refused(x, data):
    if not x.nnz:
        return
    at = data.draw(st.integers(0, x.nnz - 1))
    indices = x.indices.astype(np.int64)
    indices[at] = data.draw(st.one_of(st.integers(-(2**62), -1), st.integers(x.shape[1], 2**62)))
    with pytest.raises(io.Unreadable, match="index"):
        check_indices(NAME, "X", x.indptr, indices, x.shape)


@given(matrices(), st.data())
def test_whatever_the_pointers_nothing_is_read_beyond(x, data):
    """Pointers that pass are safe to follow: each row lies within the values."""
    numbers = st.integers(-(2**40), 2**40) | st.integers(0, x.nnz)
    indptr = np.array(data.draw(st.lists(numbers, min_size=x.shape[0] + 1, max_size=x.shape[0] + 1)))
    try:
        check_indices(NAME, "X", indptr, x.indices, x.shape)
    except io.Unreadable:
        return
    assert indptr[0] == 0 and indptr[-1] == x.nnz and (np.diff(indptr) >= 0).all()


@settings(deadline=None, max_examples=60)
@given(st.text(max_size=300) | st.binary(max_size=300))
def test_any_text_as_a_table_is_read_or_refused(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("t") / "x.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            io.read(path)
        except io.Unreadable as error:
            assert "\n" not in str(error)


@given(st.text(max_size=50), st.sampled_from(["ascii", "latin-1", "utf-8", "cp1252"]))
def test_any_label_can_be_printed_anywhere(label, encoding):
    raw = std.BytesIO()
    stream = Steady(std.TextIOWrapper(raw, encoding=encoding))
    stream.write(label)
    stream.flush()
    assert stream.failure is None
    assert not set(raw.getvalue().decode(encoding)) & set("\x1b\x07\x00\x9b")
