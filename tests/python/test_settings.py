"""Presets, overrides, and what is refused."""

import dataclasses

import pytest

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
