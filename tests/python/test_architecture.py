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
NUMERICS = (
    "moments",
    "genes",
    "groups",
    "classifiers",
    "assign",
    "sets",
    "heldout",
    "levels",
    "sketch",
    "neighbors",
    "copies",
    "outliers",
    "clusters",
    "evidence",
    "relatives",
    "novelty",
)  # each may import those before it
DATA = ("check", "naming", "lineage", "walking", "matrices", "expression", "matching", "dataset")

# room -> the rooms it may import from, at the top of a module or inside a function
MAY = {
    "numerics": {"numerics"},
    "settings": set(),
    "interrupts": set(),
    "progress": {"interrupts"},
    "data": {"data", "numerics"},
    "recipes": {"recipes", "numerics", "settings", "interrupts"},
    "results": set(),
    "outcome": {"numerics", "results"},
    "io": {"io"},
    "modelfile": {"io", "settings", "numerics"},
    "groups": {"data", "numerics", "results"},
    "api": {"data", "outcome", "results", "groups", "modelfile", "settings", "progress"},
    "profiles": {"data", "numerics"},
    "explanation": {"profiles", "results"},
    "pl": {"pl", "profiles", "explanation", "results"},
    "html": {"html", "pl", "profiles", "explanation", "results", "settings", "data", "io"},
    "download": {"io"},
    "datasets": {"download", "io"},
    "rbridge": {"rbridge", "results", "interrupts"},
    # the public API, and what only reads or writes
    "demo": {"results"},
    "cli": {"commands", "many", "options", "io", "interrupts"},
    "commands": {"demo", "many", "options", "results", "data", "io"},
    "options": {"settings"},
    "many": set(),
    "legacy": {"pl"},
    "__main__": {"cli"},
}
HEAVY = {"scanpy", "tensorflow", "matplotlib", "sklearn"}
KERAS = {"recipes.network", "recipes.autoencoder"}


def modules():
    """Dotted name without the package's own -> file."""
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        if name:
            yield name, path


MODULES = dict(modules())


def imported(path):
    """Modules of the project that a file imports anywhere, and its top-level imports of others."""
    tree = ast.parse(path.read_text())
    own, top = set(), set()
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [a.name for a in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{a.name}" for a in node.names]
        for name in names:
            parts = name.split(".")
            if parts[0] == "itclust":
                own |= {m for k in range(2, len(parts) + 1) if (m := ".".join(parts[1:k])) in MODULES}
            elif node in tree.body:
                top.add(parts[0])
    return own, top


def room(module):
    return module.split(".")[0]


def test_every_room_has_its_rule():
    assert {room(m) for m in MODULES} == set(MAY)


@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports_stay_within_the_design(module):
    own, top = imported(MODULES[module])
    assert {room(m) for m in own} - {room(module)} <= MAY[room(module)]
    assert room(module) in MAY[room(module)] or room(module) not in {room(m) for m in own - {module}}
    assert not top & HEAVY
    assert not top & {"keras"} or module in KERAS
    assert not top & {"rpy2", "anndata2ri"} and (room(module) == "rbridge" or "rbridge" not in map(room, own))
    if room(module) == "numerics":
        assert not top & {"anndata", "pandas", "keras", "h5py"}


@pytest.mark.parametrize(("folder", "order"), [("numerics", NUMERICS), ("data", DATA)])
def test_imports_go_downwards(folder, order):
    assert {m for m in MODULES if m.startswith(f"{folder}.")} == {f"{folder}.{m}" for m in order}
    for i, module in enumerate(order):
        own, _ = imported(MODULES[f"{folder}.{module}"])
        assert own & {f"{folder}.{m}" for m in order} <= {f"{folder}.{m}" for m in order[:i]}


def test_a_recipe_knows_no_other():
    recipes = {m for m in MODULES if m.startswith("recipes.")}
    for module in ("recipes.default", "recipes.paper"):
        assert not imported(MODULES[module])[0] & recipes & {"recipes.default", "recipes.paper"}


@pytest.mark.parametrize("module", ["api", "outcome", "modelfile", "results"])
def test_no_recipe_is_known_by_name(module):
    """Docstrings aside: a third recipe is a module and a row of the table."""
    tree = ast.parse(MODULES[module].read_text())
    texts = {n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)}
    assert not texts & {"paper"}


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
    names = [m for m in MODULES if room(m) not in ("rbridge", "__main__")]
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
        "source", "target", "labels_key", "layer", "use_raw", "values", "gene_symbols", "batch_key", "clusters_key",
        "preset", "novelty", "tree", "key_added", "random_state", "copy", "progress", "settings",
    ]  # fmt: skip


def test_no_public_function_shares_its_modules_name():
    assert not {n for n in itclust._WHERE if n in MODULES}


def test_one_version():
    description = ROOT / "DESCRIPTION"
    if not description.exists():
        pytest.skip("the R package is not beside this installation")
    assert re.search(r"^Version: (.*)$", description.read_text(), re.MULTILINE)[1] == itclust.__version__
    assert f"version: {itclust.__version__}" in (ROOT / "CITATION.cff").read_text()
