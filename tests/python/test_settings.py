"""Presets, overrides, and what is refused."""

import dataclasses

import pytest

import itclust
from itclust import settings


def test_every_setting_is_documented():
    for row in settings.RECIPES.values():
        for field in dataclasses.fields(row.settings):
            assert field.name in settings.Settings.__doc__ + row.settings.__doc__


def test_overrides_take_the_defaults_kind():
    s = settings.resolve("default", {"n_hidden": [64.0, 32], "tol": 1, "novelty": False, "unlabelled": "Unknown"})
    assert s.n_hidden == (64, 32) and s.tol == 1.0 and s.novelty is False and s.unlabelled == ("Unknown",)


@pytest.mark.parametrize(("name", "value"), [("max_iter", 2.5), ("tol", 0), ("novelty", "yes"), ("n_hidden", None)])
def test_wrong_kinds(name, value):
    with pytest.raises(TypeError, match=f"{name}="):
        settings.resolve("default", {name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("batch_size", 0), ("batch_size", 10**9), ("n_latent", 10**7), ("dropout", 1.5), ("round_steps", 0),
        ("source_epochs", 0), ("source_epochs", 10**9), ("alpha", float("inf")), ("learning_rate", 1e9),
        ("label_smoothing", 1.0), ("novelty_cut", 0), ("tol", float("nan")),
    ],
)  # fmt: skip
def test_settings_have_a_range(name, value):
    with pytest.raises(TypeError, match=f"{name}=.* takes a"):
        settings.resolve("default", {name: value})


def test_defaults_lie_within_their_ranges():
    for row in settings.RECIPES.values():
        defaults = dataclasses.asdict(row.settings())
        defaults.pop("novelty")
        assert settings.resolve(next(k for k, v in settings.RECIPES.items() if v is row), defaults) is not None


@pytest.mark.parametrize(
    ("setting", "says"),
    [({"n_latent": 0}, "2 or more"), ({"n_genes": 0}, "2 or more"), ({"n_hidden": (0,)}, "from 1 to 100,000"),
     ({"n_hidden": [64, -1]}, "from 1 to 100,000"), ({"n_hidden": (10**9,)}, "from 1 to 100,000")],
)  # fmt: skip
def test_widths_have_a_range(setting, says):
    with pytest.raises(TypeError, match=says):
        itclust.ItClust(**setting)
