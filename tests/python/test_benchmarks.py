"""The benchmark's scores and preparation against brute force; no method is run."""

import itertools
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

HERE = Path(__file__).resolve().parents[2] / "benchmarks"
pytestmark = pytest.mark.skipif(not HERE.is_dir(), reason="benchmarks/ is only in the repository")


@pytest.fixture(autouse=True)
def _on_path(monkeypatch):
    monkeypatch.syspath_prepend(str(HERE))


@pytest.fixture
def answered():
    """40 cells of types A, B, C and X; the source lacks X; some cells did not come back."""
    rng = np.random.default_rng(3)
    truth = rng.choice(["A", "B", "C", "X"], 40)
    label = np.where(rng.random(40) < 0.6, truth, rng.choice(["A", "B", "novel 1", "novel 2"], 40))
    label = np.where(label == "X", "novel 1", label)
    confidence, novelty = rng.random(40), rng.choice(5, 40) / 4
    answer = pd.DataFrame({"label": label, "confidence": confidence, "novelty": novelty}, index=map(str, range(40)))
    return truth, answer.drop(index=["3", "17"]), [str(i) for i in range(40)], {"A", "B", "C"}


def test_scores_are_what_loops_over_cells_give(answered):
    import scores

    truth, answer, cells, types = answered
    got = scores.score(truth, scores.align(answer, cells), types)
    label = [answer["label"].get(c, "NA") for c in cells]
    novelty = [answer["novelty"].get(c, 0.0) for c in cells]
    known = [i for i in range(40) if truth[i] in types]
    new = [i for i in range(40) if truth[i] not in types]

    assert got["acc"] == pytest.approx(np.mean([label[i] == truth[i] for i in known]))
    assert got["f1"] == pytest.approx(np.mean([_f1(t, [(truth[i], label[i]) for i in known]) for t in "ABC"]))
    assert got["false_nov"] == pytest.approx(np.mean([label[i].startswith("novel") for i in known]))
    assert got["nov_recall"] == pytest.approx(np.mean([label[i].startswith("novel") for i in new]))
    won = [(novelty[i] > novelty[j]) + (novelty[i] == novelty[j]) / 2 for i in new for j in known]
    assert got["auroc"] == pytest.approx(np.mean(won))
    assert got["ari"] == pytest.approx(_ari(truth, label))
    assert got["nov_ari"] == pytest.approx(_ari(truth[new], [label[i] for i in new]))
    assert (got["back"], got["cov"]) == (38 / 40, 38 / 40)


def _f1(kind, cells):
    right = sum(t == kind == a for t, a in cells)
    return 2 * right / (sum(t == kind for t, _ in cells) + sum(a == kind for _, a in cells))


def _ari(a, b):
    """From its definition: agreement over pairs of cells, less what chance gives."""
    together = [(a[i] == a[j], b[i] == b[j]) for i, j in itertools.combinations(range(len(a)), 2)]
    both, in_a, in_b = (sum(map(f, together)) for f in (all, lambda t: t[0], lambda t: t[1]))
    chance = in_a * in_b / len(together)
    return (both - chance) / ((in_a + in_b) / 2 - chance)


def test_calibration_error_is_the_sum_over_ten_bins(answered):
    import scores

    truth, answer, cells, types = answered
    aligned = scores.align(answer, cells)
    confidence = aligned["confidence"].to_numpy()
    right = [l == t if t in types else l.startswith("novel") for l, t in zip(aligned["label"], truth, strict=True)]
    total = 0
    for k in range(10):
        inside = [i for i in range(40) if k / 10 <= confidence[i] < (k + 1) / 10]
        if inside:
            total += abs(np.mean([right[i] for i in inside]) - confidence[inside].mean()) * len(inside) / 40
    assert scores.score(truth, aligned, types)["ece_all"] == pytest.approx(total)
    assert scores.ece([True, True], [1.0, 1.2]) == 0  # 1 is in the last bin, more than 1 is clipped
    assert scores.ece([False, True], [1.0, 1.0]) == 0.5


def test_a_source_type_may_be_named_like_a_new_one():
    import scores

    assert scores.is_novel(["novel 1", "novel 2", "A"], {"novel 2", "A"}).tolist() == [True, False, False]


