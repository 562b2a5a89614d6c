"""Shared data: toy sets, and one fitted result that many tests read."""

import contextlib
import functools
import gc
import os
import signal
import time
from pathlib import Path

if os.environ.get("PYTEST_XDIST_WORKER"):  # each worker has a core of its own; TensorFlow would start threads for all
    os.environ |= {f"TF_NUM_{kind}OP_THREADS": "1" for kind in ("INTRA", "INTER")} | {"OMP_NUM_THREADS": "1"}

import numpy as np
import pytest

import itclust
from itclust import settings


def pytest_collection_finish():
    """What is imported by now stays: each collection, as before zarr is read, would walk all of it."""
    gc.freeze()


@pytest.fixture(scope="session")
def toy():
    """A source and a target of four easy types."""
    return itclust.datasets.toy()


@pytest.fixture
def pair(toy):
    """Fresh copies, so that a test may change them."""
    return toy[0].copy(), toy[1].copy()


@pytest.fixture(scope="session")
def fitted(toy):
    """A model fitted on the toy source."""
    return itclust.ItClust().fit(toy[0], progress=False)


@pytest.fixture(scope="session")
def annotated(toy):
    """The toy source, and the toy target after a transfer. Read only."""
    source, target = toy[0].copy(), toy[1].copy()
    itclust.transfer(source, target, progress=False)
    return source, target


@contextlib.contextmanager
def _short_paper():
    row = settings.RECIPES["paper"]
    with pytest.MonkeyPatch.context() as patch:
        short = functools.partial(row.settings, source_epochs=200)
        patch.setitem(settings.RECIPES, "paper", row._replace(settings=short))
        yield


@pytest.fixture(scope="session")
def short_paper():
    """``with short_paper():`` the paper's preset has a tenth of its epochs on the source; the toy needs no more."""
    return _short_paper


@pytest.fixture
def press_ctrl_c():
    """Send this process what a terminal's Ctrl-C sends."""

    def press():
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.01)  # Python handles signals between bytecodes

    return press


@pytest.fixture(scope="session")
def shared_data():
    """Folder of the real labelled datasets."""
    root = Path(os.environ.get("ITCLUST_SHARED", Path(__file__).parents[2].parent / "shared"))
    if not (root / "data").is_dir():
        pytest.skip("the labelled datasets are not here; set ITCLUST_SHARED to the folder that holds data/")
    return root / "data"


@pytest.fixture(scope="session")
def doubtful():
    """The toy whose last type the labels alone divide."""
    source, target = itclust.datasets.toy(300, 200, n_genes=150, n_types=4)
    rng, key = np.random.default_rng(0), "cell_type"
    label = source.obs[key].astype(str).to_numpy(dtype=object)
    last = max(set(label))
    divided = np.flatnonzero(label == last)
    label[divided] = np.where(rng.random(len(divided)) < 0.5, f"{last} x", f"{last} y")
    source.obs[key] = label
    target.X[0] = 0
    return source, target, last


@pytest.fixture(scope="session")
def doubtful_model(doubtful):
    """A model of its source."""
    return itclust.ItClust(novelty=False).fit(doubtful[0], progress=False)


@pytest.fixture(scope="session")
def _doubtful_answer(doubtful, doubtful_model):
    target = doubtful[1].copy()
    doubtful_model.transfer(target, progress=False)
    return target


@pytest.fixture
def doubtful_answer(_doubtful_answer):
    """Its target after a transfer, a copy."""
    return _doubtful_answer.copy()
