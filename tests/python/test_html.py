"""The report, read as text and opened in a real browser."""

import dataclasses
import importlib.util
import re
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import itclust
from itclust import __version__, html
from itclust.html import findings, record
from itclust.html import page as pages
from itclust.results import read as annotation
from itclust.settings import resolve

_spec = importlib.util.spec_from_file_location("browser", Path(__file__).with_name("browser.py"))
browsers = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(browsers)

NASTY = '<script>window.hacked = 1</script>&"T"'
FIGURES = {
    "reliability",
    "certainty",
    "label",
    "confidence",
    "novelty",
    "cluster",
    "paths",
    "probabilities",
    "flow",
    "history",
    "markers",
}

CONTRAST = """(() => {
  const number = (c) => c.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (e) => { for (; e; e = e.parentElement) { const c = number(getComputedStyle(e).backgroundColor);
    if (c.length < 4 || c[3] > 0) return c; } return [255, 255, 255]; };
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = [];
  for (let n; (n = walk.nextNode()); ) {
    const e = n.parentElement;
    if (!n.textContent.trim() || ["SCRIPT", "STYLE"].includes(e.tagName)) continue;
    const [a, b] = [light(number(getComputedStyle(e).color)), light(ground(e))].sort((x, y) => y - x);
    found.push([(a + 0.05) / (b + 0.05), n.textContent.trim().slice(0, 40)]);
  }
  return found;
})()"""


def _with_umap(annotated):
    target = annotated[1].copy()
    target.obsm["X_umap"] = np.asarray(target.obsm["X_itclust"])[:, :2].astype(float)
    return target


def _renamed(target, old, new):
    """The same result with one type under another name."""
    target = target.copy()
    for column in ("itclust", "itclust_initial"):
        target.obs[column] = target.obs[column].cat.rename_categories({old: new})
    for k in ("itclust_type_probabilities",):
        target.obsm[k] = target.obsm[k].rename(columns={old: new.replace("/", "|")})
    table = target.uns["itclust"]["clusters"].copy()
    target.uns["itclust"]["clusters"] = table.assign(
        **{c: table[c].astype(str).replace(old, new) for c in ("label", "runner_up")}
    )
    return target


@pytest.fixture(scope="module")
def target(annotated):
    return _with_umap(annotated)


@pytest.fixture(scope="module")
def path(annotated, target, tmp_path_factory):
    """A report on a target one of whose types has a name full of HTML."""
    source = annotated[0].copy()
    source.obs["cell_type"] = source.obs["cell_type"].cat.rename_categories({"CD8 T": NASTY})
    path = tmp_path_factory.mktemp("report") / "report.html"
    itclust.report(_renamed(target, "CD8 T", NASTY), path, source=source)
    return path


@pytest.fixture(scope="module")
def browser():
    if browsers.installed() is None:
        pytest.skip("no Chromium here: apt-get install chromium")
    browser = browsers.Browser()
    yield browser
    browser.close()


@pytest.fixture
def opened(browser, path):
    browser.open(path.as_uri())
    return browser


def test_nothing_is_fetched_and_the_console_is_silent(opened):
    asked = [e["request"]["url"] for e in opened.said("Network.requestWillBeSent")]
    assert asked
    assert all(u.startswith(("file:", "data:")) for u in asked)
    for kind in ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded", "Network.loadingFailed"):
        assert opened.said(kind) == []
    assert opened.run("document.documentElement.lang") == "en"


def test_names_full_of_html_stay_text(opened):
    assert opened.run("typeof window.hacked") == "undefined"
    assert opened.run("document.body.innerText.includes('<script>window.hacked')")
    assert opened.run("document.scripts.length") == 1


def test_every_figure_is_there_and_says_what_it_shows(opened):
    figures = opened.run(
        "[...document.querySelectorAll('figure')].map((f) => { const i = f.querySelector('img');"
        "return [f.id, i.complete && i.naturalWidth, i.alt, f.querySelector('h3').innerText] })"
    )
    assert {f[0].removeprefix("figure-") for f in figures} == FIGURES
    assert all(width > 200 and len(alt) > 20 and title for _, width, alt, title in figures)


@pytest.mark.parametrize("width", [390, 1280])
def test_it_fits_a_phone_and_a_desktop(browser, path, width):
    browser.open(path.as_uri(), width=width, height=844)
    assert browser.run("document.documentElement.scrollWidth") <= width
    cut = browser.run(
        "[...document.querySelectorAll('h1,h2,h3,p,dd,dt,th,td,li,figcaption')].filter((e) => e.offsetParent &&"
        "!e.closest('.scroll, thead') && e.getBoundingClientRect().right > innerWidth + 1).map((e) => e.innerText)"
    )
    assert cut == []


