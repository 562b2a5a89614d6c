"""A wheel built from the sdist holds the package and imports."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    pytest.importorskip("build")
    pytest.importorskip("hatchling")
    out = tmp_path_factory.mktemp("dist")
    # without --wheel/--sdist, build makes the sdist and then the wheel from it
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    return next(out.glob("*.whl"))


def test_it_holds_the_package(wheel):
    with zipfile.ZipFile(wheel) as file:
        names = set(file.namelist())
    here = {str(p.relative_to(ROOT / "python")) for p in (ROOT / "python/itclust").rglob("*") if p.is_file()}
    assert {n for n in here if "__pycache__" not in n} <= names


def test_it_imports(wheel):
    code = f"import sys; sys.path.insert(0, {str(wheel)!r}); import itclust; print(itclust.__file__)"
    out = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    assert str(wheel) in out.stdout
