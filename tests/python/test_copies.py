"""Cells that are noisy copies of one another are counted; cells that are not are not."""

import numpy as np
import pytest

from itclust.numerics import copies


@pytest.mark.parametrize("times", [2, 5, 40])
def test_copies_are_found_and_independent_points_are_not(times):
    rng = np.random.default_rng(0)
    alone = rng.normal(size=(3000, 20))
    assert copies.share(alone) < 0.02
    of_some = np.repeat(alone[: 3000 // times], times, axis=0)
    assert copies.share(of_some + rng.normal(scale=0.2, size=of_some.shape)) > 0.5
    half = np.concatenate([alone[:1500], of_some[:1500] + rng.normal(scale=0.2, size=(1500, 20))])
    assert copies.share(half) > 0.2


def test_few_points_say_nothing():
    assert copies.share(np.zeros((10, 2))) == 0


def test_a_resampled_target_is_warned_of(pair, fitted, recwarn):
    target = pair[1]
    fitted.transfer(target.copy(), progress=False)
    assert not [w for w in recwarn if "copies" in str(w.message)]
    rows = np.repeat(np.arange(target.n_obs), -(-1200 // target.n_obs))
    many = target[rows].copy()
    many.obs_names_make_unique()
    rng = np.random.default_rng(0)
    many.X = rng.poisson(many.X.toarray() if hasattr(many.X, "toarray") else many.X).astype(np.float32)
    with pytest.warns(UserWarning, match=r"of the target's cells look like copies"):
        fitted.transfer(many, progress=False)
