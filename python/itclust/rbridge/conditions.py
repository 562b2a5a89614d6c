"""What R is told of a call: its value, or what went wrong; its warnings, its log lines, its progress."""

from __future__ import annotations

import contextlib
import functools
import logging
import time
import traceback
import warnings
from pathlib import Path

from itclust import interrupts

_HERE = str(Path(__file__).parents[1])  # the package's folder
_PAUSE = 0.2  # seconds at least between two lines of progress


class _ToR(logging.Handler):
    """Hands log records to an R function."""

    def __init__(self, say):
        super().__init__(logging.INFO)
        self.say = say

    def emit(self, record):
        _call(self.say, record.getMessage())


def _call(function, *args):
    """Call an R function. It answers "interrupt" where R itself took an interrupt: R cannot raise through Python."""
    interrupts.check()
    if function(*args) == "interrupt":
        raise KeyboardInterrupt


@contextlib.contextmanager
def _logged(say):
    """Send the log lines of ``itclust`` to ``say`` while the block runs."""
    logger = logging.getLogger("itclust")
    if say is None:
        yield
        return
    handler, level, propagate = _ToR(say), logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
        logger.propagate = propagate


def outcome(function):
    """Turn what ``function`` returns, warns and raises into a plain dict that R reads.

    It has ``ok``, ``value`` or ``kind`` (``"error"`` or ``"interrupt"``), ``type``, ``message`` and ``traceback``, and
    ``warnings``. Log lines go to the function ``say``, where one is passed.
    """

    @functools.wraps(function)
    def wrapped(*args, say=None, **kwargs):
        with warnings.catch_warnings(record=True) as seen, _logged(say):
            warnings.simplefilter("default")
            try:
                with interrupts.heard():
                    out = {"ok": True, "value": function(*args, **kwargs)}
                    interrupts.check()
            except KeyboardInterrupt:
                out = {"ok": False, "kind": "interrupt", "type": "KeyboardInterrupt", "message": "interrupted"}
            except Exception as error:  # noqa: BLE001  every exception becomes a condition of R
                text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
                out = {"ok": False, "kind": "error", "type": type(error).__name__, "message": text}
                out["traceback"] = traceback.format_exc()
        out["warnings"] = list(dict.fromkeys(str(w.message) for w in seen if _ours(w)))
        return out

    return wrapped


def _ours(warning):
    return issubclass(warning.category, UserWarning) and str(warning.filename).startswith(_HERE)


def reporter(callback):
    """Progress for R: plain strings and floats, whatever the core sends. None: no progress, and no bar either."""
    if callback is None:
        return False
    last = {"stage": None, "time": 0.0}

    def report(stage, fraction, message=""):
        now = time.monotonic()
        if stage != last["stage"] or fraction >= 1 or now - last["time"] > _PAUSE:
            last.update(stage=stage, time=now)
            _call(callback, str(stage), float(fraction), str(message))

    return report
