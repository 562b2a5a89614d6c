"""The catalogue, run through Python and the shell, and what R found of its own; writes the docs' table."""

import csv
import os
import re
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

import itclust
from itclust import cli, io
from itclust.io import probe
from itclust.recipes import default

sys.path.insert(0, str(Path(__file__).parent))
from catalogue import data, models, settings
from catalogue.files import INPUTS
from catalogue.outputs import OUTPUTS
from corpus import adata, mtx, zarr_folder

DOCS = Path(__file__).parents[2] / "docs" / "reliability.md"
OF_R = DOCS.parents[1] / "tests" / "testthat" / "catalogue.csv"  # written by test-catalogue.R
SAID = {}
PYTHON, SHELL, R = "Python", "shell", "R"  # test-catalogue.R goes through the third one


@pytest.fixture(autouse=True)
def stay_in_process(monkeypatch):
    monkeypatch.setattr(cli, "_hush", lambda: None)


def note(name, area, becomes, doors, message="", folder="/nowhere"):
    """A row of the docs' table; without what differs from machine to machine."""
    text = message.replace(f"{folder}{os.sep}", "").replace(str(folder), ".")
    text = re.sub(r"(\w+Error|zlib): .*?(?=[).] )", "...", text)
    text = re.sub(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]", "\ufffd", re.sub(r" at 0x\w+", "", text))
    SAID[f"{area}: {name}"] = (area, name.replace("|", "/"), becomes, ", ".join(doors), text[:300])


def one_line(err: str) -> str:
    """What the shell said went wrong: one line, and nothing of the interpreter's."""
    assert "Traceback" not in err
    lines = [x for x in err.splitlines() if x.startswith("itclust: error: ")]
    assert len(lines) == 1
    return lines[0].removeprefix("itclust: error: ")


# -------------------------------------------------------------------------------------------------------------- files


@pytest.mark.parametrize("name", INPUTS)
def test_a_file(name, tmp_path, capsys, monkeypatch):
    case = INPUTS[name]
    path = case.make(tmp_path)
    message = read_in_python(case, path)
    assert case.says in message
    assert "\n" not in message
    note(name, case.area, case.becomes, (PYTHON, SHELL), message, tmp_path)

    by_child = "signal" in message or "more memory" in message
    if message and not by_child:  # else the child need not look again
        monkeypatch.setattr(probe, "check_opens", lambda path: None)
    assert cli.main(["inspect", str(path)]) == (case.becomes == "refused")
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    if case.becomes == "read":
        assert "genes" in out
    else:
        assert case.says in err
        assert len([x for x in err.splitlines() if x.startswith(("itclust: error:", "warning:"))]) == 1


