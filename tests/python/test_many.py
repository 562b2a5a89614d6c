"""Many targets from the shell: one after the other or side by side, failures apart, finished ones skipped."""

import anndata as ad
import numpy as np
import pytest

import itclust
from itclust import cli, io


@pytest.fixture(autouse=True)
def stay_in_process(monkeypatch):
    monkeypatch.setattr(cli, "_hush", lambda: None)


@pytest.fixture
def files(fitted, toy, tmp_path):
    """A model, two targets and a file that is none."""
    fitted.save(tmp_path / "m.itclust")
    for i in (0, 1):
        toy[1][200 * i : 200 * i + 200].copy().write_h5ad(tmp_path / f"t{i}.h5ad")
    (tmp_path / "bad.h5ad").write_text("hello\n")
    return tmp_path


def run(*args):
    return cli.main([str(a) for a in args])


@pytest.fixture(scope="module")
def alone(fitted, toy):
    """The labels of each target when it is annotated by itself."""
    targets = [toy[1][200 * i : 200 * i + 200].copy() for i in (0, 1)]
    for target in targets:
        fitted.transfer(target, progress=False)
    return [list(target.obs["itclust"]) for target in targets]


@pytest.mark.parametrize("jobs", [1, 2])
def test_failures_stop_nobody_and_finished_ones_are_skipped(files, capsys, alone, jobs):
    targets = [files / f for f in ("t0.h5ad", "bad.h5ad", "t1.h5ad")]
    command = ("transfer", files / "m.itclust", *targets, "-o", files / "out", "--quiet", "--jobs")
    assert run(*command, jobs) == 1
    printed = capsys.readouterr()
    assert "failed: " in printed.out and printed.out.count("done") == 2 and "1 of 3 targets failed" in printed.err
    for i in (0, 1):
        assert list(ad.read_h5ad(files / "out" / f"t{i}.h5ad").obs["itclust"]) == alone[i]
    stamp = (files / "out" / "t0.h5ad").stat().st_mtime_ns
    assert run(*command, 1) == 1
    assert capsys.readouterr().out.count("was there") == 2
    assert (files / "out" / "t0.h5ad").stat().st_mtime_ns == stamp


def test_nothing_that_is_read_is_replaced(files, capsys):
    assert run("transfer", files / "m.itclust", files / "t0.h5ad", "-o", f"{files}/") == 2
    assert "is read and would be replaced" in capsys.readouterr().err
    (files / "b").mkdir()
    (files / "b" / "t0.h5ad").write_bytes((files / "t0.h5ad").read_bytes())
    assert run("transfer", files / "m.itclust", files / "t0.h5ad", files / "b" / "t0.h5ad", "-o", files / "out") == 2
    assert (
        run("transfer", files / "m.itclust", files / "t0.h5ad", files / "t1.h5ad", "-o", files / "o", "--csv", "x") == 2
    )


def test_a_large_file_is_annotated_without_its_values_in_memory(files, monkeypatch, capsys):
    from itclust.io import reading

    monkeypatch.setattr(reading, "LARGE", 1000)
    whole = ad.read_h5ad(files / "t0.h5ad")
    whole.layers["other"] = whole.X * 2
    whole.uns["mine"] = {"a": 1}
    whole.write_h5ad(files / "t0.h5ad")
    assert io.is_large(files / "t0.h5ad") and not io.is_large(files / "m.itclust")
    assert run("transfer", files / "m.itclust", files / "t0.h5ad", "-o", files / "out.h5ad", "--quiet") == 0
    found = ad.read_h5ad(files / "out.h5ad")
    assert (found.X != whole.X).nnz == 0 and (found.layers["other"] != whole.layers["other"]).nnz == 0
    assert found.uns["mine"]["a"] == 1 and found.uns["itclust"]["version"] == itclust.__version__
    assert found.obs["itclust"].notna().all() and found.obsm["X_itclust"].shape[0] == 200
    assert np.array_equal(found.obs["truth"], whole.obs["truth"])
