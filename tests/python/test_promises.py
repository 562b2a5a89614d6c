"""What pages, help and description promise: each promise has its test, and what they name is there."""

import re
from pathlib import Path

import pytest

from itclust import settings

ROOT = Path(__file__).parents[2]
MAP = ROOT / "tests/MAP.md"
PAGES = ("README.md", "docs/index.md", "docs/tutorials/from-r.md", "vignettes/ItClust.Rmd")

pytestmark = pytest.mark.skipif(not MAP.exists(), reason="not in a checkout")


def promises():
    """Of each row of the map the promise, and the tests that hold it."""
    rows = [line.strip("| \n").split(" | ") for line in MAP.read_text().splitlines() if line.startswith("| ")]
    return {promise: re.findall(r"`(test[-_][^`]+)`", held) for promise, held in rows[1:]}


def test_each_promise_has_tests_and_they_exist():
    assert len(promises()) > 20
    for promise, held in promises().items():
        assert held, promise
        for name in held:
            file, _, what = name.partition("::") if "::" in name else name.partition(": ")
            if file.endswith(".py"):
                assert f"def {what}(" in (ROOT / "tests/python" / file).read_text(), name
            else:
                said = (ROOT / "tests/testthat" / file).read_text().replace('\\"', '"')
                assert f'test_that("{what}"' in said, name


@pytest.mark.parametrize("page", PAGES)
def test_instructions_install_this_version(page):
    """From the folder first; a line for an index stands beside the word that it is for later."""
    text = (ROOT / page).read_text()
    here = [m.start() for m in re.finditer(r"pip install \.|install_local\(\"\.\"", text)]
    index = [m.start() for m in re.finditer(r"pip install itclust\b(?!-)|BiocManager::install\(\"ItClust\"\)", text)]
    assert here
    for at in index:
        assert min(here) < at
        paragraph = text[text.rfind("\n\n", 0, at) : text.find("\n\n", at)]
        assert re.search(r"On the\s+day|for the\s+day|until this", paragraph), paragraph


@pytest.mark.parametrize("page", ["README.md", "docs/tutorials/from-r.md", "vignettes/models.Rmd"])
def test_pages_name_what_is_written(page, annotated):
    text, target = (ROOT / page).read_text(), annotated[1]
    named = re.findall(r"(obs|obsm|uns)\[\"(\w+)\"\]", text)
    assert named
    for kind, name in named:
        assert name in getattr(target, kind), name
    embedding = {name for name in target.obsm if name.startswith("X_")}
    for name in re.findall(r"reduction = \"(\w+)\"", text):
        assert name in embedding
    there = {*target.obsm, "itclust"}  # the embedding's name in a SingleCellExperiment
    for name in re.findall(r"reducedDim\(x, \"(\w+)\"\)|x\[\[\"(\w+)\"\]\]", text):
        assert "".join(name) in there


def test_help_pages_have_columns_and_defaults(annotated):
    text = (ROOT / "R/help.R").read_text()
    columns = text[text.index("@section `clusters`") : text.index("@section `groups`")]
    assert re.findall(r"\\item\{`(\w+)`\}", columns) == list(annotated[1].uns["itclust"]["clusters"].columns)
    default = settings.RECIPES["default"].settings()
    said = re.findall(r"`([a-z.]+)`(?:, `([a-z.]+)`)?\s*\(`?([^)`]+)`?\)", " ".join(re.split(r"\s*#'\s*", text)))
    seen = set()
    for *names, value in said:
        for name in filter(None, names):
            own = getattr(default, name.replace(".", "_"))
            own = own[0] if isinstance(own, tuple) and len(own) == 1 else own
            assert value == {True: "TRUE", (): "none"}.get(own, f"{own:g}" if isinstance(own, float) else str(own)), (
                name
            )
            seen.add(name)
    assert {"novelty", "level", "sets", "n.hidden", "dropout", "learning.rate", "alpha", "max.iter"} <= seen


def test_what_a_submission_lacks_is_said():
    description = (ROOT / "DESCRIPTION").read_text()
    assert re.search(r"^URL: https://", description, re.MULTILINE)
    assert re.search(r"^BugReports: https://", description, re.MULTILINE)
    assert "noreply" not in description
    if "example.org" in description:
        assert "**Maintainer.** There is none yet." in (ROOT / "CONTRIBUTING.md").read_text()
    for page in (ROOT / "vignettes").glob("*.Rmd"):
        assert re.search(r"^author: ", page.read_text(), re.MULTILINE), page.name
    off = re.findall(r"no-check-[\w-]+", (ROOT / "tools/bioccheck.R").read_text())
    assert not {"no-check-version-num", "no-check-R-ver"} & set(off)
