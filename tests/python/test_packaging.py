"""A wheel built from the sdist holds the package and imports."""

import re
import subprocess
import sys
import tomllib
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


# ---------------------------------------------------------------------------------------------------------- versions


def locked(name="requirements.lock") -> dict[str, str]:
    lines = re.findall(r"^([A-Za-z0-9._-]+)==([^;\s]+)", (ROOT / name).read_text(), re.MULTILINE)
    return {re.sub(r"[-_.]+", "-", package).lower(): version for package, version in lines}


def wanted() -> list:
    from packaging.requirements import Requirement

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = [d for g in project["dependency-groups"].values() for d in g if isinstance(d, str)]
    extras = [d for k, e in project["project"]["optional-dependencies"].items() if k != "r" for d in e]
    return [Requirement(d) for d in [*project["project"]["dependencies"], *groups, *extras]]


def test_the_lock_holds_what_is_asked_for():
    pytest.importorskip("packaging")
    lock = locked()
    for requirement in wanted():
        name = re.sub(r"[-_.]+", "-", requirement.name).lower()
        assert requirement.specifier.contains(lock[name]), f"{name}: {lock[name]} is locked, {requirement} asked for"


def test_r_installs_what_is_locked():
    lock = locked()
    for name, version in locked("inst/requirements.txt").items():
        assert lock[name] == version


def test_the_licences_of_all_locked_packages_are_listed():
    page = {re.sub(r"[-_.]+", "-", row.split(" | ")[0][2:]).lower() for row in
            (ROOT / "docs" / "licences.md").read_text("utf-8").splitlines() if row.startswith("| ")}  # fmt: skip
    assert {*locked(), *locked("requirements-r.lock")} - {"tensorflow"} <= page
