"""Shared data: toy sets, and one fitted result that many tests read."""

import os
from pathlib import Path

import numpy as np
import pytest

import itclust


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
