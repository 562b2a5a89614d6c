"""Progress of long work: a bar for a terminal, or the caller's own function."""

from __future__ import annotations

import inspect
import sys

from itclust import interrupts

STAGES = {"pretrain": "pretraining", "source": "learning the source", "target": "fine-tuning on the target",
          "cells": "annotating all cells"}  # fmt: skip
_UNUSABLE = "progress={!r} is not usable: it is None, True, False or a function (stage, fraction, message)."


def reporter(progress):
    """The function ``progress(stage, fraction, message)`` that the stages call.

    Parameters
    ----------
    progress
        None: a bar where standard error is a terminal; True: a bar; False: nothing; a function: that.
    """
    if progress is None:
        progress = sys.stderr is not None and sys.stderr.isatty()
    show = progress if callable(progress) else Bar() if progress else None

    def report(stage, fraction, message):
        interrupts.check()
        if show is not None:
            show(stage, fraction, message)

    return report


def check(progress) -> None:
    """Raise unless ``progress`` is of use to :func:`reporter`; a function must take what it will be called with."""
    if not callable(progress):
        if not any(progress is p for p in (None, True, False)):
            raise TypeError(_UNUSABLE.format(progress))
        return
    try:
        inspect.signature(progress).bind("source", 0.0, "")
    except ValueError:
        return  # a function of another language, which does not say what it takes
    except TypeError as error:
        msg = f"progress={progress!r} is not usable: it is called with (stage, fraction, message), and {error}."
        raise TypeError(msg) from None


class Bar:
    """One line on standard error, rewritten: stage, bar, share done, and what the stage says of itself."""

    width = 24

    def __init__(self, stream=None):
        self.stream = stream or sys.stderr
        self.stage = None

    def __call__(self, stage: str, fraction: float, message: str = "") -> None:
        """Show ``fraction`` (0 to 1) of ``stage``."""
        if self.stage not in (None, stage):
            self.stream.write("\n")
        self.stage = stage
        full = round(self.width * fraction)
        bar = "█" * full + "·" * (self.width - full)
        text = f"{STAGES.get(stage, stage):<26}{bar} {fraction:4.0%}  {message}"
        self.stream.write("\r" + text[:118].ljust(118))
        if fraction >= 1:
            self.stream.write("\n")
            self.stage = None
        self.stream.flush()
