"""Bad input: one clear line, before any training."""

import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

import itclust
from itclust.data import check, naming


@pytest.fixture(autouse=True)
def no_training(monkeypatch):
    """Every error here must come before the first epoch."""
    from itclust.recipes import default, paper

    def fail(*_, **__):
        pytest.fail("training was started")

    monkeypatch.setattr(default, "fit", fail)
    monkeypatch.setattr(paper, "fit", fail)


def error(kind, source, target, **kwargs):
    with pytest.raises(kind) as caught:
        itclust.transfer(source, target, progress=False, **kwargs)
    return str(caught.value.args[0])


def test_label_column(pair):
    source, target = pair
    assert "'type' is not a column of source.obs. Pass labels_key=; its columns are: 'cell_type'" in error(
        KeyError, source, target, labels_key="type"
    )
    source.obs = source.obs.rename(columns={"cell_type": "annotation"})
    assert "no label column was recognised" in error(KeyError, source, target)


@pytest.mark.parametrize("name", ["cell_type", "CellType", "cell.type", "Cell Type", "LABEL", "labels"])
def test_usual_label_columns_are_found(name):
    assert naming.labels_key(pd.DataFrame(columns=["batch", name])) == name


def test_two_label_columns_are_not_guessed_between():
    with pytest.raises(KeyError, match="2 columns"):
        naming.labels_key(pd.DataFrame(columns=["label", "cell_type"]))


def test_no_shared_genes(pair):
    source, target = pair
    target.var_names = [f"other{i}" for i in range(target.n_vars)]
    assert "source and target share 0 genes; at least 50 are needed" in error(ValueError, source, target)


def test_symbols_against_ensembl(pair):
    source, target = pair
    source.var_names = [f"ENSG{i:011d}" for i in range(source.n_vars)]
    text = error(ValueError, source, target)
    assert "source's names look like Ensembl ids (ENSG00000000" in text and "target's like symbols" in text


def test_empty_target(pair):
    source, target = pair
    assert "target is empty: it has 0 cells" in error(ValueError, source, target[:0].copy())


def test_negative_values_name_the_layer(pair):
    source, target = pair
    target.layers["counts"] = target.X.copy()
    target.X = target.X - 1.0 if not sp.issparse(target.X) else target.X.toarray() - 1.0
    text = error(ValueError, source, target)
    assert "negative values" in text and "layer='counts'" in text
    target.raw = itclust.datasets.toy()[1]
    assert "use_raw=True" in error(ValueError, source, target)


def test_nan(pair):
    source, target = pair
    target.X = sp.csr_matrix(target.X, dtype="f4")
    target.X.data[0] = np.nan
    assert "target holds 1 value that is NaN, infinite or beyond 3e38" in error(ValueError, source, target)
    target.X.data[1] = np.inf
    assert "target holds 2 values that are NaN, infinite or beyond 3e38" in error(ValueError, source, target)


def test_one_type(pair):
    source, target = pair
    source.obs["cell_type"] = "B"
    assert "only one type, 'B'" in error(ValueError, source, target)


def test_reserved_label(pair):
    source, target = pair
    source.obs["cell_type"] = source.obs["cell_type"].astype(str).replace({source.obs["cell_type"].iloc[0]: "novel 1"})
    assert "'novel 1'" in error(ValueError, source, target)


def test_wrong_kinds(pair):
    source, target = pair
    assert "source must be an AnnData; received str" in error(TypeError, "file.h5ad", target)
    assert "'no' is not a layer of the source" in error(KeyError, source, target, layer="no")
    assert "has no .raw" in error(ValueError, source, target, use_raw=True)
    assert "values='tpm' is unknown" in error(ValueError, source, target, values="tpm")
    assert "layer takes one value, or a pair" in error(ValueError, source, target, layer=("a", "b", "c"))


def test_unknown_settings_name_the_nearest(pair):
    source, target = pair
    assert "did you mean 'n_hidden'?" in error(TypeError, source, target, n_hiden=(3,))
    assert "preset='papers' is unknown" in error(ValueError, source, target, preset="papers")
    assert "max_iter=-1 is not usable" in error(TypeError, source, target, max_iter=-1)


def test_cells_without_a_label_do_not_train():
    with pytest.warns(UserWarning, match="3 source cells without a label do not train"):
        types, codes = naming.labels(["a", None, "b", np.nan, " ", "a"])
    assert types.tolist() == ["a", "b"] and codes.tolist() == [0, -1, 1, -1, -1, 0]
    with pytest.warns(UserWarning, match="1 source cell without a label does not train"):
        assert naming.labels(["a", "b", "Unknown"], ("Unknown",))[1].tolist() == [0, 1, -1]


def test_missing_genes():
    check.missing_genes(5, 10)
    with pytest.raises(ValueError, match="lacks 6 of the model's 10 genes"):
        check.missing_genes(6, 10)


def test_results_replace_nothing_of_the_users(pair):
    source, target = pair
    target.obs["donor"] = "a"
    assert "key_added='donor' would replace obs['donor']" in error(ValueError, source, target, key_added="donor")
    target.obsm["X_mine"] = np.zeros((target.n_obs, 2))
    assert "obsm['X_mine']" in error(ValueError, source, target, key_added="mine")
    assert "'/' separates" in error(ValueError, source, target, key_added="a/b")


def test_counts_that_are_said_to_be_logs(pair):
    source, target = pair
    target.X = target.X * 100
    assert "values='log', but the source holds values up to" in error(ValueError, source, target, values="log")


@pytest.mark.parametrize("seed", [-1, 2**32, 1.5, "a"])
def test_seeds(seed, pair):
    assert "whole number from 0 to 2^32 - 1" in error(ValueError, *pair, random_state=seed)
    assert itclust.ItClust(random_state=None).random_state != itclust.ItClust(random_state=None).random_state


@pytest.mark.parametrize(
    ("column", "says"),
    [
        (lambda s: s.obs_names.to_numpy(), "'cell_type' of source.obs holds the names of the cells"),
        (lambda s: [f"AAAC{i % 250}" for i in range(len(s))], "400 source cells have 250 different labels, like names"),
        (lambda s: np.arange(len(s)), "400 source cells have 400 different labels"),
        (lambda s: np.arange(len(s)) / 7, "the labels are 400 different fractions from 0.0 to 9.85"),
        (lambda s: (np.arange(len(s)) * 1e-9).astype("f4"), "different fractions"),
    ],
)
def test_labels_that_are_no_types(pair, column, says):
    source, target = pair
    source.obs["cell_type"] = column(source)
    assert says in error(ValueError, source, target)


def test_few_numbers_and_profiles_of_one_cell_are_types():
    assert len(naming.labels(np.arange(150))[0]) == 150
    assert len(naming.labels(np.arange(100) % 4 + 0.5)[0]) == 4


@pytest.mark.parametrize(
    ("preset", "settings", "n", "source", "target"),
    [
        ("default", {}, 10**7, 2000, 360),
        ("default", {"source_epochs": 10**5, "round_steps": 10**6}, 1000, 800_000, 6_000_000),
        ("paper", {}, 1000, 8000, 40_000),
    ],
)
def test_what_takes_hours_is_said_before_it_starts(preset, settings, n, source, target):
    resolved = itclust.settings.resolve(preset, settings)
    assert (resolved.source_steps(n), resolved.target_steps(n)) == (source, target)
    for steps in (source, target):
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            check.hours(steps, "the training")
        assert bool(said) == (steps > 1e6)
