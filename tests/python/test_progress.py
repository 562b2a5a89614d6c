"""The bar on standard error, and the caller's own function."""

import io

from itclust.progress import Bar, reporter


def test_bar_rewrites_one_line_a_stage():
    out = io.StringIO()
    bar = Bar(out)
    bar("source", 0.5, "epoch 1/2")
    bar("source", 1.0, "epoch 2/2")
    bar("target", 1.0, "round 1, 0.00% of cells changing")
    lines = out.getvalue().split("\n")
    assert len(lines) == 3 and "50%" in lines[0] and "100%" in lines[0] and "round 1" in lines[1]


def test_reporter(capsys):
    calls = []
    reporter(lambda *told: calls.append(told))("source", 0.5, "x")
    assert calls == [("source", 0.5, "x")]
    reporter(False)("source", 0.5, "x")
    assert capsys.readouterr().err == ""
    reporter(True)("source", 0.5, "x")
    assert "50%" in capsys.readouterr().err
