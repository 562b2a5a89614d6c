"""Trees that the user gives: columns, dicts, the Cell Ontology; in the levels, in model files, from the shell."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import itclust
from itclust import cli
from itclust.data import lineage

TYPES = np.array(["B", "CD4", "CD8", "Mono"])
CODES = np.array([0, 0, 1, 2, 3, -1, 1])
OBO = """format-version: 1.2
ontology: small

[Term]
id: CL:0000000
name: cell

[Term]
id: CL:0000542
name: lymphocyte
is_a: CL:0000000 ! cell

[Term]
id: CL:0000084
name: T cell
is_a: CL:0000542 ! lymphocyte
relationship: part_of CL:0000576 ! no line of descent

[Term]
id: CL:0000624
name: CD4-positive, alpha-beta T cell
is_a: CL:0000084 ! T cell

[Term]
id: CL:0000625
name: CD8-positive, alpha-beta T cell
is_a: CL:0000084 ! T cell
is_a: CL:0000542 ! lymphocyte

[Term]
id: CL:0000236
name: B cell
is_a: CL:0000542 ! lymphocyte

[Term]
id: CL:0000576
name: monocyte
is_a: CL:0000000 ! cell
"""
IDS = {"B": "CL:0000236", "CD4": "CL:0000624", "CD8": "CL:0000625", "Mono": "CL:0000576"}
EXPECTED = {"T cell": {"CD4", "CD8"}, "lymphocyte": {"B", "CD4", "CD8"}}


def source(**columns):
    names = np.append(TYPES, None)
    obs = pd.DataFrame({"type": names[CODES]}, index=[f"c{i}" for i in range(len(CODES))])
    for column, of_type in columns.items():
        obs[column] = [of_type.get(t) for t in obs["type"]]
    return {"source": ad.AnnData(np.ones((len(CODES), 2), "f4"), obs=obs)}


def read(tree, types=TYPES, **columns):
    found = lineage.given(tree, source(**columns), types, CODES)
    return {str(name): {str(t) for t in types[node]} for name, node in zip(found.names, found.nodes)}


T, LYMPHOID = {"CD4": "T cell", "CD8": "T cell"}, {"B": "lymphocyte", "CD4": "lymphocyte", "CD8": "lymphocyte"}


@pytest.mark.parametrize(
    "tree",
    [
        {
            "CD4": "T cell",
            "CD8": "T cell",
            "T cell": "lymphocyte",
            "B": "lymphocyte",
            "lymphocyte": "cell",
            "Mono": "cell",
        },
        {"T cell": ["CD4", "CD8"], "lymphocyte": ["T cell", "B"]},
        {"lymphocyte": {"T cell": ["CD4", "CD8"], "B": None}},
        ["above", "parent"],
    ],
)
def test_one_tree_said_in_several_ways(tree):
    columns = {"parent": {**T, "B": "B"}, "above": LYMPHOID} if isinstance(tree, list) else {}
    assert read(tree, **columns) == EXPECTED


def test_a_column_of_parents():
    assert read("parent", parent=T) == {"T cell": {"CD4", "CD8"}}
    assert read({**T, "B": "B"}) == read("parent", parent={**T, "B": "B"}) == {"T cell": {"CD4", "CD8"}}


def test_a_type_that_is_itself_above_others():
    assert read({"CD4": "B"}) == {"B": {"B", "CD4"}}


@pytest.fixture
def obo(tmp_path):
    pytest.importorskip("obonet")
    (tmp_path / "cl.obo").write_text(OBO)
    return tmp_path / "cl.obo"


def test_the_ontology(obo):
    assert read(obo, cell_type_ontology_term_id=IDS) == EXPECTED
    assert read(["id", str(obo)], id=IDS) == EXPECTED
    some = read(obo, cell_type_ontology_term_id={**IDS, "CD4": "unknown", "Mono": "CL:9"})
    assert some == {"lymphocyte": {"B", "CD8"}}
    with pytest.raises(ValueError, match="joins no two"):  # labels that are no names of terms
        read(obo)
    named = np.array(["B cell", "CD4-positive, alpha-beta T cell", "CL:0000625", "Monocyte"])
    assert set(read(obo, named)) == set(EXPECTED)
    with pytest.raises(FileNotFoundError):
        read("nowhere.obo")


def test_the_ontology_without_its_reader(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "obonet", None)
    with pytest.raises(ImportError, match="pip install 'obonet"):
        read("cl.obo")


@pytest.mark.parametrize(
    ("tree", "error", "says"),
    [
        ("nothing", KeyError, "'nothing' is not a column of source.obs. Pass tree="),
        ({"CD4": "T", "T": "L", "L": "T"}, ValueError, "circle"),
        ({"NK": "T", "Mono": "M"}, ValueError, "joins no two"),
        ([], ValueError, "joins no two"),
        ("torn", ValueError, r"'CD4' has 2 values in that column, 'T' \(1 cells\), 'U' \(1 cells\)"),
    ],
)
def test_what_is_no_tree(tree, error, says):
    given = source()
    given["source"].obs["torn"] = ["b", "b", "T", "T", "m", "T", "U"]
    with pytest.raises(error, match=says):
        lineage.given(tree, given, TYPES, CODES)


def test_levels_bear_the_names_of_the_tree_and_models_keep_it(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(cli, "_hush", lambda: None)  # it moves the process's own standard error
    source, target = itclust.datasets.toy(300, 120, n_genes=150, n_types=4)
    label = source.obs["cell_type"].astype(str).to_numpy(dtype=object)
    last = max(set(label))
    divided = np.flatnonzero(label == last)
    label[divided] = np.where(np.arange(len(divided)) % 2, "last x", "last y")  # which expression cannot tell apart
    source.obs["cell_type"] = label
    source.obs["parent"] = [t.split()[0] for t in label]
    paths = [tmp_path / name for name in ("s.h5ad", "t.h5ad", "m.itclust", "a.h5ad", "b.h5ad")]
    source.write_h5ad(paths[0]), target.write_h5ad(paths[1])
    s, t, m, a, b = map(str, paths)
    assert cli.main(["train", s, "-o", m, "--tree", "parent", "--quiet"]) == 0
    assert cli.main(["transfer", m, t, "-o", a, "--no-novelty", "--quiet"]) == 0
    model = itclust.ItClust.load(m)
    assert {"last"} <= set(model.tree.names) and model.tree.nodes.shape == (len(model.tree.names), 5)
    found = ad.read_h5ad(a).obs
    mine = found["itclust"].isin(["last x", "last y"])
    assert (found["itclust_level"][mine] == "last").mean() > 0.8
    assert cli.main(["transfer", m, t, "-o", b, "--tree", "parent"]) == 2
    assert "--tree was decided when it was trained" in capsys.readouterr().err
