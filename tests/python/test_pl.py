"""Plots: what they draw is what the results say; nothing of the user's object changes."""

import itertools

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from sklearn.neighbors import NearestNeighbors

mpl.use("Agg")

import matplotlib.pyplot as plt

import itclust
from itclust import pl
from itclust.pl import alluvial, canvas, palette, trust
from itclust.results import read as annotation

PLOTS = ("probabilities", "confidence", "flow", "history", "paths", "reliability", "certainty", "confusions")


@pytest.fixture(scope="module")
def target(annotated):
    """With places of its own, so that most tests need no UMAP."""
    target = annotated[1].copy()
    target.obsm["X_umap"] = np.asarray(target.obsm["X_itclust"])[:, :2].astype(float)
    return target


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


def _snapshot(adata):
    return sorted(adata.obs), sorted(adata.obsm), sorted(adata.uns), sorted(adata.uns["itclust"])


@pytest.mark.parametrize("name", [*PLOTS, "umap", "markers"])
def test_axes_come_back_files_are_written_and_nothing_changes(target, tmp_path, name):
    before = _snapshot(target)
    _, given = plt.subplots()
    args = {"color": "label"} if name == "umap" else {}
    assert getattr(pl, name)(target, **args, ax=given, show=False) is given
    ax = getattr(pl, name)(target, **args, show=False, save=tmp_path / "a.png")
    assert isinstance(ax, mpl.axes.Axes)
    assert (tmp_path / "a.png").stat().st_size > 5_000
    assert getattr(pl, name)(target, **args, show=True) is None
    assert _snapshot(target) == before


def test_umap_is_computed_where_there_is_none_and_not_kept(annotated):
    target = annotated[1]
    assert "X_umap" not in target.obsm
    panels = pl.umap(target, ["label", "cluster", "confidence", "truth"], show=False)
    assert [p.get_title() for p in panels] == ["cell type", "itclust_cluster", "confidence", "truth"]
    assert "X_umap" not in target.obsm
    points = panels[0].collections[0].get_offsets()
    assert len(points) == target.n_obs
    assert np.isfinite(points).all()
    colour = [mpl.colors.to_hex(c) for c in panels[0].collections[0].get_facecolors()]
    colour = np.unique(colour, return_inverse=True)[1]
    nearest = NearestNeighbors(n_neighbors=1).fit(points).kneighbors(return_distance=False).ravel()
    assert (colour[nearest] == colour).mean() > 0.9  # cells of one label lie together


def test_points_are_rasterised_and_have_their_labels_colour(target):
    ax = pl.umap(target, "label", show=False)
    dots = ax.collections[0]
    assert dots.get_rasterized()
    colour = palette.of_types(annotation(target))
    names, counts = np.unique(target.obs["itclust"].astype(str), return_counts=True)
    drawn = pd.Series([mpl.colors.to_hex(c) for c in dots.get_facecolors()]).value_counts()
    assert {n: drawn[colour[n].lower()] for n in names} == dict(zip(names, counts))
    assert {t.get_text() for t in ax.texts} == set(names)


def test_cells_without_a_label_are_not_drawn_and_uns_colours_are_used(target):
    target = target.copy()
    for column in ("itclust", "itclust_cluster", "itclust_initial"):
        target.obs.loc[target.obs_names[:5], column] = np.nan
    own = ["#000001", "#000002", "#000003", "#000004"]
    target.uns["itclust_colors"] = own
    dots = pl.umap(target, "label", show=False).collections[0]
    assert len(dots.get_offsets()) == target.n_obs - 5
    assert {mpl.colors.to_hex(c) for c in dots.get_facecolors()} == set(own)


def test_sampling_is_stable_and_keeps_rare_groups():
    groups = np.repeat([0, 1, 2, -1], [900_000, 99_950, 50, 10])
    rows = canvas.drawn(groups, 10_000)
    assert len(rows) == 10_000
    assert np.array_equal(rows, canvas.drawn(groups, 10_000))
    assert np.array_equal(rows, np.unique(rows))
    assert (groups[rows] == 2).sum() == 50
    assert (groups[rows] >= 0).all()
    assert (groups[rows] == 0).sum() > 2 * (groups[rows] == 1).sum()
    assert np.array_equal(canvas.drawn(np.array([0, -1, 1]), 10), [0, 2])


