"""The genes that carry a label: sums, brute force, and the markers that the toy data were made with."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from scipy import stats

import itclust
from itclust import explanation, profiles
from itclust.results import read as annotation


@pytest.fixture(scope="module")
def why(annotated):
    return itclust.explain(*annotated, n_genes=5)


@pytest.fixture(scope="module")
def both(annotated):
    source, target = annotated
    return profiles.both(target, annotation(target), source)


def _log(adata):
    x = adata.X.toarray()
    return np.log1p(1e4 * x / x.sum(1, keepdims=True))


def test_profiles_are_the_plain_means(annotated, both):
    source, target = annotated
    for adata, column, profile in ((source, "cell_type", both[0]), (target, "itclust_cluster", both[1])):
        x = pd.DataFrame(_log(adata), columns=adata.var_names)[list(profile.genes)]
        groups = x.groupby(adata.obs[column].astype(str).to_numpy())
        np.testing.assert_allclose(profile.mean, groups.mean().loc[list(profile.groups)], rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(profile.variance, groups.var().loc[list(profile.groups)], rtol=1e-3, atol=1e-4)
        rate = (x > 0).groupby(adata.obs[column].astype(str).to_numpy()).mean()
        np.testing.assert_allclose(profile.moments.detected, rate.loc[list(profile.groups)], rtol=1e-6)


def test_supports_add_up_to_the_agreement(annotated, both):
    found = annotation(annotated[1])
    contrast = explanation.target_contrast(0, found, both[1])
    expected = explanation.source_contrast(list(both[0].groups).index(found.names["0"]), both[0])
    cosine = contrast @ expected / np.linalg.norm(contrast) / np.linalg.norm(expected)
    everything = itclust.explain(*annotated, n_genes=10_000).query("cluster == '0'")
    assert everything["agreement"].iloc[0] == pytest.approx(cosine)
    assert explanation.supports(contrast, expected).sum() == pytest.approx(cosine)


def test_differential_expression_is_welchs_test(annotated, both):
    target = annotated[1]
    x = pd.DataFrame(_log(target), columns=target.var_names)[list(both[1].genes)].to_numpy()
    own = (target.obs["itclust_cluster"] == "1").to_numpy()
    p = stats.ttest_ind(x[own], x[~own], equal_var=False).pvalue
    np.testing.assert_allclose(
        explanation.differential(1, both[1]), stats.false_discovery_control(p), rtol=1e-3, atol=1e-12
    )


def test_the_genes_that_carry_a_label_are_its_markers(annotated, why):
    source, _ = annotated
    x = pd.DataFrame(_log(source), columns=source.var_names)
    mean = x.groupby(source.obs["cell_type"].to_numpy()).mean()
    carries = why[why["kind"] == "carries"]
    assert set(carries["cluster"]) == set(why["cluster"])
    for label, genes in carries.groupby("label")["gene"]:
        assert (mean[list(genes)].idxmax() == label).all()


def test_every_row_tells_what_it_says(annotated, why):
    target = annotated[1]
    assert list(why.columns) == list(explanation.COLUMNS)
    assert (why.groupby(["cluster", "kind"]).size() <= 5).all()
    assert set(why["gene"]) <= set(target.uns["itclust"]["genes"])
    carries, missing = why[why["kind"] == "carries"], why[why["kind"] == "missing"]
    assert (carries[["target_log2_fold", "source_log2_fold", "support"]] > 0).all(axis=None)
    assert (carries["pvalue_adj"] < explanation.SIGNIFICANT).all()
    assert (missing["target_log2_fold"] <= 0).all()
    assert (why["agreement"] > why["agreement_runner_up"]).all()


def test_where_source_and_target_disagree_is_found(annotated):
    """Switch a gene that carries a label off in the target: it is missing; switch another on: it is unexpected."""
    source, target = annotated[0], annotated[1].copy()
    carries = itclust.explain(source, target, n_genes=1).query("kind == 'carries'").set_index("cluster")["gene"]
    gone, other = carries["0"], carries["1"]
    x = target.X.toarray()
    own = (target.obs["itclust_cluster"] == "0").to_numpy()
    x[own, target.var_names.get_loc(gone)] = 0
    x[own, target.var_names.get_loc(other)] += 200
    target.X = sp.csr_matrix(x)
    after = itclust.explain(source, target, n_genes=200).query("cluster == '0'").set_index("gene")["kind"]
    assert after[gone] == "missing"
    assert after[other] == "unexpected"


def test_a_novel_cluster_is_compared_with_the_nearest_type(annotated):
    source, target = annotated[0], annotated[1].copy()
    table = target.uns["itclust"]["clusters"].copy()
    old = table.loc["0", "label"]
    table["label"] = table["label"].astype(str)
    table["nearest_type"] = None
    table.loc["0", ["label", "novel", "nearest_type"]] = ["novel 1", True, old]
    target.uns["itclust"]["clusters"] = table
    rows = itclust.explain(source, target).query("cluster == '0'")
    assert set(rows["compared_with"]) == {old}
    assert set(rows["label"]) == {"novel 1"}


def test_scaled_values_and_missing_results_are_said(annotated):
    source, target = annotated
    with pytest.raises(KeyError, match=r"itclust\.transfer\(source, target\) first"):
        itclust.explain(source, source)
    with pytest.raises(KeyError, match="Results are under key='itclust'"):
        itclust.explain(source, target, key="other")


def test_several_sources_are_one(annotated, why):
    source, target = annotated
    halves = {"a": source[:150].copy(), "b": source[150:].copy()}
    pd.testing.assert_frame_equal(itclust.explain(halves, target, n_genes=5), why, rtol=1e-4)


def test_cells_without_a_label_do_not_count(annotated, why):
    source, target = annotated[0].copy(), annotated[1].copy()
    more = source[:40].copy()
    more.obs["cell_type"] = more.obs["cell_type"].astype(object)
    more.obs.iloc[:20, more.obs.columns.get_loc("cell_type")] = None
    more.obs.iloc[20:, more.obs.columns.get_loc("cell_type")] = "Unknown"
    target.uns["itclust"] = {
        **target.uns["itclust"],
        "params": {**target.uns["itclust"]["params"], "unlabelled": ["Unknown"]},
    }
    pd.testing.assert_frame_equal(itclust.explain([source, more], target, n_genes=5), why, rtol=1e-4)


def test_names_in_another_case_are_the_same_genes(annotated, why):
    """`paper` keeps its genes in upper case, whatever the data have."""
    source, target = annotated[0].copy(), annotated[1].copy()
    source.var_names, target.var_names = source.var_names.str.lower(), target.var_names.str.lower()
    other = itclust.explain(source, target, n_genes=5)
    pd.testing.assert_frame_equal(other.assign(gene=other["gene"].str.upper()), why, rtol=1e-4)
