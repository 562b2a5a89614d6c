"""Sets of types: against brute force, their coverage where its conditions hold, and what the user sees of them."""

import dataclasses

import numpy as np
import pytest

import itclust
from itclust import outcome
from itclust.numerics import heldout, sets


def drawn(n, seed, sharper=1.0, share=(0.5, 0.3, 0.15, 0.05)):
    """Types and answers that are too sure by a power: (n,) and (n, 4)."""
    rng, k = np.random.default_rng(seed), len(share)
    codes = rng.choice(k, n, p=share)
    x = np.eye(k)[codes] * 1.5 + rng.normal(size=(n, k))
    p = np.exp(1.5 * sharper * x)
    return codes, p / p.sum(1, keepdims=True)


def test_scores_and_members_against_brute_force():
    p = drawn(60, 0)[1]
    p[0] = 0.25  # ties go by order
    up_to = np.array([0.0, 0.95, 0.0, np.inf])
    found = sets.members(p, 0.8, up_to)
    for i, row in enumerate(p):
        order = sorted(range(4), key=lambda k: (-row[k], k))
        for place, k in enumerate(order):
            likelier = sum(row[j] for j in order[:place])
            assert sets.scores(p)[i, k] == pytest.approx(likelier)
            assert found[i, k] == (likelier < 0.8 or likelier <= up_to[k])


def test_thresholds_against_brute_force():
    codes, p = drawn(200, 1)
    own, share = sets.scores(p)[np.arange(200), codes], np.array([0.1, 0.2, 0.3, 0.4])
    found = sets.thresholds(own, codes, share, 0.9)
    for k in range(4):
        weight = [share[c] / (codes == c).sum() for c in codes]
        coming = share[k] / (codes == k).sum()
        enough = [
            s for s in own if sum(w for w, o in zip(weight, own) if o <= s) >= 0.9 * (sum(weight) + coming) - 1e-9
        ]
        assert found[k] == pytest.approx(min(enough, default=np.inf))
    assert np.isinf(sets.thresholds(own[:5], codes[:5], share, 0.9)).any()  # five cells promise nothing


@pytest.mark.parametrize("asked", [0.8, 0.9, 0.95])
@pytest.mark.parametrize("share", [(0.5, 0.3, 0.15, 0.05), (0.05, 0.15, 0.3, 0.5)])
def test_coverage_under_another_composition_with_answers_that_are_too_sure(asked, share):
    covered, naive, size = [], [], []
    for seed in range(40):
        held, p = drawn(400, seed, 3.0)
        codes, q = drawn(400, 1000 + seed, 3.0, share)
        up_to = sets.thresholds(sets.scores(p)[np.arange(400), held], held, np.array(share), asked)
        inside = sets.members(q, asked, up_to)
        covered.append(inside[np.arange(400), codes].mean())
        naive.append(sets.members(q, asked)[np.arange(400), codes].mean())
        size.append(inside.sum(1).mean())
    assert np.mean(covered) >= asked - 0.005  # 16,000 cells: the mean is known to .003
    assert np.mean(naive) < asked and np.mean(size) < 4


def test_more_is_asked_more_is_in():
    codes, p = drawn(300, 2)
    own = sets.scores(p)[np.arange(300), codes]
    before = np.zeros(p.shape, bool)
    for asked in (0.5, 0.8, 0.9, 0.99):
        inside = sets.members(p, asked, sets.thresholds(own, codes, np.full(4, 0.25), asked))
        assert (inside >= before).all() and inside[np.arange(300), p.argmax(1)].all()
        before = inside


def test_what_the_source_confuses_is_a_set_and_a_model_file_keeps_it(
    doubtful, doubtful_model, doubtful_answer, tmp_path
):
    _, target, last = doubtful
    doubtful_model.save(tmp_path / "model")
    model = itclust.ItClust.load(tmp_path / "model")
    given, loaded, few = doubtful_answer, target.copy(), target.copy()
    model.transfer(loaded, progress=False)
    model.settings = dataclasses.replace(model.settings, sets=0.3)
    model.transfer(few, progress=False)
    label, found = given.obs["itclust"], given.obs["itclust_set"]
    assert found.equals(loaded.obs["itclust_set"]) and itclust.results.read(given).members.equals(found)
    assert found.isna().tolist() == label.isna().tolist() == [True] + [False] * 199
    mine = label.isin([f"{last} x", f"{last} y"]).to_numpy()
    assert (found[mine] == f"{last} x or {last} y").mean() > 0.8
    assert all(str(t) in str(s).split(" or ") for t, s in zip(label[1:], found[1:], strict=True) if s != "any cell")
    assert (few.obs["itclust_set"].astype(str)[1:] == label.astype(str)[1:]).mean() > 0.9
    assert not found.astype(str).str.contains("novel").any()  # which was not looked for


def test_a_set_of_more_than_a_hundred_types_is_any_cell():
    n = 400
    belief = np.zeros((2, n + 1))
    belief[0, :n], belief[1, :2] = 1 / n, 0.5
    types = np.array([f"T{i}" for i in range(n)])
    members, names = outcome._sets(belief, np.zeros(2, int), types, heldout.Worth.whole(n), 0.9)
    assert list(names[members]) == ["any cell", "T0 or T1"]