@pytest.mark.parametrize("n", [1, 3, 12, 60])
def test_colours_stay_apart_for_colour_blind_readers(n):
    colours = palette.colours(n)
    assert len(set(colours)) == n
    assert colours == palette.colours(60)[:n]
    seen = palette.oklab([mpl.colors.to_rgb(c) for c in colours])
    gap = np.sqrt(((seen[:, :, None] - seen[:, None]) ** 2).sum(-1)) + 9 * np.eye(n)
    least = {1: 9, 3: 0.1, 12: 0.07, 60: 0.04}[n]
    assert gap.min() >= least
    assert seen[0, :, 0].max() < 0.88  # seen on white


def test_grey_stays_grey_in_every_vision():
    seen = palette.oklab([[0.0, 0.0, 0.0], [1.0, 1.0, 1.0], [0.5, 0.5, 0.5]])
    np.testing.assert_allclose(seen[..., 1:], 0, atol=0.01)
    np.testing.assert_allclose(seen[0, :2, 0], [0, 1], atol=1e-3)


def test_heat_map_shows_the_mean_probabilities(target):
    ax = pl.probabilities(target, show=False)
    shown = np.asarray(ax.images[0].get_array())
    cluster = target.obs["itclust_cluster"].astype(str).to_numpy()
    table = target.obsm["itclust_type_probabilities"]
    for i, c in enumerate(target.uns["itclust"]["clusters"].index):
        np.testing.assert_allclose(shown[i], table[cluster == c].mean(), rtol=1e-5)
    assert [t.get_text() for t in ax.get_xticklabels()] == list(table.columns)


def test_heat_map_and_paths_name_types_as_the_user_does(annotated):
    """Also those that no column can be named after, and those too long for the map."""
    target = annotated[1].copy()
    target.obsm["X_umap"] = np.asarray(target.obsm["X_itclust"])[:, :2].astype(float)
    run = target.uns["itclust"] = dict(target.uns["itclust"])
    old = list(map(str, run["types"]))
    new = {t: f"CD4+/CD45RA+ subset {t}" for t in old}
    run["types"] = np.array([new[t] for t in old], dtype=object)
    run["history"] = {**run["history"], "labels": np.array([new.get(t, t) for t in map(str, run["history"]["labels"])])}
    table = target.obsm["itclust_type_probabilities"]
    target.obsm["itclust_type_probabilities"] = table.rename(columns={t: new[t].replace("/", "|") for t in old})
    ticks = [t.get_text() for t in pl.probabilities(target, show=False).get_xticklabels()]
    assert ticks == [*new.values(), "novel"]
    ax = pl.paths(target, show=False)
    beside = [t.get_text() for t in ax.get_legend().get_texts()]
    assert {text.split("  ", 1)[1] for text in beside} == set(map(str, run["history"]["labels"]))
    assert {t.get_text() for t in ax.texts} >= {text.split("  ", 1)[0] for text in beside}


def test_a_type_has_one_number_on_all_maps(target):
    """Also where the first of them has no cell left."""
    target = target[target.obs["itclust"] != "B"].copy()
    run = target.uns["itclust"]
    new = {t: f"{t}, whose name is long" for t in map(str, run["types"])}
    run["types"] = np.array(list(new.values()))
    run["history"]["labels"] = np.array([new[t] for t in run["history"]["labels"]])
    for column in ("itclust", "itclust_initial"):
        target.obs[column] = target.obs[column].cat.rename_categories(new)
    maps = [*pl.umap(target, ["label", "initial"], show=False), pl.paths(target, show=False)]
    numbers = [dict(t.get_text().split("  ")[::-1] for t in ax.get_legend().get_texts()) for ax in maps]
    assert set(new.values()) == set(numbers[2])
    assert numbers[0].items() < numbers[2].items() and numbers[1].items() <= numbers[2].items()
    for ax, of_map in zip(maps, numbers):
        assert {t.get_text() for t in ax.texts} - {""} == set(of_map.values())


def test_flow_counts_every_cell_once(target):
    counts = alluvial.moves(annotation(target))
    assert counts.to_numpy().sum() == target.n_obs
    first, last = target.obs["itclust_initial"], target.obs["itclust"]
    assert counts.loc["B", "B"] == ((first == "B") & (last == "B")).sum()
    kept = (first.astype(str) == last.astype(str)).mean()
    ax = pl.flow(target, show=False)
    assert f"{kept:.1%}" in ax.get_title()
    assert len(ax.patches) == np.count_nonzero(counts) + sum(counts.shape)


def test_names_beside_the_flow_do_not_overlap():
    y = alluvial._apart([0.5, 0.5, 0.5, 0.02, 0.01], 0.1)
    assert (-np.diff(y) >= 0.1 - 1e-9).all()
    assert y.min() >= 0
    crowded = alluvial._apart(np.zeros(60), 0.1)
    assert (-np.diff(crowded) > 0.01).all()
    assert crowded.max() <= 1 + 1e-9


