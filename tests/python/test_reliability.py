"""What is written stays whole, private and apart from what is read; what is shown fails no run; damage at random."""

import contextlib
import os
import random
import shutil
import signal
import stat
import struct
import subprocess
import sys
import threading
import time
import xml.dom.minidom
from pathlib import Path

import anndata as ad
import numpy as np
import pytest

import itclust
from itclust import cli, io
from itclust.io import atomic
from itclust.io.terminal import Steady

sys.path.insert(0, str(Path(__file__).parent))
import corpus
import fuzz

HERE = Path(__file__).parent
LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="of Linux")
ODD = {"B": "B $x^2$ cell", "CD4 T": "T\x1b[31m\x07 $", "CD8 T": "_été"}


@pytest.fixture
def small():
    return corpus.adata()


@pytest.fixture(scope="module")
def odd(annotated):
    """An annotated target whose labels are no pleasure."""
    target = annotated[1].copy()
    for key in ("itclust", "itclust_initial"):
        target.obs[key] = target.obs[key].cat.rename_categories(lambda t: ODD.get(t, t))
    table = target.uns["itclust"]["clusters"].copy()
    table["label"] = [ODD.get(t, t) for t in table["label"]]
    target.uns["itclust"] = {**target.uns["itclust"], "clusters": table}
    columns = target.obsm["itclust_type_probabilities"].columns
    target.obsm["itclust_type_probabilities"].columns = [ODD.get(t, t) for t in columns]
    return target


# ---------------------------------------------------------------------------------------------------------- writing


@pytest.mark.parametrize("name", ["x.h5ad", "x.zarr"])
def test_permissions_stay(name, small, tmp_path):
    path = tmp_path / name
    io.write(small, path)
    path.chmod(0o700 if path.is_dir() else 0o600)
    before = path.stat().st_mode
    io.write(small, path)
    assert path.stat().st_mode == before


def test_a_part_is_private_while_it_is_written_where_the_file_was(tmp_path):
    (tmp_path / "x").write_text("old")
    (tmp_path / "x").chmod(0o600)
    with io.whole(tmp_path / "x") as part:
        part.write_text("new")
        assert stat.S_IMODE(part.stat().st_mode) == 0o600


@pytest.mark.parametrize("name", ["x.h5ad", "x.zarr"])
def test_leftovers_of_a_killed_writer_are_removed(name, small, tmp_path):
    path = tmp_path / name
    code = (
        "import os, sys\nfrom itclust.io.atomic import whole\n"
        "with whole(sys.argv[1]) as part:\n"
        "    part.mkdir() if part.suffix == '.zarr' else part.write_bytes(b'0' * 1000)\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", code, path], check=False)
    assert len(list(tmp_path.iterdir())) == 1
    with io.whole(path) as part:
        mine = part
        part.write_text("of a living writer")
        io.write(small, path)
        assert mine.exists()
        shutil.rmtree(path) if path.is_dir() else None
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_long_names_have_room_for_their_parts(tmp_path):
    path = tmp_path / ("n" * 250 + ".csv")
    with io.whole(path) as part:
        part.write_text("all")
    assert path.read_text() == "all"


@LINUX
def test_devices_and_pipes_are_not_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (Path("/dev/null"), tmp_path / "pipe"):
        with pytest.raises(OSError, match="not a file"), io.whole(path):
            pass
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


@LINUX
def test_folders_are_exchanged_in_one_step(tmp_path):
    for name in "ab":
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()
    assert atomic._exchange(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "a" / "b").exists()


