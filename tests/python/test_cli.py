"""The command line: results on disk, one-line errors, exit codes, nothing half written."""

import contextlib
import os
import subprocess
import sys
from importlib.util import find_spec

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import itclust
from itclust import cli, options, progress


@pytest.fixture(scope="session")
def files(toy, tmp_path_factory):
    folder = tmp_path_factory.mktemp("cli")
    toy[0].write_h5ad(folder / "source.h5ad")
    toy[1].write_h5ad(folder / "target.h5ad")
    return folder


@pytest.fixture(autouse=True)
def stay_in_process(monkeypatch):
    monkeypatch.setattr(cli, "_hush", lambda: None)


def run(*args):
    return cli.main([str(a) for a in args])


def test_transfer(files, tmp_path, capsys, annotated):
    out, table = tmp_path / "out.h5ad", tmp_path / "out.csv"
    assert run("transfer", files / "source.h5ad", files / "target.h5ad", "-o", out, "--csv", table) == 0
    printed = capsys.readouterr().out
    assert "label" in printed and "confidence" in printed and str(out) in printed
    back = ad.read_h5ad(out)
    pd.testing.assert_series_equal(back.obs["itclust"], annotated[1].obs["itclust"])
    np.testing.assert_allclose(back.obs["itclust_confidence"], annotated[1].obs["itclust_confidence"], atol=1e-6)
    csv = pd.read_csv(table, index_col=0)
    assert list(csv["itclust"]) == list(back.obs["itclust"]) and len(csv) == back.n_obs


def test_train_then_transfer_and_inspect(files, tmp_path, capsys, annotated):
    model, out = tmp_path / "m.itclust", tmp_path / "out.h5ad"
    assert run("train", files / "source.h5ad", "-o", model) == 0
    assert run("transfer", model, files / "target.h5ad", "-o", out, "--quiet") == 0
    assert list(ad.read_h5ad(out).obs["itclust"]) == list(annotated[1].obs["itclust"])
    capsys.readouterr()
    assert run("inspect", model) == 0 and "4 types" in capsys.readouterr().out
    assert run("inspect", out) == 0
    printed = capsys.readouterr().out
    assert "400 cells x 200 genes" in printed and "counts values" in printed and "results under 'itclust'" in printed
    assert run("transfer", model, files / "target.h5ad", "-o", out, "--preset", "paper") == 2


def failing(capsys, code, *args):
    assert run(*args) == code
    err = [x for x in capsys.readouterr().err.splitlines() if x.startswith("itclust: error:")]
    assert len(err) == 1
    return err[0]


def test_bad_input_is_one_line(files, tmp_path, capsys):
    s, t, out = files / "source.h5ad", files / "target.h5ad", tmp_path / "out.h5ad"
    assert "no such file" in failing(capsys, 1, "transfer", tmp_path / "none.h5ad", t, "-o", out)
    (tmp_path / "text.h5ad").write_text("hello\n")
    assert "text.h5ad" in failing(capsys, 1, "transfer", tmp_path / "text.h5ad", t, "-o", out)
    assert "'celltyp' is not a column" in failing(capsys, 1, "transfer", s, t, "-o", out, "--labels", "celltyp")
    assert "did you mean 'max_iter'" in failing(capsys, 2, "transfer", s, t, "-o", out, "--set", "maxiter=3")
    assert "there is no folder" in failing(capsys, 2, "transfer", s, t, "-o", tmp_path / "no" / "out.h5ad")
    assert ".h5ad or .zarr" in failing(capsys, 2, "transfer", s, t, "-o", tmp_path / "out.txt")
    code = 1 if find_spec("distributed") is None else 2
    cluster = failing(capsys, code, "transfer", s, t, "-o", out, "--scheduler", "tcp://127.0.0.1:9")
    assert {1: "pip install distributed", 2: "no Dask scheduler"}[code] in cluster
    assert not out.exists()


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("code", ["lets it through", "drops it", "makes another error of it"])
def test_an_interrupt_ends_it_whatever_it_meets_and_leaves_no_file(
    code, files, tmp_path, capsys, monkeypatch, press_ctrl_c
):
    def transfer(*_, **__):
        with contextlib.nullcontext() if code == "lets it through" else contextlib.suppress(KeyboardInterrupt):
            press_ctrl_c()
        if code == "makes another error of it":
            raise SystemError("bad argument to internal function")
        progress.reporter(False)("source", 0.5, "epoch 1")
        raise AssertionError

    monkeypatch.setattr(itclust, "transfer", transfer, raising=False)
    out = tmp_path / "out.h5ad"
    assert run("transfer", files / "source.h5ad", files / "target.h5ad", "-o", out) == 130
    assert "interrupted; nothing was written" in capsys.readouterr().err and not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tol=0.01", ("tol", 0.01)),
        ("n_hidden=64,32", ("n_hidden", ["64", "32"])),
        ("novelty=false", ("novelty", False)),
    ],
)
def test_settings(text, expected):
    assert options.setting(text) == expected


def test_wrong_use_of_the_real_command():
    for args in ([], ["transfer"], ["nothing"]):
        out = subprocess.run([sys.executable, "-m", "itclust", *args], check=False, capture_output=True, text=True)
        assert out.returncode == 2 and "usage: itclust" in out.stderr


def test_version_of_the_real_command():
    out = subprocess.run([sys.executable, "-m", "itclust", "--version"], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == f"itclust {itclust.__version__}"


def test_a_model_takes_what_concerns_the_target_and_refuses_the_rest(files, tmp_path, capsys, monkeypatch, fitted):
    model, out, target = tmp_path / "m.itclust", tmp_path / "out.h5ad", tmp_path / "raw.h5ad"
    fitted.save(model)
    adata = ad.read_h5ad(files / "target.h5ad")
    adata.raw = adata.copy()
    adata.X = np.zeros(adata.shape, "f4")
    adata.write_h5ad(target)
    got = {}
    real = itclust.ItClust.transfer

    def spy(self, *args, **options):
        got.update(options, novelty=self.settings.novelty, seed=self.random_state)
        return real(self, *args, **options)

    monkeypatch.setattr(itclust.ItClust, "transfer", spy)
    asked = ("--use-raw", "target", "--seed", "7", "--no-novelty", "--quiet")
    assert run("transfer", model, target, "-o", out, *asked) == 0
    assert got["use_raw"] is True and got["seed"] == 7 and got["novelty"] is False
    params = ad.read_h5ad(out).uns["itclust"]["params"]
    assert params["random_state"] == 7 and not params["novelty"]
    for option in (("--labels", "cell_type"), ("--set", "tol=0.1"), ("--use-raw", "both")):
        code = 2 if option != ("--use-raw", "both") else 0
        assert run("transfer", model, target, "-o", out, "--quiet", *option) == code
    assert "was decided when it was trained" in capsys.readouterr().err