def test_names_of_thin_bars_do_not_overlap(target, monkeypatch):
    counts = alluvial.moves(annotation(target))
    counts[:] = 1
    counts.iloc[0] = 1000
    monkeypatch.setattr(alluvial, "moves", lambda found: counts)
    ax = pl.flow(target, show=False)
    ax.figure.canvas.draw()
    names = [t.get_window_extent() for t in ax.texts]
    assert len(names) == sum(counts.shape)
    assert not any(a.overlaps(b) for a, b in itertools.combinations(names, 2))


def test_confidence_shows_the_median_of_each_type(target):
    ax = pl.confidence(target, show=False)
    median = target.obs.groupby("itclust", observed=True)["itclust_confidence"].median().sort_values()
    np.testing.assert_allclose(ax.lines[0].get_xdata(), median, rtol=1e-5)


def test_reliability_is_the_brute_force_calibration(target):
    found = annotation(target)
    truth = target.obs["truth"].astype(object).copy()
    truth.iloc[:60] = "B"
    truth.iloc[60] = None
    table = trust.calibration(found, truth)
    right = (target.obs["itclust"].astype(str) == truth.astype(str)).to_numpy()[np.arange(target.n_obs) != 60]
    sure = np.delete(found.confidence, 60)
    gaps = 0
    for k in range(trust.BINS):
        own = (sure >= k / 10) & ((sure < (k + 1) / 10) | (k == 9))
        if own.any():
            gaps += own.sum() * abs(right[own].mean() - sure[own].mean())
    assert table["n_cells"].sum() == target.n_obs - 1
    assert trust.calibration_error(table) == pytest.approx(gaps / len(sure), abs=1e-9)
    target.obs["known"] = truth
    assert f"{gaps / len(sure):.3f}" in pl.reliability(target, "known", show=False).get_title()
    del target.obs["known"]


def test_a_novel_label_is_right_where_the_source_lacks_the_type(target):
    target = target.copy()
    target.uns["itclust"]["clusters"] = target.uns["itclust"]["clusters"].assign(novel=True)
    found = annotation(target)
    absent = pd.Series(["never seen"] * target.n_obs, index=target.obs_names)
    assert trust.calibration(found, absent)["right"].min() == 1
    assert trust.calibration(found, target.obs["truth"].astype(object))["right"].max() == 0


def test_history_draws_the_shares_and_the_tolerance(target):
    ax = pl.history(target, show=False)
    np.testing.assert_allclose(ax.lines[0].get_ydata(), 100 * target.uns["itclust"]["history"]["changed"])
    assert ax.lines[1].get_ydata()[0] == pytest.approx(100 * target.uns["itclust"]["params"]["tol"])


def test_paths_end_where_the_labels_cells_are(target):
    history = target.uns["itclust"]["history"]
    z, labels = target.obsm["X_itclust"], target.obs["itclust"].astype(str).to_numpy()
    assert history["centroids"].shape == (len(history["changed"]) + 1, len(history["labels"]), z.shape[1])
    first = target.obs["itclust_initial"].astype(str).to_numpy()
    for k, name in enumerate(history["labels"]):
        np.testing.assert_allclose(history["centroids"][-1, k], z[labels == name].mean(0), atol=1e-5)
        np.testing.assert_allclose(history["centroids"][0, k], z[first == name].mean(0), atol=1e-5)
    ax = pl.paths(target, show=False)
    ways = [line.get_xydata() for line in ax.lines if len(line.get_xydata()) > 1]
    assert {len(way) for way in ways} == {len(history["changed"]) + 1}
    for way, name in zip(ways, sorted(history["labels"], key=lambda t: [n.get_text() for n in ax.texts].index(t))):
        cells = target.obsm["X_umap"][labels == name]
        assert (way[-1] >= cells.min(0)).all() and (way[-1] <= cells.max(0)).all()


def test_markers_put_each_cluster_above_its_source_type(annotated):
    source, target = annotated
    ax = pl.markers(target, source, n_genes=2, show=False)
    rows = [t.get_text() for t in ax.get_yticklabels()]
    names = annotation(target).names
    assert rows == [text for c, n in names.items() for text in (f"{c}  {n}", f"source: {n}")]
    genes = [t.get_text() for t in ax.get_xticklabels()]
    assert len(genes) == len(set(genes)) == 2 * len(names)
    alone = pl.markers(target, genes=genes[:3], show=False)
    assert [t.get_text() for t in alone.get_xticklabels()] == genes[:3]
    assert len(alone.get_yticklabels()) == len(names)
    dots = alone.collections[0]
    gene = target[:, genes[0]].X.toarray().ravel()
    own = (target.obs["itclust_cluster"] == "0").to_numpy()
    assert dots.get_sizes()[0] == pytest.approx(90 * (gene[own] > 0).mean())
    with pytest.raises(KeyError, match="'NOPE' not among"):
        pl.markers(target, genes=["NOPE"], show=False)


