"""The catalogue, run: every file through Python and the shell, every output through the shell; writes the docs' table."""

import os
import re
import sys
import warnings
from pathlib import Path

import pytest

from itclust import cli, io

sys.path.insert(0, str(Path(__file__).parent))
from catalogue import INPUTS, OUTPUTS
from corpus import adata, mtx, zarr_folder

DOCS = Path(__file__).parents[2] / "docs" / "reliability.md"
SAID = {}


@pytest.fixture(autouse=True)
def stay_in_process(monkeypatch):
    monkeypatch.setattr(cli, "_hush", lambda: None)


def shortened(message, folder) -> str:
    """Without what differs from machine to machine."""
    return re.sub(
        r"(\w+Error|zlib): .*?(?=[).] )", "...", message.replace(f"{folder}{os.sep}", "").replace(str(folder), ".")
    )


@pytest.mark.parametrize("name", INPUTS)
def test_a_file_through_python(name, tmp_path):
    case = INPUTS[name]
    path = case.make(tmp_path)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        if case.becomes == "refused":
            with pytest.raises((io.Unreadable, FileNotFoundError)) as error:
                io.read(path)
            message = str(error.value)
        else:
            io.read(path)
            message = " ".join(str(w.message) for w in caught)
            assert bool(message) == (case.becomes == "warned")
    assert case.says in message
    assert "\n" not in message
    SAID[name] = (case.area, case.becomes, shortened(message, tmp_path)[:300])


@pytest.mark.parametrize("name", INPUTS)
def test_a_file_through_the_shell(name, tmp_path, capsys):
    case = INPUTS[name]
    path = case.make(tmp_path)
    assert cli.main(["inspect", str(path)]) == (case.becomes == "refused")
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    if case.becomes == "read":
        assert "genes" in out
    else:
        assert case.says in err
        assert len([x for x in err.splitlines() if x.startswith(("itclust: error:", "warning:"))]) == 1


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
def test_an_output_through_the_shell(name, inputs, capsys, monkeypatch):
    monkeypatch.chdir(inputs)
    before = {p: p.read_bytes() for p in inputs.rglob("*") if p.is_file()}
    make, says = OUTPUTS[name]
    args = make(inputs)
    there = set(inputs.iterdir())
    try:
        code = cli.main([*args, "--labels", "cell_type"])
        err = capsys.readouterr().err
        assert code == 2
        assert err.count("itclust: error:") == 1 and "\n" not in err.strip()
        assert says in err
        assert set(inputs.iterdir()) == there
        assert {p: p.read_bytes() for p in before} == before
    finally:
        for odd in inputs.glob("odd*"):
            odd.rmdir() if odd.is_dir() and not odd.is_symlink() else odd.unlink()
    SAID[f"`{name}`"] = ("outputs", "refused", shortened(err.strip().removeprefix("itclust: error: "), inputs)[:300])


def table() -> str:
    """The page of the docs."""
    lines = (DOCS.with_name("reliability.md.in").read_text("utf-8")).rstrip().splitlines()
    for area in dict.fromkeys(area for area, *_ in SAID.values()):
        lines += ["", f"### {area[0].upper()}{area[1:]}", "", "| case | becomes | message |", "|---|---|---|"]
        lines += [f"| {n} | {b} | {m.replace('|', '/')} |" for n, (a, b, m) in SAID.items() if a == area]
    return "\n".join(lines) + "\n"


def test_table_of_the_docs():
    if len(SAID) < len(INPUTS) + len(OUTPUTS):
        pytest.skip("run the whole file, where every case can be made")
    if os.environ.get("ITCLUST_WRITE_DOCS"):
        DOCS.write_text(table(), "utf-8")
    rows = {line.split(" | ")[0] for line in DOCS.read_text("utf-8").splitlines() if line.startswith("| ")}
    assert {line.split(" | ")[0] for line in table().splitlines() if line.startswith("| ")} == rows
