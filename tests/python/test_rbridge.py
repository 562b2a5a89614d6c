"""What of the R half can be held without R: the pins that installItClust() installs, and outcomes as plain dicts."""

import contextlib
import os
from pathlib import Path

import pytest

from itclust.progress import reporter
from itclust.rbridge import conditions

ROOT = Path(__file__).parents[2]


def pins(path):
    """Name -> version of a requirements file's exact pins."""
    lines = (line.split("#")[0].split(";")[0].strip().replace(" ", "") for line in path.read_text().splitlines())
    return dict(line.split("==") for line in lines if "==" in line)


def test_r_installs_the_versions_that_are_locked():
    bundled = pins(ROOT / "inst/requirements.txt")
    locked = pins(ROOT / "requirements.lock")
    locked.setdefault("tensorflow", locked.get("tensorflow-cpu"))
    assert len(bundled) > 8
    assert {k: v for k, v in bundled.items() if k != "tensorflow"} == {
        k: locked[k] for k in bundled if k != "tensorflow"
    }
    assert bundled["tensorflow"] == locked["tensorflow"]


def test_r_installs_the_locked_rpy2():
    source = (ROOT / "R/install.R").read_text()
    for name, version in pins(ROOT / "requirements-r.lock").items():
        if name in ("rpy2", "rpy2-rinterface", "rpy2-robjects", "anndata2ri"):
            assert f'"{name}=={version}"' in source


@conditions.outcome
def _raises(error):
    raise error


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (ValueError("no good"), "error", "no good"),
        (KeyError("'x' is not there"), "error", "'x' is not there"),
        (KeyboardInterrupt(), "interrupt", "interrupted"),
    ],
)
def test_exceptions_become_plain_dicts(error, kind, message):
    outcome = _raises(error)
    assert outcome["ok"] is False
    assert (outcome["kind"], outcome["message"]) == (kind, message)
    assert outcome["type"] == type(error).__name__


def test_log_lines_reach_the_callback_and_the_logger_is_left_as_it_was():
    import logging

    logger = logging.getLogger("itclust")
    before = (logger.level, logger.propagate, list(logger.handlers))
    heard = []

    @conditions.outcome
    def speaks():
        logger.info("hello %d", 3)
        return 7

    assert speaks(say=lambda text: heard.append(text))["value"] == 7
    assert heard == ["hello 3"]
    assert (logger.level, logger.propagate, list(logger.handlers)) == before


def test_an_interrupt_told_by_the_callback_ends_the_run():
    @conditions.outcome
    def works():
        conditions.reporter(lambda *args: "interrupt")("source", 0.5, "epoch 1")

    assert works()["kind"] == "interrupt"


def test_progress_is_thinned_but_keeps_stages_and_ends():
    heard = []
    report = conditions.reporter(lambda *args: heard.append(args))
    for i in range(1, 101):
        report("source", i / 100)
    report("target", 0.5)
    assert heard[0] == ("source", 0.01, "")
    assert ("source", 1.0, "") in heard
    assert heard[-1] == ("target", 0.5, "")
    assert len(heard) < 20
    assert conditions.reporter(None) is False


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_ctrl_c_ends_a_call_whatever_the_code_that_it_meets_makes_of_it(press_ctrl_c):
    @conditions.outcome
    def drops():
        with contextlib.suppress(KeyboardInterrupt):
            press_ctrl_c()
        reporter(False)("source", 0.5, "epoch 1")
        reached.append("after a report")

    @conditions.outcome
    def turns():
        try:
            press_ctrl_c()
        except KeyboardInterrupt:
            raise SystemError("bad argument to internal function") from None

    @conditions.outcome
    def drops_and_ends():
        with contextlib.suppress(KeyboardInterrupt):
            press_ctrl_c()

    reached = []
    for outcome in (drops(), turns(), drops_and_ends()):
        assert (outcome["ok"], outcome["kind"]) == (False, "interrupt")
    assert reached == []
    assert conditions.outcome(lambda: 3)()["value"] == 3  # the next call is another
    reporter(False)("source", 0.5, "epoch 1")  # nor is a call beside it
