"""How large values are walked: read ahead, or by the workers of a cluster."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor


def near_workers(matrix, size):
    """A matrix on disk as a Dask array of ``size`` rows a block where a cluster is connected, else as it is.

    Only then do its workers read it, each block where it is worked on: they must see the file under the same path.
    """
    if hasattr(matrix, "dask") or "distributed" not in sys.modules:
        return matrix
    from anndata.experimental import read_elem_lazy
    from distributed import get_client

    try:
        get_client()
    except ValueError:  # there is none
        return matrix
    return read_elem_lazy(getattr(matrix, "group", matrix), chunks=(min(size, matrix.shape[0]), matrix.shape[1]))


THREADS = 2  # that answer slices: more would wait for the one that reads


def side_by_side(function, tasks: Iterable[tuple]) -> Iterator:
    """``function(*task)`` of every task, in order; ``THREADS`` at a time, for the products of matrices let go of Python's lock."""
    under_way = deque()
    with ThreadPoolExecutor(THREADS) as pool:
        for task in tasks:
            under_way.append(pool.submit(function, *task))
            if len(under_way) == THREADS:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()


def ahead(slices: Iterable) -> Iterator:
    """The same items, the next one made in a thread of its own while one is worked on: reading and decompressing overlap."""
    left, end = iter(slices), object()
    with ThreadPoolExecutor(1) as reader:
        coming = reader.submit(next, left, end)
        while (item := coming.result()) is not end:
            coming = reader.submit(next, left, end)
            yield item
