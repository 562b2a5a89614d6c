"""Who may import whom, what is public, and that nothing heavy is imported before it is needed."""

import ast
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import itclust

PACKAGE = Path(itclust.__file__).parent
ROOT = PACKAGE.parents[1]
MODULES = [*sorted(p.stem for p in PACKAGE.glob("*.py") if p.stem != "__init__"), "io"]

# module -> the project's modules it may import, at the top or inside a function
MAY = {
    "settings": set(),
    "check": set(),
    "assign": set(),
    "progress": set(),
    "preprocess": {"check"},
    "genes": set(),
    "views": {"genes"},
    "graph": {"genes"},
    "novelty": {"genes", "graph"},
    "network": {"settings"},
    "train": {"network", "assign", "genes", "graph", "novelty", "settings", "views"},
    "paper": {"network", "assign", "settings", "preprocess", "train"},
    "outcome": {"assign", "genes"},
    "model": {"train", "paper", "outcome", "assign", "settings", "preprocess", "check", "io"},
    "results": set(),
    "api": {"model", "preprocess", "results", "check", "settings", "progress", "paper"},
}
PUBLIC_ONLY = {"cli", "legacy", "demo"}  # these use the public API, and helpers that are not numerics
NUMERICS = {"model", "train", "paper", "network", "assign", "genes", "graph", "views", "novelty", "outcome"}


def imported(module):
    """Project modules that a module imports anywhere, and its top-level third-party imports."""
    path = PACKAGE / f"{module}.py"
    files = [path] if path.exists() else sorted((PACKAGE / module).glob("*.py"))
    own, top = set(), set()
    for file in files:
        tree = ast.parse(file.read_text())
        for node in ast.walk(tree):
            names = []
            if isinstance(node, ast.Import):
                names = [a.name for a in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                names = [f"{node.module}.{a.name}" for a in node.names]
            for name in names:
                parts = name.split(".")
                if parts[0] == "itclust" and len(parts) > 1:
                    own.add(parts[1])
                elif node in tree.body:
                    top.add(parts[0])
    return own - {"__version__", module}, top


@pytest.mark.parametrize("module", sorted(MAY))
def test_imports_stay_within_the_design(module):
    assert imported(module)[0] & set(MODULES) <= MAY[module]


@pytest.mark.parametrize("module", MODULES)
def test_rims(module):
    own, top = imported(module)
    if module != "rbridge":
        assert not top & {"rpy2", "anndata2ri"}
        assert "rbridge" not in own
    if module in PUBLIC_ONLY | {"pl", "html", "explain"}:
        assert not own & NUMERICS
    if module not in {"network", "train", "paper"}:
        assert not top & {"keras", "tensorflow"}
    assert not top & {"scanpy", "tensorflow", "matplotlib"}


def run(code):
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return out.stdout.split()


def test_import_loads_nothing_heavy():
    code = "import sys, itclust, itclust.cli; itclust.cli.parser(); print(*sys.modules)"
    loaded = run(code)
    assert not {"tensorflow", "keras", "scanpy", "anndata", "pandas", "numpy", "matplotlib"} & set(loaded)


def test_preparing_does_not_load_tensorflow():
    loaded = run("import sys, itclust; itclust.ItClust(); itclust.datasets.toy(); print(*sys.modules)")
    assert not {"tensorflow", "keras"} & set(loaded)


def test_every_public_name_twice_after_all_submodules():
    names = [m for m in MODULES if m not in ("rbridge", "__main__")]
    code = "import itclust, importlib\n" + "".join(f"importlib.import_module('itclust.{m}')\n" for m in names)
    code += "for n in itclust.__all__:\n a = getattr(itclust, n); assert getattr(itclust, n) is a\n"
    code += "print(*[n for n in itclust.__all__ if type(getattr(itclust, n)).__name__ == 'module'])"
    assert set(run(code)) == set(itclust._MODULES)


def public_functions():
    for name in itclust.__all__:
        value = getattr(itclust, name)
        if inspect.isfunction(value):
            yield name, value
        elif inspect.isclass(value) and not hasattr(value, "__dataclass_fields__"):
            yield from ((f"{name}.{k}", v) for k, v in inspect.getmembers(value, callable) if not k.startswith("_"))


@pytest.mark.parametrize(("name", "function"), list(public_functions()))
def test_signatures(name, function):
    """At most three positional arguments; copy and progress by keyword only; a docstring."""
    if name.startswith(("transfer_learning_clf", "read_10X")):
        pytest.skip("the original's signature")
    parameters = [p for k, p in inspect.signature(function).parameters.items() if k != "self"]
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    assert len(positional) <= 3
    assert not {"copy", "progress", "random_state"} & {p.name for p in positional}
    assert function.__doc__


def test_transfer_has_the_contracts_signature():
    names = list(inspect.signature(itclust.transfer).parameters)
    assert names == [
        "source", "target", "labels_key", "layer", "use_raw", "values", "batch_key", "preset", "novelty", "key_added",
        "random_state", "copy", "progress", "settings",
    ]  # fmt: skip


def test_no_public_function_shares_its_modules_name():
    assert not {n for n in itclust._WHERE if n in MODULES}


def test_one_version():
    description = ROOT / "DESCRIPTION"
    if not description.exists():
        pytest.skip("the R package is not beside this installation")
    assert re.search(r"^Version: (.*)$", description.read_text(), re.MULTILINE)[1] == itclust.__version__
    assert f"version: {itclust.__version__}" in (ROOT / "CITATION.cff").read_text()