def test_without_confidence_there_is_no_calibration_error():
    import scores

    answer = pd.DataFrame({"label": ["A", "B"], "confidence": np.nan, "novelty": [-1.0, -0.2]}, index=["x", "y"])
    got = scores.score(["A", "X"], scores.align(answer, ["x", "y"]), {"A", "B"})
    assert "ece" not in got
    assert got["auroc"] == 1


def test_a_cell_answered_twice_is_refused():
    import scores

    answer = pd.DataFrame({"label": ["A", "B"], "confidence": 1.0, "novelty": 0.0}, index=["x", "x"])
    with pytest.raises(ValueError, match="answered twice: 'x'"):
        scores.align(answer, ["x"])


@pytest.fixture
def pair(tmp_path, monkeypatch):
    import data

    import itclust

    source, target = itclust.datasets.toy(200, 50, 40, 4, novel=1)
    target.obs = target.obs.rename(columns={"truth": "cell_type"})[["cell_type"]].iloc[:, :1]
    (tmp_path / "data").mkdir()
    for name, adata in {"s": source, "t": target}.items():
        adata.layers["other"] = adata.X.copy()
        adata.write_h5ad(tmp_path / "data" / f"{name}.h5ad")
    monkeypatch.setenv("ITCLUST_SHARED", str(tmp_path))
    return data.Pair("toy", "s", "t", "cell_type", drop=("B",))


def test_the_source_is_dropped_capped_and_mislabelled_and_nothing_leaks(pair):
    import data

    whole = data.prepare(pair, 0)
    assert whole.types == {"CD4 T", "CD8 T", "NK"}
    assert set(whole.truth) - whole.types == {"B", "CD14 Mono"}
    assert [*whole.source.obs] == ["label"]
    assert [*whole.target.obs, *whole.target.layers, *whole.target.uns] == []
    labels = whole.source.obs["label"]

    capped = data.prepare(pair.changed(cap=9, noise=0), 1)
    assert capped.source.obs["label"].value_counts().to_dict() == labels.value_counts().clip(upper=9).to_dict()
    assert (capped.source.obs["label"] == labels[capped.source.obs_names]).all()

    noisy = data.prepare(pair.changed(cap=None, noise=0.5), 1)
    assert noisy.source.obs_names.equals(whole.source.obs_names)
    wrong = (noisy.source.obs["label"] != labels).mean()  # 0.5 are drawn anew, of these a third stays right
    assert abs(wrong - 1 / 3) < 4 * np.sqrt(1 / 3 * 2 / 3 / len(labels))
    assert (data.prepare(pair.changed(None, 0.5), 1).source.obs["label"] == noisy.source.obs["label"]).all()


def test_what_becomes_of_a_type_that_was_left_out():
    import leave_one_out

    truth = np.array(["B", "B", "B", "B", "T", "T", "rare"])
    label = ["T", "novel 1", "T", "NK", "T", "novel 1", "novel 2"]
    novelty = [0.3, 0.9, 0.2, 0.5, 0.1, 0.4, 1.0]
    answer = pd.DataFrame({"label": label, "novelty": novelty})
    got = leave_one_out.outcome(truth, answer, ["B"], {"T", "NK"})
    won = np.mean([b > t for b in novelty[:4] for t in novelty[4:6]])  # the rare type is in neither group
    assert got == {"n": 4, "auroc": won, "recall": 0.25, "false_nov": 0.5, "taken_by": "T", "taken": 0.5}


def test_pairs_are_found_by_name_and_the_hold_out_is_not_run_by_default():
    import data

    held_out = set(json.loads((HERE / "holdout.json").read_text()))
    assert not held_out & {p.name for p in data.pairs()}
    assert len(data.pairs()) == 10
    assert [p.target for p in data.pairs(["pancreas"])] == list(data.PANCREAS_TECHNOLOGIES)
    with pytest.raises(SystemExit, match="there is no pair 'nosuch'"):
        data.pairs(["nosuch"])