def read_in_python(case, path) -> str:
    """The error or the warning, which is there where it should be."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        if case.becomes == "refused":
            with pytest.raises((io.Unreadable, FileNotFoundError)) as error:
                io.read(path)
            return str(error.value)
        io.read(path)
        message = " ".join(str(w.message) for w in caught)
        assert bool(message) == (case.becomes == "warned")
        return message


@pytest.mark.parametrize("name", models.MODELS)
def test_a_model_file(name, tmp_path, capsys):
    path, says = models.make(name, tmp_path), models.MODELS[name][1]
    with pytest.raises(ValueError, match=re.escape(says)) as error:
        itclust.ItClust.load(path)
    message = str(error.value)
    assert "\n" not in message
    assert ("Do not trust it" in message) or name not in models.HOSTILE or "format" in name or "claim" in name
    assert cli.main(["inspect", str(path)]) == 1
    if name in models.HOSTILE:  # else what is no zip is no model for `inspect` either
        assert says in one_line(capsys.readouterr().err)
    note(name, "model files", "refused", (PYTHON, SHELL, *[R] * (name in models.of_r())), message, tmp_path)


# ------------------------------------------------------------------------------------------------------------ outputs


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """Inputs that no refused command may change."""
    folder = tmp_path_factory.mktemp("inputs")
    for name in ("source", "target"):
        adata().write_h5ad(folder / f"{name}.h5ad")
    zarr_folder(folder).rename(folder / "store.zarr")
    for sub in ("tenx", "sub", "sub.zarr"):
        (folder / sub).mkdir()
    mtx(folder / "tenx")
    return folder


@pytest.mark.parametrize("name", OUTPUTS)
def test_an_output(name, inputs, capsys, monkeypatch):
    monkeypatch.chdir(inputs)
    before = {p: p.read_bytes() for p in inputs.rglob("*") if p.is_file()}
    make, says = OUTPUTS[name]
    args = make(inputs)
    there = set(inputs.iterdir())
    try:
        assert cli.main([*args, "--labels", "cell_type"]) == 2
        err = capsys.readouterr().err
        message = one_line(err)
        assert "\n" not in err.strip()
        assert says in err
        assert set(inputs.iterdir()) == there
        assert {p: p.read_bytes() for p in before} == before
    finally:
        for odd in inputs.glob("odd*"):
            odd.rmdir() if odd.is_dir() and not odd.is_symlink() else odd.unlink()
    note(f"`{name}`", "outputs", "refused", (SHELL,), message, inputs)


# ----------------------------------------------------------------------------------------------------------- settings


@pytest.mark.parametrize("name", settings.SETTINGS)
def test_a_setting(name, inputs, capsys, monkeypatch):
    preset, setting, value, says = settings.SETTINGS[name]
    with pytest.raises((TypeError, ValueError), match=re.escape(says)) as error:
        itclust.ItClust(preset, **{setting: value})
    message = str(error.value)
    assert "\n" not in message and (setting in message)
    monkeypatch.chdir(inputs)
    text = ",".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
    call = ["train", "source.h5ad", "-o", "m.itclust", "--labels", "cell_type", "--preset", preset]
    assert cli.main([*call, "--set", f"{setting}={text}"]) == 2
    assert says in one_line(capsys.readouterr().err)
    doors = [PYTHON, SHELL, *([R] if name in {case[0] for case in settings.of_r()} else [])]
    note(f"`{name}`", "settings", "refused", doors, message)


@pytest.mark.parametrize("seed", settings.SEEDS, ids=repr)
def test_a_seed(seed):
    with pytest.raises(ValueError, match=r"whole number from 0 to 2\^32 - 1") as error:
        itclust.ItClust(random_state=seed)
    note(f"`random_state={seed!r}`", "settings", "refused", (PYTHON,), str(error.value))


# ---------------------------------------------------------------------------------------------------- what is in memory


class Reached(Exception):
    """The checks were passed, and the recipe was about to start."""


@pytest.fixture
def reached(monkeypatch):
    """What the recipe sees: source and target, once they are through the gate."""
    found = []

    def select_genes(source, target, *_):
        found[:] = source, target
        raise Reached

    monkeypatch.setattr(default, "select_genes", select_genes)
    return found


def assert_same(found, reached):
    """``found`` is what the recipe sees of the pair that nothing was done to."""
    found = list(found)
    with pytest.raises(Reached):
        itclust.transfer(*data.pair(), progress=False)
    for a, b in zip(found, reached, strict=True):
        for part in ("data", "indices", "indptr"):
            np.testing.assert_array_equal(getattr(a.values.whole(), part), getattr(b.values.whole(), part))
        np.testing.assert_array_equal(a.codes, b.codes)
        np.testing.assert_array_equal(a.batch, b.batch)
    assert np.isin(found[0].genes, found[1].genes).all()


@pytest.mark.parametrize("name", data.DATA)
@pytest.mark.filterwarnings("ignore::UserWarning:anndata", "ignore:.*names are not unique")
def test_data_in_memory(name, reached):
    case = data.DATA[name]
    source, target, keywords = data.changed(name)
    before = list(target.obs), list(source.obs), dict(target.uns)
    message = ""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        if case.becomes == "refused":
            with pytest.raises((ValueError, KeyError, TypeError)) as error:
                itclust.transfer(source, target, **{"progress": False} | keywords)
            message = str(error.value.args[0])
        else:
            with pytest.raises(Reached):
                itclust.transfer(source, target, **{"progress": False} | keywords)
            message = " ".join(str(w.message) for w in caught)
            assert bool(message) == (case.becomes == "warned"), message
            if case.becomes == "same":
                assert_same(reached, reached)
    assert case.says in message
    assert "\n" not in message
    assert (list(target.obs), list(source.obs), dict(target.uns)) == before
    doors = [d for d in (PYTHON, SHELL, R) if d.lower() in case.doors]
    note(name, case.area, case.becomes, doors, message)


OPTIONS = {"labels_key": "--labels", "layer": "--layer", "values": "--values", "batch_key": "--batch-key"}


@pytest.mark.parametrize("name", [n for n, c in data.DATA.items() if "shell" in c.doors])
def test_data_through_the_shell(name, reached, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(probe, "check_opens", lambda path: None)  # these files are whole
    case, call = data.DATA[name], ["transfer", str(tmp_path / "s.h5ad"), str(tmp_path / "t.h5ad")]
    source, target, keywords = data.changed(name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # anndata's own
        source.write_h5ad(call[1])
        target.write_h5ad(call[2])
    call += [x for k, v in keywords.items() for x in (OPTIONS[k], v)]
    assert cli.main([*call, "-o", str(tmp_path / "o.h5ad"), "--quiet"]) == 1
    err = capsys.readouterr().err
    said = one_line(err)
    assert bool(reached) == (case.becomes != "refused"), said
    assert case.says in err
    assert not (tmp_path / "o.h5ad").exists()
    if case.becomes == "same":
        assert_same(reached, reached)


@pytest.mark.parametrize("name", settings.KEYS)
def test_a_key(name):
    source, target = data.pair()
    with pytest.raises(ValueError, match="is not usable") as error:
        itclust.transfer(source, target, key_added=settings.KEYS[name], progress=False)
    assert len(str(error.value)) < 300
    note(f"key_added: {name}", "arguments", "refused", (PYTHON,), str(error.value))


# ------------------------------------------------------------------------------------------------------- the docs' table


def table() -> str:
    """The page of the docs."""
    with OF_R.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            note(row["case"], row["area"], row["becomes"], (R,), row["message"])
    lines = (DOCS.with_name("reliability.md.in").read_text("utf-8")).rstrip().splitlines()
    for area in dict.fromkeys(area for area, *_ in SAID.values()):
        lines += [
            "",
            f"### {area[0].upper()}{area[1:]}",
            "",
            "| case | becomes | through | message |",
            "|---|---|---|---|",
        ]
        rows = [row for row in SAID.values() if row[0] == area]
        lines += [f"| {n} | {b} | {d} | {m.replace('|', '/')} |" for _, n, b, d, m in rows]
    return "\n".join(lines) + "\n"


def test_table_of_the_docs():
    n_cases = len(INPUTS) + len(OUTPUTS) + len(models.MODELS) + len(settings.SETTINGS) + len(settings.SEEDS)
    n_cases += len(data.DATA) + len(settings.KEYS)
    assert n_cases >= 400
    if len(SAID) < n_cases:
        pytest.skip("run the whole file, where every case can be made")
    if os.environ.get("ITCLUST_WRITE_DOCS"):
        DOCS.write_text(table(), "utf-8")
    rows = {line.split(" | ")[0] for line in DOCS.read_text("utf-8").splitlines() if line.startswith("| ")}
    assert {line.split(" | ")[0] for line in table().splitlines() if line.startswith("| ")} == rows
