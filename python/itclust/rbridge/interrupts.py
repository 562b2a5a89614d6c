"""Ctrl-C while R waits for Python: heard by Python, and not lost.

reticulate's handler evaluates R code to ask whether an interrupt is pending. R may take the interrupt as it is asked; then
nobody has it. And KeyboardInterrupt may be dropped (in a finaliser) or become another error on its way through a library's
C code. So Python has a handler of its own during a call, which also notes that Ctrl-C came.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import threading

_came = threading.Event()


def came() -> bool:
    """Whether Ctrl-C came since the call began."""
    return _came.is_set()


def check() -> None:
    """Raise KeyboardInterrupt if Ctrl-C came: the first one may have been dropped."""
    if came():
        raise KeyboardInterrupt


def _handle(number, frame):
    _came.set()
    raise KeyboardInterrupt


@contextlib.contextmanager
def heard():
    """Turn Ctrl-C into KeyboardInterrupt while the block runs. On Windows, and beside the main thread, as it was before."""
    _came.clear()
    if os.name == "nt" or threading.current_thread() is not threading.main_thread():
        yield
        return
    with _kept():
        before = signal.signal(signal.SIGINT, _handle)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before or signal.default_int_handler)


@contextlib.contextmanager
def _kept():
    """Put the C handler of SIGINT back, R's or reticulate's: Python's ``signal`` knows only its own."""
    sigaction = ctypes.CDLL(None).sigaction
    handler = ctypes.create_string_buffer(512)  # a struct sigaction: 152 bytes on Linux, less on macOS
    sigaction(signal.SIGINT, None, handler)
    try:
        yield
    finally:
        sigaction(signal.SIGINT, handler, None)
