"""Files that are written appear whole or not at all."""

import signal
import subprocess
import sys

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from itclust import io
from itclust.io import atomic


@pytest.fixture
def adata():
    x = sparse.random(20, 8, 0.5, "csr", np.float32, random_state=np.random.default_rng(0))
    obs = pd.DataFrame({"itclust": pd.Categorical(["B", "T"] * 10), "donor": ["d1"] * 20})
    obs["itclust_confidence"] = np.linspace(0, 1, 20, dtype=np.float32)
    obs.index = [f"cell {i}, é" for i in range(20)]
    return ad.AnnData(x, obs, pd.DataFrame(index=[f"g{i}" for i in range(8)]))


def names(folder):
    return sorted(p.name for p in folder.iterdir())


def same(a, b):
    return (a.X != b.X).nnz == 0 and a.obs["itclust"].tolist() == b.obs["itclust"].tolist()


@pytest.mark.parametrize("name", ["x.h5ad", "x.zarr"])
def test_written_twice_and_read_back(name, adata, tmp_path):
    io.write(adata, tmp_path / name)
    changed = adata.copy()
    changed.X = changed.X * 2
    io.write(changed, tmp_path / name)
    assert same(io.read(tmp_path / name), changed)
    assert names(tmp_path) == [name]


def test_a_backed_file_is_written_onto_itself(adata, tmp_path):
    io.write(adata, tmp_path / "x.h5ad")
    backed = io.read(tmp_path / "x.h5ad", backed=True)
    backed.obs["more"] = 1
    io.write(backed, tmp_path / "x.h5ad")
    assert backed.filename == tmp_path / "x.h5ad"
    assert same(io.read(tmp_path / "x.h5ad"), adata)
    assert "more" in io.read(tmp_path / "x.h5ad").obs


@pytest.mark.parametrize("name", ["x.h5ad", "x.zarr"])
@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_failure_leaves_the_old_file_and_nothing_else(name, error, adata, tmp_path, monkeypatch):
    io.write(adata, tmp_path / name)
    real = getattr(ad.io, f"write_{name[2:]}")

    def fails_late(path, data):
        real(path, data)
        raise error("stop")

    monkeypatch.setattr(ad.io, f"write_{name[2:]}", fails_late)
    changed = adata.copy()
    changed.X = changed.X * 2
    with pytest.raises(error, match="stop"):
        io.write(changed, tmp_path / name)
    assert names(tmp_path) == [name]
    assert same(io.read(tmp_path / name), adata)


def test_what_cannot_be_written_leaves_nothing(adata, tmp_path):
    adata.uns["bad"] = object()
    for name in ("x.h5ad", "x.zarr"):
        with pytest.raises(Exception, match="object"):
            io.write(adata, tmp_path / name)
    assert names(tmp_path) == []


def test_killed_while_writing_the_old_file_stays(tmp_path):
    old = tmp_path / "x.txt"
    old.write_text("old")
    code = (
        "import os, sys, signal\n"
        "from itclust.io.atomic import whole\n"
        "with whole(sys.argv[1]) as part:\n"
        "    part.write_text('half')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, old], check=False)
    assert done.returncode == -signal.SIGKILL
    assert old.read_text() == "old"


def test_a_folder_that_cannot_be_moved_in_leaves_the_old_one(tmp_path, monkeypatch):
    from pathlib import Path

    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "old").touch()
    real = Path.rename

    def rename(self, to):
        if (self / "new").exists():
            raise OSError("no")
        return real(self, to)

    monkeypatch.setattr(Path, "rename", rename)
    monkeypatch.setattr(atomic, "_exchange", lambda a, b: False)  # as on a system that cannot
    with pytest.raises(OSError, match="no"), io.whole(tmp_path / "x") as part:
        part.mkdir()
        (part / "new").touch()
    assert [p.name for p in tmp_path.rglob("*")] == ["x", "old"]


def test_a_link_is_followed(adata, tmp_path):
    (tmp_path / "real").mkdir()
    link = tmp_path / "link.h5ad"
    link.symlink_to(tmp_path / "real" / "x.h5ad")
    io.write(adata, link)
    assert link.is_symlink()
    assert same(io.read(tmp_path / "real" / "x.h5ad"), adata)


def test_refusals(adata, tmp_path):
    (tmp_path / "mine.zarr").mkdir()
    (tmp_path / "mine.zarr" / "thesis.txt").touch()
    with pytest.raises(FileExistsError, match="no zarr store"):
        io.write(adata, tmp_path / "mine.zarr")
    assert (tmp_path / "mine.zarr" / "thesis.txt").exists()
    (tmp_path / "folder.h5ad").mkdir()
    with pytest.raises(IsADirectoryError, match="it is a folder"):
        io.write(adata, tmp_path / "folder.h5ad")
    with pytest.raises(ValueError, match=r"name it \.h5ad or \.zarr"):
        io.write(adata, tmp_path / "x.xlsx")
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        io.write(adata, tmp_path / "no" / "x.h5ad")
    with pytest.raises(ValueError, match=r"name it \.csv or \.tsv"):
        io.write_csv(adata, tmp_path / "x.xlsx")
    with pytest.raises(KeyError, match=r"no column 'other'.*'itclust', 'donor'"):
        io.write_csv(adata, tmp_path / "x.csv", key="other")


@pytest.mark.parametrize("name", ["x.csv", "x.tsv", "x.csv.gz", "x.tsv.gz"])
def test_csv_holds_the_result_columns(name, adata, tmp_path):
    io.write_csv(adata, tmp_path / name)
    table = pd.read_csv(tmp_path / name, sep=None, engine="python", compression="infer")
    assert table.columns.tolist() == ["cell", "itclust", "itclust_confidence"]
    assert table["cell"].tolist() == adata.obs_names.tolist()
    assert table["itclust"].tolist() == adata.obs["itclust"].tolist()
    np.testing.assert_allclose(table["itclust_confidence"], adata.obs["itclust_confidence"], rtol=1e-6)
    first = (tmp_path / name).read_bytes()
    io.write_csv(adata, tmp_path / name)
    assert (tmp_path / name).read_bytes() == first
    assert names(tmp_path) == [name]


def test_import_stays_light():
    code = (
        "import sys, itclust.io, itclust.datasets, itclust.download\n"
        "print(sorted({'anndata', 'h5py', 'pandas', 'scanpy', 'tensorflow', 'zarr'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