@pytest.mark.parametrize("width", [390, 1280])
def test_text_has_contrast(browser, path, width):
    browser.open(path.as_uri(), width=width)
    ratios = browser.run(CONTRAST)
    assert len(ratios) > 100
    assert [r for r in ratios if r[0] < 4.5] == []


def test_the_keyboard_reaches_and_works_everything(opened):
    seen = []
    for _ in range(40):
        opened.press("Tab")
        what = "(document.activeElement.id || document.activeElement.ariaLabel || document.activeElement.innerText)"
        if opened.run("document.activeElement === document.body"):
            break  # past the end
        seen.append(opened.run(f"{what}.trim()"))
        assert opened.run("getComputedStyle(document.activeElement).outlineStyle") != "none"
        if seen[-1] == "filter":
            before = opened.run(
                "[...document.querySelectorAll('#clusters tbody tr')].filter(r => r.offsetParent).length"
            )
            opened.press(" ", "Space", " ")
            after = opened.run(
                "[...document.querySelectorAll('#clusters tbody tr')].filter(r => r.offsetParent).length"
            )
            trusted = opened.run("document.querySelectorAll('#clusters tr[data-verdict=trust]').length")
            assert after == before - trusted
            opened.press(" ", "Space", " ")
        if seen[-1].startswith("Cells"):
            opened.press("Enter", text="\r")
            cells = opened.run(
                "[...document.querySelectorAll('#clusters tbody tr')].map(r => +r.cells[1].dataset.value)"
            )
            assert cells == sorted(cells)
            assert opened.run("document.activeElement.closest('th').ariaSort") == "ascending"
            opened.press("Enter", text="\r")
            cells = opened.run(
                "[...document.querySelectorAll('#clusters tbody tr')].map(r => +r.cells[1].dataset.value)"
            )
            assert cells == sorted(cells, reverse=True)
    assert seen[0] == "Skip to the content"
    for name in ("Clusters", "Figures", "Reproduce", "filter", "Table of clusters", "Runner-up"):
        assert any(s.startswith(name) for s in seen), f"{name} was not reached: {seen}"


def test_links_within_the_page_lead_somewhere(opened):
    dead = "[...document.querySelectorAll('a')].filter((a) => !document.querySelector(a.getAttribute('href'))).length"
    assert opened.run(dead) == 0


def test_it_prints(browser, path):
    browser.open(path.as_uri(), width=800)
    pdf = browser.pdf()
    assert pdf.startswith(b"%PDF")
    assert len(re.findall(rb"/Type\s*/Page[^s]", pdf)) >= 2
    browser.send("Emulation.setEmulatedMedia", media="print")
    shown = browser.run(
        "['nav', 'label.filter', '#clusters', 'figure'].map(s => !!document.querySelector(s).offsetParent)"
    )
    browser.send("Emulation.setEmulatedMedia", media="")
    assert shown == [False, False, True, True]


def test_the_table_says_what_the_results_say(target):
    found = annotation(target)
    verdicts = findings.verdicts(found)
    table = target.uns["itclust"]["clusters"]
    assert [v.cluster for v in verdicts] == list(table.index)
    for v in verdicts:
        own = target.obs["itclust_confidence"][target.obs["itclust_cluster"] == v.cluster]
        assert v.confidence == pytest.approx(own.mean(), abs=1e-6)
        assert v.low == pytest.approx((own < 0.5).mean())
        assert v.n_cells == len(own) == table.loc[v.cluster, "n_cells"]
        assert v.verdict == ("look" if v.reasons else "trust")


