"""Progress of long work: a bar for a terminal, or the caller's own function."""

from __future__ import annotations

import sys

STAGES = {"pretrain": "pretraining", "source": "learning the source", "target": "fine-tuning on the target",
          "cells": "annotating all cells"}  # fmt: skip


def reporter(progress):
    """The function ``progress(stage, fraction, message)`` that the stages call.

    Parameters
    ----------
    progress
        None: a bar where standard error is a terminal; True: a bar; False: nothing; a function: that.
    """
    if callable(progress):
        return progress
    if progress is None:
        progress = sys.stderr is not None and sys.stderr.isatty()
    return Bar() if progress else lambda stage, fraction, message: None


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
