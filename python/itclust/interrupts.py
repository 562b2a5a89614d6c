"""Ctrl-C that neither gets lost nor breaks what it meets.

KeyboardInterrupt comes wherever Python happens to be. In a finaliser it is dropped, on its way through a library's C code it
becomes another error or ends the process, and with it an R session. So it is held back while Keras' backend works, and who
owns the process (the command line, R's bridge) notes it as well, for the next report of progress to look at.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import threading

_noted: list[threading.Event] = []  # of the calls that run, the innermost last
_sigaction = None if os.name == "nt" else ctypes.CDLL(None).sigaction


def check() -> None:
    """Raise KeyboardInterrupt if Ctrl-C was noted by :func:`heard`: its own may have been dropped."""
    if _noted and _noted[-1].is_set():
        raise KeyboardInterrupt


@contextlib.contextmanager
def heard():
    """Turn Ctrl-C into KeyboardInterrupt, and note it, while the block runs; R, whose process it may be, hears nothing.

    An error after it is taken for what became of it, and is KeyboardInterrupt as well.
    """
    came = threading.Event()

    def handle(number, frame):
        came.set()
        raise KeyboardInterrupt

    _noted.append(came)
    try:
        with _handled_by(handle):
            yield
    except Exception:
        check()
        raise
    finally:
        _noted.pop()


@contextlib.contextmanager
def held_back():
    """Let Ctrl-C wait until the block, which takes moments, has ended. Also a decorator."""
    waiting = []
    try:
        with _handled_by(lambda number, frame: waiting.append(number)):
            yield
    finally:
        if waiting:
            signal.raise_signal(waiting[0])


@contextlib.contextmanager
def _handled_by(handler):
    """Hear SIGINT by ``handler`` while the block runs, then as before; not on Windows, nor beside the main thread."""
    if _sigaction is None or threading.current_thread() is not threading.main_thread():
        yield
        return
    of_c = ctypes.create_string_buffer(512)  # a struct sigaction: 152 bytes on Linux, less on macOS
    _sigaction(signal.SIGINT, None, of_c)  # of R or reticulate, it may be: Python's `signal` knows only its own
    before = signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        try:
            signal.signal(signal.SIGINT, signal.default_int_handler if before is None else before)
        finally:
            _sigaction(signal.SIGINT, of_c, None)