@pytest.mark.filterwarnings("error:constrained_layout")
@pytest.mark.parametrize("n_types", [3, 60])
def test_plots_hold_few_and_many_types(annotated, n_types):
    """The toy result under other names: one cluster for each of many types."""
    target = annotated[1].copy()
    rng = np.random.default_rng(0)
    code = np.sort(np.append(np.arange(n_types), rng.integers(0, n_types, target.n_obs - n_types)))
    names = np.array([f"type {k}" for k in range(n_types)])
    target.obs["itclust"] = pd.Categorical(names[code])
    target.obs["itclust_initial"] = pd.Categorical(names[rng.permutation(code)])
    target.obs["itclust_cluster"] = pd.Categorical(code.astype(str))
    chance = rng.dirichlet(np.ones(n_types + 1), target.n_obs).astype("f4")
    target.obsm["itclust_type_probabilities"] = pd.DataFrame(chance, target.obs_names, [*names, "novel"])
    size = np.bincount(code)
    target.uns["itclust"]["clusters"] = pd.DataFrame(
        {"label": names, "novel": False, "n_cells": size, "stability": 0.5, "novelty": 0.1, "runner_up": names[::-1]},
        index=[str(k) for k in range(n_types)],
    )
    target.obsm["X_umap"] = rng.normal(size=(target.n_obs, 2))
    start = target.obsm["X_itclust"][rng.integers(0, target.n_obs, (4, n_types))]
    target.uns["itclust"] |= {
        "types": names,
        "history": {"changed": [0.2, 0.1, 0.0], "labels": names, "centroids": start},
    }
    for name in (*PLOTS, "umap"):
        ax = getattr(pl, name)(target, show=False)
        figure = (ax[0] if isinstance(ax, list) else ax).figure
        figure.draw_without_rendering()  # the layout warns, and so fails, where axes have no room
    ax = pl.umap(target, "label", show=False)
    assert len(ax.get_legend().get_texts()) == n_types
    assert ax.texts[0].get_text() == ("type 0" if n_types == 3 else "1")


def test_errors_name_the_way_out(target):
    with pytest.raises(KeyError, match="Results are under key='itclust'"):
        pl.flow(target, key="mine")
    with pytest.raises(KeyError, match="'nope' is not a column of obs"):
        pl.umap(target, "nope", show=False)
    with pytest.raises(ValueError, match="ax= takes one panel"):
        pl.umap(target, ["label", "cluster"], ax=plt.subplots()[1])
    assert "pl" in dir(itclust)


def test_error_bars_are_wilsons():
    share, n = np.array([0.0, 0.5, 0.9, 1.0]), np.array([10, 100, 4000, 1])
    low, high = trust.interval(share, n)
    for p, k, end, sign in [*zip(share, n, low, (-1,) * 4), *zip(share, n, high, (1,) * 4)]:
        if p not in (0, 1) or end != pytest.approx(p, abs=1e-9):  # the ends solve |share - p| = z sqrt(p (1 - p) / n)
            assert abs(end - p) == pytest.approx(trust.Z * np.sqrt(end * (1 - end) / k)) and (end - p) * sign > 0
    assert (low >= 0).all() and (high <= 1).all()


def test_certainty_and_confusions_count_cells(target):
    found, obs = annotation(target), target.obs
    shares, sure = trust.said(found), obs["itclust_confidence"].to_numpy()
    own = (obs["itclust_level"].astype(str) == obs["itclust"].astype(str)).mean()
    assert shares["the label"] == own and sum(shares.values()) == pytest.approx(1)
    line = pl.certainty(target, show=False).lines[0]
    for x, y in zip(line.get_xdata()[1:-1:17], line.get_ydata()[1:-1:17], strict=True):
        assert y == pytest.approx((sure >= np.float64(x)).mean(), abs=(sure == x).mean())
    several = obs["itclust_set"].astype(str).str.contains(" or ").sum() + (obs["itclust_set"] == "any cell").sum()
    assert trust.remaining(found).sum() == several
    old = target[:, :20].copy()
    del old.obs["itclust_level"], old.obs["itclust_set"], old.uns["itclust"]["reliability"]
    pl.certainty(old, show=False), pl.confusions(old, show=False)
    with pytest.raises(ValueError, match="pass truth="):
        pl.reliability(old, show=False)
