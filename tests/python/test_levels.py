"""The tree over types, the deepest node that is sure enough, and what the user sees of it."""

import numpy as np
import pytest

import itclust
from itclust import results
from itclust.numerics import levels

SHARED = np.array(
    [[0.7, 0.3, 0.0, 0.0, 0.0], [0.2, 0.8, 0.0, 0.0, 0.0], [0, 0, 0.9, 0.05, 0.05], [0, 0, 0.1, 0.5, 0.4], [0, 0, 0, 0.4, 0.6]]
)  # fmt: skip


def test_types_that_are_confused_are_joined_first():
    nodes = levels.tree(SHARED)
    assert nodes[:5].tolist() == np.eye(5, dtype=bool).tolist()
    assert [np.flatnonzero(n).tolist() for n in nodes[5:]] == [[3, 4], [0, 1], [2, 3, 4]]


@pytest.mark.parametrize("n", [1, 2, 3])
def test_few_types(n):
    nodes = levels.tree(np.full((n, n), 1 / n))
    assert nodes.shape == (n + max(n - 2, 0), n) and (nodes.sum(1) < max(n, 2)).all()


@pytest.mark.parametrize("level", [0.3, 0.5, 0.9, 0.99])
def test_deepest_node_against_brute_force(level, monkeypatch):
    monkeypatch.setattr(levels, "CHUNK", 64)
    rng, nodes = np.random.default_rng(0), levels.tree(SHARED)
    p = rng.dirichlet(np.full(6, 0.3), 200)[:, :5]
    label = p.argmax(1)
    node, probability = levels.deepest(p, label, nodes, level)
    for i in range(200):
        reach = [j for j, types in enumerate(nodes) if types[label[i]] and p[i, types].sum() >= level]
        if not reach:
            assert node[i] == -1 and probability[i] == 1
        else:
            assert nodes[node[i]].sum() == min(nodes[j].sum() for j in reach)
            assert probability[i] == pytest.approx(p[i, nodes[node[i]]].sum()) and probability[i] >= level
    assert (node[p.max(1) >= level] == label[p.max(1) >= level]).all()  # the leaf where it is sure


def test_order_of_types_does_not_matter():
    order = np.array([3, 0, 4, 2, 1])
    a, b = levels.tree(SHARED), levels.tree(SHARED[np.ix_(order, order)])
    assert {frozenset(np.flatnonzero(n)) for n in a} == {frozenset(order[np.flatnonzero(n)]) for n in b}


def test_names():
    assert results.joined(["B", "NK"]) == "B or NK"
    assert results.joined(["B", "NK", "T"]) == "B or NK or T"
    assert results.joined(list("ABCDE")) == "A or B or 3 others"


def test_a_type_that_only_labels_divide_is_a_level(doubtful, doubtful_answer):
    given, last = doubtful_answer, doubtful[2]
    level, label = given.obs["itclust_level"], given.obs["itclust"].astype(str)
    assert level.isna().tolist() == given.obs["itclust"].isna().tolist() == [True] + [False] * 199
    mine = label.isin([f"{last} x", f"{last} y"]).to_numpy()
    assert (level[mine] == f"{last} x or {last} y").mean() > 0.8
    sure = (~mine) & (given.obs["itclust_confidence"] >= 0.9).to_numpy()
    assert (level.astype(str)[sure] == label[sure]).all() and sure.sum() > 50
    found = itclust.results.read(given)
    assert found.level.equals(level)
    assert found.clusters.loc[found.clusters["label"].str.startswith(last), "level"].eq(f"{last} x or {last} y").all()
    del given.obs["itclust_level"]
    assert itclust.results.read(given).level is None


def test_renaming_types_renames_levels(doubtful, doubtful_answer):
    source, target, _ = doubtful
    renamed = source.copy()
    renamed.obs["cell_type"] = [f"a {t}" for t in source.obs["cell_type"].astype(str)]
    other = target.copy()
    itclust.transfer(renamed, other, novelty=False, progress=False)
    a, b = (t.obs["itclust_level"] for t in (doubtful_answer, other))
    given = {t: " or ".join(f"a {x}" for x in t.split(" or ")) for t in a.cat.categories if "novel" not in t}
    given |= {"any cell": "any cell"}
    assert a.astype(object).replace(given).equals(b.astype(object))


@pytest.mark.parametrize("level", [0, 1, -1, "high"])
def test_a_level_that_is_no_probability(level):
    with pytest.raises(TypeError, match="level"):
        itclust.ItClust(level=level)
