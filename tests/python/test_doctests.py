"""The examples in the docstrings run, and say what they say."""

import doctest
import importlib
import pkgutil

import matplotlib as mpl
import pytest

import itclust

MODULES = [
    m.name
    for m in pkgutil.walk_packages(itclust.__path__, "itclust.")
    if not {"__main__", "rbridge"} & set(m.name.split("."))
]


def examples():
    finder = doctest.DocTestFinder(exclude_empty=True)
    for module in MODULES:
        for test in finder.find(importlib.import_module(module)):
            if test.examples:
                yield pytest.param(test, id=test.name)


@pytest.mark.parametrize("example", list(examples()))
def test_example(example, annotated, short_paper, tmp_path, monkeypatch):
    """In a folder of its own. Examples read the session's result, with places of its own, where they would make the same."""
    mpl.use("Agg")
    monkeypatch.chdir(tmp_path)
    real, toy = itclust.transfer, annotated[0]

    def remembered(source, target, **kwargs):
        if kwargs != {"progress": False} or source.shape != toy.shape or (source.X != toy.X).nnz:
            return real(source, target, **kwargs)
        done = annotated[1].copy()
        target.obs, target.uns = done.obs, done.uns
        for k in done.obsm:
            target.obsm[k] = done.obsm[k]
        target.obsm["X_umap"] = done.obsm["X_itclust"][:, :2]
        return None

    monkeypatch.setattr(itclust, "transfer", remembered, raising=False)
    example.globs["tmp"] = tmp_path
    out = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    with short_paper():
        runner.run(example, out=out.append)
    assert runner.failures == 0, "".join(out)
