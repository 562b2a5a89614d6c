"""What a recipe is: a module and a row. A third one here, without a network."""

import dataclasses
import sys
import types

import numpy as np
import pytest
import scipy.sparse as sp

import itclust
from itclust import settings
from itclust.numerics import assign, classifiers, neighbors
from itclust.numerics.moments import moments
from itclust.recipes import Adapted, surroundings


@dataclasses.dataclass(frozen=True)
class CorrelationSettings(settings.Settings):
    """``n_genes`` is not used."""

    novelty: bool = False
    sharpness: float = 20.0


@dataclasses.dataclass(frozen=True, eq=False)
class Fit:
    types: np.ndarray
    genes: np.ndarray
    mean: np.ndarray
    var: np.ndarray
    size: np.ndarray

    @property
    def network_genes(self):
        return self.genes

    def seen_in(self, target_genes):
        return np.isin(self.genes, target_genes)

    def shapes(self, settings):
        return {"types": "t text", "genes": "g text", "mean": "t g 0..", "var": "t g 0..", "size": "t"}


def fit(source, names, settings, seed, progress):
    source = source.over(names)
    m = moments(source.values.logged(), source.codes, len(source.types))
    progress("source", 1.0, "done")
    return Fit(source.types, source.genes, m.mean, m.var, m.size)


def candidates(batch, settings, seed):
    return None


def adapt(fit, target, settings, seed, progress):
    x = target.values.over(fit.genes).logged().whole()
    of_types = classifiers.Moments(fit.mean, fit.mean, fit.var, fit.mean, fit.size)
    q = classifiers.correlation_classifier(of_types, 1 / settings.sharpness).probabilities(x.toarray())
    return Adapted(
        q=q, cluster_type=np.arange(q.shape[1]), initial=q.argmax(1), z=assign.soft_assignment(q, np.eye(q.shape[1])),
        x=x, genes=fit.genes, history={"changed": np.zeros(0), "loss": np.zeros(0)},
    )  # fmt: skip


@pytest.fixture
def third(monkeypatch):
    module = types.ModuleType("correlation_recipe")
    module.Fit, module.fit, module.adapt, module.candidates = Fit, fit, adapt, candidates
    module.select_genes = lambda source, target, wanted, settings: (
        source.genes if target is None else source.genes[np.isin(source.genes, target.genes)]
    )
    monkeypatch.setitem(sys.modules, "correlation_recipe", module)
    monkeypatch.setitem(settings.RECIPES, "correlation", settings.Recipe(CorrelationSettings, "correlation_recipe"))


def test_a_third_recipe_is_a_module_and_a_row(third, toy, tmp_path):
    source, target = toy
    out = itclust.transfer(source, target, preset="correlation", sharpness=10, copy=True, progress=False)
    assert (out.obs["itclust"].astype(str) == target.obs["truth"].astype(str)).mean() > 0.9
    assert out.uns["itclust"]["params"]["sharpness"] == 10
    itclust.ItClust("correlation").fit(source, progress=False).save(tmp_path / "m")
    model = itclust.ItClust.load(tmp_path / "m")
    again = target.copy()
    model.transfer(again, progress=False)
    assert (again.obs["itclust"] == out.obs["itclust"]).all() and model.preset == "correlation"


@pytest.mark.parametrize(
    ("preset", "name", "hint"),
    [
        ("paper", "n_neighbors", "one of preset='default'"),
        ("default", "softmax", "one of preset='paper'"),
        ("default", "n_marker", "did you mean 'n_markers'"),
    ],
)
def test_a_recipe_takes_its_own_settings_alone(preset, name, hint):
    with pytest.raises(TypeError, match=hint):
        itclust.ItClust(preset, **{name: 1})


def test_paper_does_not_look_for_new_types(toy):
    with pytest.raises(TypeError, match="no search for new types"):
        itclust.ItClust("paper", novelty=True)


@pytest.mark.parametrize(("backend", "expected"), [("tensorflow", False), ("jax", "auto"), ("torch", "auto")])
def test_only_tensorflow_trains_without_xla(backend, expected, monkeypatch):
    """XLA is slow around dropout on TensorFlow's CPU; elsewhere leaving it out is what is slow."""
    import keras

    from itclust.recipes import network

    got = {}
    model = types.SimpleNamespace(compile=lambda *args, **options: got.update(options))
    monkeypatch.setattr(keras.backend, "backend", lambda: backend)
    network.compile_model(model, None, None)
    assert got["jit_compile"] == expected


@pytest.mark.parametrize("noise", [0.0, 3.0])
def test_neighbours_by_the_sources_markers_where_the_targets_own_genes_bring_strangers_together(noise):
    rng = np.random.default_rng(0)
    codes = np.repeat(np.arange(20), 12)
    own = rng.gamma(1 + noise, 1, (len(codes), 200)) * noise  # vary much, and say nothing of types
    own = own if noise else np.eye(20)[codes].repeat(10, 1)
    marked = 0.7 * np.eye(20)[codes].repeat(3, 1) + rng.gamma(1, 0.05, (len(codes), 60))
    x = sp.csr_matrix(np.hstack([own, marked]).astype("f4"))
    markers, q = np.arange(200, 260), np.eye(20)[codes]
    found = surroundings.structure(x, markers, q, settings.DefaultSettings(), 0)
    assert neighbors.concordance(found.average, codes) > 0.9
    assert (np.isin(found.components.genes, markers).all() and len(found.components.genes) == 60) == bool(noise)
