"""Standard output and standard error that cannot fail a run whose files are whole."""

from __future__ import annotations

import contextlib
import errno
import os
import sys

# Control characters that a label could bring to the terminal; newline, tab and carriage return are ours.
_CONTROLS = {c: "\ufffd" for c in (*range(32), 127, *range(128, 160)) if chr(c) not in "\n\t\r"}


class Steady:
    r"""A text stream that writes what it can: another alphabet as escapes, and nothing once nobody reads.

    Parameters
    ----------
    stream
        Standard output or error; None where it was closed.
    errors
        What becomes of letters that the terminal lacks, as in :func:`open`.

    Attributes
    ----------
    failure : the first error of the stream, None where all was written.

    Examples
    --------
    >>> import io
    >>> raw = io.BytesIO()
    >>> out = Steady(io.TextIOWrapper(raw, encoding="ascii"))
    >>> out.write("caf\u00e9\x1b[2J"), out.flush(), raw.getvalue()
    (8, None, b'caf\\xe9?[2J')
    """

    def __init__(self, stream, errors: str = "backslashreplace"):
        self._stream, self.failure = stream, None
        self._replacement = "\ufffd"
        with contextlib.suppress(AttributeError, OSError, ValueError):
            stream.reconfigure(errors=errors)
        with contextlib.suppress(AttributeError, LookupError, TypeError):
            self._replacement = self._replacement.encode(stream.encoding, "replace").decode(stream.encoding)

    def write(self, text: str) -> int:
        """Write, or let it be."""
        clean = text.translate(_CONTROLS).replace("\ufffd", self._replacement)
        self._try("write", clean)
        return len(text)

    def flush(self) -> None:
        """Flush, or let it be."""
        self._try("flush")

    def _try(self, method: str, *args) -> None:
        if self._stream is None or self.failure is not None:
            return
        try:
            getattr(self._stream, method)(*args)
        except (OSError, ValueError) as error:
            self.failure = error
            self._to_nowhere()

    def _to_nowhere(self) -> None:
        """What is still in the buffer goes nowhere, so that the interpreter's last flush does not fail."""
        with contextlib.suppress(OSError, ValueError, AttributeError):
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, self._stream.fileno())
            os.close(null)

    @property
    def lost(self) -> bool:
        """Whether output was lost for another reason than a reader that had enough."""
        return self.failure is not None and getattr(self.failure, "errno", None) != errno.EPIPE

    def __getattr__(self, name):
        """Everything else is the stream's own."""
        return getattr(self._stream, name)


def steady() -> None:
    """Make this process's standard streams steady; closed ones go nowhere, never to a file that is opened next."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    if not isinstance(sys.stdout, Steady):
        sys.stdout = Steady(sys.stdout)
    if not isinstance(sys.stderr, Steady):
        sys.stderr = Steady(sys.stderr, "replace")