def test_each_technology_of_the_pancreas_is_the_target_once(tmp_path, monkeypatch):
    import anndata
    import data

    monkeypatch.setenv("ITCLUST_CACHE", str(tmp_path))
    pairs = data.pairs(["pancreas"])
    assert "itclust.datasets.pancreas" in data.missing(pairs[0])
    batches = [b for batches in data.PANCREAS_TECHNOLOGIES.values() for b in batches]
    tech = np.repeat(batches, 2)
    obs = pd.DataFrame({"tech": tech, "celltype": ["alpha", "beta"] * len(batches)}, index=map(str, range(len(tech))))
    counts = np.arange(len(tech) * 3.0).reshape(-1, 3)
    anndata.AnnData(X=np.log1p(counts), obs=obs, layers={"counts": counts}).write_h5ad(tmp_path / "pancreas.h5ad")
    assert data.missing(pairs[0]) is None
    seen = []
    for pair in pairs:
        prepared = data.prepare(pair, 0)
        assert not set(prepared.source.obs_names) & set(prepared.target.obs_names)
        assert prepared.source.n_obs + prepared.target.n_obs == len(tech)
        assert (prepared.target.X == counts[prepared.target.obs_names.astype(int)]).all()
        seen += list(prepared.target.obs_names)
    assert sorted(seen) == sorted(obs.index)
    assert len(data.load(pairs[3])[1]) == 8  # the four batches of inDrop are one technology


def test_results_are_replaced_run_by_run_and_failed_ones_are_tried_again(tmp_path):
    import results

    path = tmp_path / "results.csv"
    for run, metrics in [
        (("p", "m", 0), {"acc": 0.5, "f1": 0.25}),
        (("p", "m", 1), {results.FAILED: 3.0}),
        (("p", "m", 0), {"acc": 0.75}),
    ]:
        results.add(path, run, metrics, "m 1.0")
    table = results.read(path)
    assert table[["seed", "metric", "value"]].to_numpy().tolist() == [[1, "failed", 3.0], [0, "acc", 0.75]]
    assert results.done(table) == {("p", "m", 0)}
    assert results.means(table, "acc").loc["p", "m"] == 0.75


def test_answers_of_both_kinds_are_read_alike(tmp_path):
    import run

    ours, theirs = tmp_path / "ours.csv", tmp_path / "theirs.csv"
    ours.write_text(
        "cell,itclust,itclust_cluster,itclust_confidence,itclust_novelty,itclust_initial\nNA,B,0,0.5,0.25,B\n"
    )
    theirs.write_text("cell,label,confidence,novelty\nNA,B,,-0.5\n")
    assert run.read_answer(ours).loc["NA"].tolist() == ["B", 0.5, 0.25, 0]
    assert np.isnan(run.read_answer(theirs).loc["NA", "confidence"])


def test_a_process_is_timed_and_ended_when_its_time_is_over(tmp_path):
    """Measured by a process of its own, as the runner does: a child's peak memory counts from its parent's."""
    log, here = tmp_path / "log", Path(__file__).parents[2] / "benchmarks"

    def measure(limit, code):
        command = [sys.executable, here / "measure.py", str(limit), log, sys.executable, "-c", code]
        return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    used = measure(20, "x = b'x' * (80 << 20); print('said'); raise SystemExit(3)")
    assert used["status"] == 3
    assert 80 < used["mb"] < 400
    assert log.read_text() == "said\n"
    assert measure(0.2, "import time; time.sleep(60)")["status"] == "time"


def test_the_page_says_who_is_best_and_where_ours_is_behind():
    import page
    import results

    rows = []
    for pair, ours, peer in [("pbmc", 0.9, 0.8), ("ifn", 0.7, 0.75), ("ifn noise=0.2", 0.6, 0.7)]:
        for method, value in {"default": ours, "logreg": peer}.items():
            metrics = {"acc": value, "f1": value, "ece_all": 0.1, "seconds": 2.0, "mb": 300.0}
            rows += [(pair, method, 0, metric, v, f"{method} 1.0", "2 cores") for metric, v in metrics.items()]
    text = page.write(pd.DataFrame(rows, columns=results.COLUMNS), None, [])
    assert "| pbmc | **0.900** | 0.800 |" in text
    assert "| mean of 2 | **0.800** | 0.775 |" in text
    assert "Mean of ours 0.800, of the best peer of each pair 0.775. It is behind the best peer on ifn (0.050" in text
    assert "| ItClust | noise=0.2 | 1 | 0.600 | -0.100 |" in text
    assert "run.py --pairs pbmc,ifn --methods default,logreg --seeds 0" in text
    assert "reliability.png" not in text