@pytest.mark.parametrize("name", ["x.h5ad", "x.zarr", "x.csv"])
def test_a_full_disk_is_one_line(name, small, tmp_path):
    small.obs["itclust"] = small.obs["cell_type"]
    small.layers["much"] = np.random.default_rng(0).random(small.shape)
    code = (
        "import resource, sys, anndata, signal\nfrom itclust import io\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "a = anndata.read_h5ad(sys.argv[1])\n"
        "import zarr, h5py, itclust.io.writing\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (200, 200))\n"
        "try:\n    (io.write_csv if sys.argv[2].endswith('csv') else io.write)(a, sys.argv[2])\n"
        "except OSError as error:\n    print(error)\n"
    )
    small.write_h5ad(tmp_path / "in.h5ad")
    (tmp_path / "out").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "in.h5ad", tmp_path / "out" / name],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "the file is too large" in done.stdout, done.stderr[-2000:]
    assert len(done.stdout.splitlines()) == 1
    assert list((tmp_path / "out").iterdir()) == []


def test_a_folder_that_others_still_write_into_is_removed(tmp_path):
    part = tmp_path / "part"

    def go_on():
        for i in range(20):
            part.mkdir(exist_ok=True)
            with contextlib.suppress(OSError):
                (part / str(i)).touch()
            time.sleep(0.01)

    part.mkdir()
    writer = threading.Thread(target=go_on)
    writer.start()
    atomic._remove(part, busy=True)
    writer.join()
    assert not part.exists()


def test_a_folder_written_well_is_put_in_place_without_a_pause(tmp_path, monkeypatch):
    monkeypatch.setattr(time, "sleep", lambda seconds: pytest.fail("a pause"))
    for content in ("old", "new"):
        with io.whole(tmp_path / "x") as part:
            part.mkdir()
            (part / "y").write_text(content)
    assert [f.name for f in tmp_path.iterdir()] == ["x"]
    assert (tmp_path / "x" / "y").read_text() == "new"


KILLS = int(os.environ.get("ITCLUST_KILLS", "3"))
WRITER = """
import sys
from itclust import io
from itclust.io import native
import anndata, zarr, h5py
new = anndata.read_h5ad(sys.argv[1])
for k in range(1000):
    new.obs["k"] = k
    print(k, flush=True)
    io.write(new, sys.argv[2])
"""


@pytest.mark.parametrize("name", ["x.h5ad", "x.zarr"])
def test_killed_at_a_random_moment_the_file_is_whole(name, small, tmp_path):
    """``ITCLUST_KILLS=50`` for a hundred of them; they ended well."""
    small.write_h5ad(tmp_path / "in.h5ad")
    rng, path = random.Random(0), tmp_path / "out" / name
    path.parent.mkdir()
    for _ in range(KILLS):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, tmp_path / "in.h5ad", path], stdout=subprocess.PIPE, text=True
        )
        assert writer.stdout.readline() == "0\n"
        time.sleep(rng.uniform(0, 0.4))
        writer.send_signal(signal.SIGKILL)
        said = [0, *map(int, writer.stdout.read().split())]
        writer.wait()
        if path.exists():
            back = io.read(path)
            assert np.array_equal(back.X.toarray(), corpus.COUNTS)
            assert set(back.obs["k"]) <= {*said, *range(1000)}
            assert back.obs["k"].nunique() == 1
        assert len([p for p in path.parent.iterdir() if p.name[0] == "."]) <= 2
    io.write(small, path)
    assert [p.name for p in path.parent.iterdir()] == [name]


# -------------------------------------------------------------------------------------------------------- terminals


class Broken:
    """A stream whose reader has gone."""

    encoding = "ascii"

    def write(self, text):
        raise BrokenPipeError(32, "Broken pipe")

    flush = write


def test_a_stream_that_breaks_is_let_be():
    stream = Steady(Broken())
    assert stream.write("text") == 4
    assert not stream.lost
    closed = Steady(None)
    closed.write("text")
    closed.flush()


def shell(command: str, folder: Path, **env):
    environment = {**os.environ, "PY": sys.executable, **env}
    return subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )


@pytest.fixture(scope="module")
def odd_file(odd, tmp_path_factory):
    folder = tmp_path_factory.mktemp("odd")
    io.write(odd, folder / "odd.h5ad")
    return folder


