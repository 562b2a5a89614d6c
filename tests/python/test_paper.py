"""The 2020 recipe, step by step."""

import numpy as np
import pytest
import scipy.sparse as sp

from itclust.data.dataset import Dataset
from itclust.data.expression import Expression
from itclust.recipes import paper, zscored
from itclust.settings import PaperSettings

PAPER = PaperSettings()


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    x = rng.poisson(rng.gamma(4, 0.5, 300), (60, 300)).astype("f4")
    x[:5, 90:] = 0  # too few genes to train
    x[9:, 10] = 0  # in fewer than 10 cells
    genes = np.array([f"g{i}" for i in range(300)])
    genes[:3] = ["MT-CO1", "ercc-1", "mt-nd2"]
    return Expression(sp.csr_matrix(x), genes)


def test_filters_and_values(data):
    p = zscored.prepare(data, "source")
    assert not p.trains[:5].any() and p.trains[5:].all() and p.x.shape[0] == 60
    assert "G10" not in p.genes and not {"MT-CO1", "ERCC-1", "MT-ND2"} & set(p.genes) and len(p.genes) > 280
    kept = np.isin([g.upper() for g in data.genes], p.genes)
    raw = data.matrix[:, kept].toarray()
    median = np.median(raw[p.trains].sum(1))
    np.testing.assert_allclose(p.x.toarray(), np.log1p(raw / raw.sum(1, keepdims=True) * median), rtol=1e-4, atol=1e-6)


def test_z_scores_of_the_training_cells(data):
    p = zscored.prepare(data, "source")
    genes = np.append(p.genes[:20], "ABSENT")
    z = zscored.ZScored(p, genes)[np.arange(60)]
    x = p.x.toarray()[:, :20]
    train = x[p.trains]
    expected = np.clip((x - train.mean(0)) / train.std(0, ddof=1), -6, 6)
    np.testing.assert_allclose(z[:, :20], expected, atol=1e-3)
    assert not z[:, 20].any()


@pytest.mark.parametrize(
    ("n", "layers"),
    [
        (30000, (128, 32)),
        (20000, (64, 32)),
        (10000, (32, 16)),
        (5000, (128,)),
        (2000, (64,)),
        (501, (64,)),
        (500, (16,)),
    ],
)
def test_widths(n, layers):
    assert paper.widths(n, PAPER) == layers


def test_genes_are_the_targets_dispersed_ones(data):
    import dataclasses

    target = Dataset(data, np.zeros(60, int), np.zeros(0, "U"), np.full(60, -1))
    genes = paper.select_genes(None, target, None, dataclasses.replace(PAPER, n_genes=40))
    assert len(genes) == 40 and set(genes) <= set(zscored.prepare(data, "target").genes)


def test_too_few_genes_is_said(data):
    part = Expression(data.matrix[:, :50], data.genes[:50])
    with pytest.raises(ValueError, match=r"0 of the target's 60 cells.*Use preset='default'"):
        zscored.prepare(part, "target")


def test_pretraining_lowers_the_reconstruction_error(data):
    import dataclasses

    from itclust.recipes import autoencoder, network

    x = zscored.ZScored(zscored.prepare(data, "source"), zscored.prepare(data, "source").genes)[np.arange(60)]
    losses = []
    encoder = network.encoder(x.shape[1], (16,), seed=0)
    few = dataclasses.replace(PAPER, pretrain_epochs=60)
    autoencoder.pretrain(encoder, x, few, 0, lambda s, f, m: losses.append(float(m.split("loss ")[1])))
    assert losses[-1] < losses[0]


def test_rounds_end_when_few_cells_change(toy):
    import itclust

    out = itclust.transfer(
        *toy, preset="paper", pretrain_epochs=6, source_epochs=100, max_iter=30, copy=True, progress=False
    )
    changed = out.uns["itclust"]["history"]["changed"]
    assert (changed[:-1] >= 0.001).all() and (changed[-1] < 0.001 or len(changed) == 30)
    assert out.uns["itclust"]["clusters"]["stability"].between(0, 1).all()


def test_paper_takes_mouse_symbols(toy):
    """Its genes are in upper case; the data's, such as "Cd3e", need not be."""
    import itclust

    source, target = (a.copy() for a in toy)
    for adata in (source, target):
        adata.var_names = [g.capitalize() for g in adata.var_names]
    itclust.transfer(source, target, preset="paper", pretrain_epochs=1, source_epochs=20, max_iter=1, progress=False)
    genes = target.uns["itclust"]["genes"]
    assert set(genes) <= {g.upper() for g in target.var_names} and not set(genes) & set(target.var_names)
    assert target.obs["itclust"].notna().all()