def test_doubtful_clusters_are_named_with_the_reason(target):
    target = target.copy()
    table = target.uns["itclust"]["clusters"].copy()
    table["label"] = table["label"].astype(str)
    table.loc["0", ["label", "novel"]] = ["novel 1", True]
    table["nearest_type"] = ["CD4 T", None, None, None]
    table["markers"] = ["CD1, CD2", "", "", ""]
    table.loc["1", "stability"] = 0.2
    target.obs["itclust_novelty"] = np.float32(0.1)
    target.obs.loc[target.obs_names[(target.obs["itclust_cluster"] == "1").to_numpy()][:30], "itclust_novelty"] = 0.8
    target.uns["itclust"]["clusters"] = table
    third = (target.obs["itclust_cluster"] == "2").to_numpy()
    target.obs.loc[third, "itclust_confidence"] = np.float32(0.3)
    fourth = (target.obs["itclust_cluster"] == "3").to_numpy()
    second = table.loc["3", "runner_up"]
    target.obsm["itclust_type_probabilities"].loc[fourth, second] = np.float32(0.4)
    novel, unstable, low, mixed = findings.verdicts(annotation(target))
    assert (novel.verdict, unstable.verdict, low.verdict, mixed.verdict) == ("novel", "look", "look", "look")
    assert novel.reasons == ["No type of the source fits; the nearest is CD4 T.", "Its marker genes: CD1, CD2."]
    assert unstable.reasons[0].startswith(f"Strangers: {30 / unstable.n_cells:.0%} of its cells may be of a type")
    assert unstable.reasons[1].startswith("Unstable: 80% of its cells had another label first")
    assert low.reasons == [
        f"Low confidence: expect {round(0.7 * third.sum())} of its {third.sum()} labels to be wrong."
    ]
    assert mixed.reasons == [f"Mixed: 40% of its probability goes to {second}."]


def _changed(target, **uns):
    target = target.copy()
    target.uns["itclust"] = {**target.uns["itclust"], **uns}
    return target


def test_each_warning_comes_when_it_should_and_only_then(target):
    found = annotation(_changed(target, history={"changed": np.array([0.2, 0.0])}))
    assert [w for w in findings.cautions(found, __version__) if "genes" not in w.what] == []
    unsettled = annotation(_changed(target, history={"changed": np.array([0.2, 0.1])}))
    low = dataclasses.replace(found, confidence=np.where(np.arange(400) < 100, 0.2, 0.9))
    one = dataclasses.replace(found, label=pd.Series(pd.Categorical(["B"] * 400)))
    uncounted = dataclasses.replace(found, label=found.label.where(np.arange(400) > 2))
    cases = {
        "had not settled": unsettled,
        "25% of the cells have a confidence below 0.5": low,
        "same label": one,
        "3 of 400 cells have no count": uncounted,
        "results are of itclust 1": dataclasses.replace(found, version="1"),
        "network saw 7 genes for 4 types": dataclasses.replace(found, genes=found.genes[:7]),
    }
    for text, case in cases.items():
        said = [w for w in findings.cautions(case, __version__) if text in w.what]
        assert len(said) == 1, text
        assert said[0].do


def test_the_call_repeats_the_transfer(target, monkeypatch, tmp_path):
    """What the page tells the reader to run carries the settings of the run, also after a file."""
    params = {**target.uns["itclust"]["params"], "n_hidden": [64, 32], "random_state": 7, "tol": 0.01}
    params["unlabelled"] = ["Unknown"]
    target = _changed(target, params=params)
    target.write_h5ad(tmp_path / "a.h5ad")
    for adata in (target, ad.read_h5ad(tmp_path / "a.h5ad")):
        text, got = record.call(annotation(adata)), {}
        monkeypatch.setattr(
            itclust, "transfer", lambda source, target, got=got, **kwargs: got.update(kwargs), raising=False
        )
        exec(text, {"source": None, "target": None})  # noqa: S102
        assert got.pop("random_state") == 7
        assert resolve(got.pop("preset"), got) == resolve(
            "default", {"n_hidden": (64, 32), "tol": 0.01, "unlabelled": ("Unknown",)}
        )


def test_it_is_written_without_a_source_from_a_file_and_twice_the_same(target, tmp_path):
    target.write_h5ad(tmp_path / "a.h5ad")
    itclust.report(ad.read_h5ad(tmp_path / "a.h5ad"), tmp_path / "a.html")
    itclust.report(target, tmp_path / "b.html")
    first, second = ((tmp_path / n).read_text() for n in ("a.html", "b.html"))
    assert first == second
    assert "Why these labels" not in first
    assert f"{target.n_obs:,} cells were annotated" in first


def test_scaled_values_cost_the_markers_and_not_the_page(target, tmp_path):
    target = target.copy()
    target.X = target.X.toarray() - 1
    itclust.report(target, tmp_path / "a.html")
    text = (tmp_path / "a.html").read_text()
    assert "Marker genes could not be drawn." in text
    assert 'id="figure-markers"' not in text


def test_errors_leave_no_file(annotated, target, tmp_path):
    with pytest.raises(KeyError, match="no results under key='mine'"):
        itclust.report(target, tmp_path / "a.html", key="mine")
    with pytest.raises(FileNotFoundError):
        itclust.report(target, tmp_path / "nowhere" / "a.html")
    assert list(tmp_path.iterdir()) == []
    assert html.report is pages.report