@LINUX
def test_inspect_on_terminals_of_all_kinds(odd_file):
    """ASCII with another alphabet, control characters, a reader that leaves, a full device, closed streams."""
    ascii_only = shell("$PY -m itclust inspect odd.h5ad", odd_file, PYTHONIOENCODING="ascii", LC_ALL="C")
    assert ascii_only.returncode == 0, ascii_only.stderr
    assert "\\xe9t\\xe9" in ascii_only.stdout
    assert "\x1b" not in ascii_only.stdout and "\x07" not in ascii_only.stdout
    command = "set -o pipefail; $PY -m itclust inspect odd.h5ad | head -c 1; $PY -m itclust inspect odd.h5ad >&- 2>&-; echo $?"
    left = shell(command, odd_file)
    assert "Traceback" not in left.stderr and left.stdout.splitlines()[-1].endswith("0")
    piped = shell("cat odd.h5ad | $PY -m itclust inspect /dev/stdin", odd_file)
    assert piped.returncode == 1 and len(piped.stderr.splitlines()) == 1
    assert "/dev/stdin is a pipe" in piped.stderr
    full = shell("$PY -m itclust inspect odd.h5ad > /dev/full", odd_file)
    assert full.returncode == 1
    assert full.stderr.strip().splitlines()[-1].startswith("itclust: error: standard output cannot be written")


# -------------------------------------------------------------------------------------------------- the command line


@pytest.fixture
def quick(monkeypatch, annotated):
    """The command line, with a transfer that takes no time."""
    monkeypatch.setattr(cli, "_hush", lambda: None)

    def transfer(source, target, key_added="itclust", **_):
        done = annotated[1]
        for slot in ("obs", "obsm"):
            for key in [k for k in getattr(done, slot) if "itclust" in k]:
                getattr(target, slot)[key] = getattr(done, slot)[key]
        target.uns["itclust"] = done.uns["itclust"]

    monkeypatch.setattr(itclust, "transfer", transfer, raising=False)
    return lambda *args: cli.main([str(a) for a in args])


@pytest.fixture
def files(toy, tmp_path):
    for name, adata in zip(("s", "t"), toy):
        adata.write_h5ad(tmp_path / f"{name}.h5ad")
    return tmp_path


def test_in_place_is_for_the_target_alone(quick, files, capsys):
    (files / "t.h5ad").chmod(0o600)
    source = (files / "s.h5ad").read_bytes()
    assert quick("transfer", files / "s.h5ad", files / "t.h5ad", "--in-place", "--quiet") == 0
    assert "itclust" in ad.read_h5ad(files / "t.h5ad").obs
    assert stat.S_IMODE((files / "t.h5ad").stat().st_mode) == 0o600
    assert (files / "s.h5ad").read_bytes() == source
    assert "written: " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("error", "code"), [(KeyboardInterrupt, 130), (ValueError("no page"), 1), (IndexError("5"), 1)]
)
def test_what_was_written_before_an_end_is_said(error, code, quick, files, capsys, monkeypatch):
    def fails(*_, **__):
        raise error

    monkeypatch.setattr(itclust, "report", fails, raising=False)
    out = files / "o.h5ad"
    assert quick("transfer", files / "s.h5ad", files / "t.h5ad", "-o", out, "--report", files / "r.html") == code
    err = capsys.readouterr().err
    assert f"written: {out}; not written: {files / 'r.html'}" in err
    if isinstance(error, IndexError):
        assert "IndexError" in err and "please report" in err


def test_odd_keys_are_found_by_inspect(annotated, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(cli, "_hush", lambda: None)
    for key in ("my key", "été", "1", "a.b", "it's"):
        target = annotated[1].copy()
        for slot in ("obs", "obsm", "uns"):
            held = getattr(target, slot)
            for name in [n for n in held if "itclust" in n]:
                held[name.replace("itclust", key)] = held[name]
                del held[name]
        io.write(target, tmp_path / "x.h5ad")
        assert cli.main(["inspect", str(tmp_path / "x.h5ad")]) == 0
        assert f"results under {key!r}" in capsys.readouterr().out


# ----------------------------------------------------------------------------------------------------- plots and pages


def test_labels_are_drawn_as_they_are(odd):
    import matplotlib as mpl

    mpl.use("Agg")
    for draw in (itclust.pl.probabilities, itclust.pl.confidence, itclust.pl.flow):
        ax = draw(odd, show=False)
        ax.figure.canvas.draw()
        texts = [t.get_text() for t in (*ax.texts, *ax.get_xticklabels(), *ax.get_yticklabels())]
        assert any("\\$x^2\\$" in t for t in texts)
        assert not any("\x1b" in t for t in texts)
    ax = itclust.pl.umap(odd, "label", show=False, basis="itclust_umap" if "itclust_umap" in odd.obsm else "X_itclust")
    assert any("_été" in t.get_text() for t in ax.get_legend().get_texts())


def test_figures_of_the_report_are_whole_xml(odd):
    import base64

    from itclust.html import figures, page
    from itclust.results import read as annotation

    for picture in figures.charts(odd, annotation(odd)):
        svg = base64.b64decode(picture.data.split(",", 1)[1]).decode()
        xml.dom.minidom.parseString(svg)
    assert page._clean("a\x1bb\ud800c\n") == "a\ufffdb\ufffdc\n"


# ------------------------------------------------------------------------------------------------- R, links, the child


def test_r_runs_no_script_of_the_folder(tmp_path, monkeypatch):
    path = corpus.rds(tmp_path)
    if path is None:
        pytest.skip("R is not installed")
    for name in (".Rprofile", ".Renviron"):
        (tmp_path / name).write_text("cat('run', file = 'RUN')\n" if name == ".Rprofile" else "R_PROFILE_USER=./p.R\n")
    (tmp_path / "p.R").write_text("cat('run', file = 'RUN')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("R_PROFILE_USER", str(tmp_path / "p.R"))
    assert io.read(path).shape == (20, 8)
    assert not (tmp_path / "RUN").exists()


@LINUX
def test_r_that_does_not_come_back_is_ended(tmp_path, monkeypatch):
    from itclust.io import rds

    (tmp_path / "x.rds").write_bytes(b"X\n\0\0\0\3")
    (tmp_path / "Rscript").write_text(
        f"#!/bin/sh\npwd > {tmp_path}/folder\necho $$ > {tmp_path}/pid\n: > opened\nexec sleep 600\n"
    )
    (tmp_path / "Rscript").chmod(0o700)
    monkeypatch.delenv("R_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(rds, "_TO_OPEN", 1)
    monkeypatch.setattr(rds, "_SECONDS", 1)
    with pytest.raises(io.Unreadable, match=r"R has not unpacked .*x\.rds within 0 minutes.*save it as h5ad") as error:
        io.read(tmp_path / "x.rds")
    assert "\n" not in str(error.value)
    assert not Path((tmp_path / "folder").read_text().strip()).exists()
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


@pytest.mark.skipif(shutil.which("Rscript") is None, reason="R is not installed")
def test_r_that_cannot_say_what_a_damaged_rds_holds_is_ended(monkeypatch):
    from itclust.io import rds

    monkeypatch.setattr(rds, "_TO_OPEN", 5)
    with pytest.raises(io.Unreadable, match=r"endless\.rds is damaged: R does not come back from reading it"):
        io.read(Path(__file__).parent / "data" / "endless.rds")  # found by fuzz.py: a matrix whose attributes never end


def test_links_are_followed_when_asked(tmp_path):
    import h5py

    path = corpus.h5ad(tmp_path)
    shutil.copy(path, tmp_path / "other.h5")
    with h5py.File(path, "r+") as f:
        del f["layers/dense"]
        f["layers/dense"] = h5py.ExternalLink("other.h5", "layers/dense")
    with pytest.raises(io.Unreadable, match=r"'layers/dense' is a link to another file, 'other\.h5'.*follow_links"):
        io.read(path)
    assert np.array_equal(io.read(path, follow_links=True).layers["dense"], corpus.COUNTS + 1)


@pytest.mark.parametrize("make", [corpus.h5ad, corpus.tenx_h5, corpus.loom], ids=lambda f: f.__name__)
def test_a_file_is_opened_whole_but_no_link_out_of_it(make, tmp_path, monkeypatch):
    import h5py

    from itclust.io import probe

    path, names = make(tmp_path), ["/"]
    with h5py.File(path, "r+") as f:
        f["again"], f["away"] = h5py.SoftLink("/"), h5py.ExternalLink(str(tmp_path / "away.h5"), "/")
        f.visit(lambda name: names.append(f"/{name}"))  # by hard links alone
    shutil.copy(path, tmp_path / "away.h5")
    seen, info = [], h5py.h5o.get_info
    monkeypatch.setattr(h5py.h5o, "get_info", lambda item: seen.append(h5py.h5i.get_name(item).decode()) or info(item))
    probe.touch(str(path))
    assert sorted(seen) == sorted(names)


def test_texts_and_members_are_touched_where_a_list_of_attributes_is_damaged(tmp_path, monkeypatch):
    import h5py

    from itclust.io import probe

    def iterate(_):
        msg = "Error iterating over attributes (integer offset out of bounds)"
        raise RuntimeError(msg)

    path, seen, starts = corpus.h5ad(tmp_path), [], probe._starts
    monkeypatch.setattr(h5py.AttributeManager, "__iter__", iterate)
    monkeypatch.setattr(probe, "_starts", lambda item: seen.append(item.name) or starts(item))
    probe.touch(str(path))
    assert {"/obs/_index", "/var/_index", "/X/data"} <= set(seen)


@pytest.mark.skipif(shutil.which("Rscript") is None, reason="there is no R")
def test_an_rds_whose_length_is_damaged_gets_no_memory_for_it(tmp_path):
    header = b"X\n" + struct.pack(">iii", 2, 0x040202, 0x020300)
    (tmp_path / "x.rds").write_bytes(header + struct.pack(">ii", 14, 200_000_000))  # numbers, 1.6 GB of them
    with pytest.raises(io.Unreadable, match=r"is damaged or cut short: .*memory"):
        io.read(tmp_path / "x.rds")


def test_a_file_that_takes_its_reader_along_is_refused(tmp_path, monkeypatch):
    from itclust.io import probe

    path, script = corpus.h5ad(tmp_path), tmp_path / "script.py"
    monkeypatch.setattr(probe, "__file__", str(script))
    monkeypatch.setattr(probe, "_SECONDS", 3)
    for code, says in (
        ("import os; os.kill(os.getpid(), 11)", "signal 11"),
        ("while True: pass", "does not come back"),
    ):
        script.write_text(code)
        with pytest.raises(io.Unreadable, match=says):
            io.read(path)


def test_our_own_stores_lack_no_chunk(tmp_path, small, recwarn):
    pytest.importorskip("zarr")
    small.obs["zero"] = 0
    small.layers["zero"] = np.zeros(small.shape)
    io.write(small, tmp_path / "x.zarr")
    io.read(tmp_path / "x.zarr")
    assert not [w for w in recwarn if "lacks chunks" in str(w.message)]


# ---------------------------------------------------------------------------------------------------------- at random


@LINUX
def test_fuzzing():
    """Seconds of it; ``python tests/python/fuzz.py --files 5000`` for long. In a process that has no threads."""
    done = subprocess.run(
        [sys.executable, HERE / "fuzz.py", "--files", "48", "--seed", "7", "--only", fuzz.QUICK],
        capture_output=True, text=True, check=False, env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
