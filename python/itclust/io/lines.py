"""Text that may be damaged: lines of any length, bytes that are no text, an end that is none."""

from __future__ import annotations

import io
from pathlib import Path

from itclust.io.recognise import Unreadable, opened

LONGEST = 1 << 26  # bytes of a line: a million cells with names of 60 letters
_BLOCK = 1 << 20
_ZERO = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}


class Guarded(io.RawIOBase):
    """The decompressed bytes of a file; a zero byte or a line beyond measure ends it with an ``Unreadable``.

    Parameters
    ----------
    path
        A text file, compressed or not.
    longest
        Bytes of a line at most.

    Attributes
    ----------
    last : the last byte that was read.
    """

    def __init__(self, path: Path, longest: int = LONGEST):
        super().__init__()
        self._path, self._longest, self._stream = path, longest, opened(path)
        self._line = self._at = 0
        self.last = b""

    def readable(self) -> bool:
        """Yes."""
        return True

    def readinto(self, buffer) -> int:
        """Fill ``buffer`` with the next bytes."""
        part = self.read(len(buffer))
        buffer[: len(part)] = part
        return len(part)

    def read(self, size: int = -1) -> bytes:
        """The next bytes, checked."""
        if size is None or size < 0:
            return b"".join(iter(lambda: self.read(_BLOCK), b""))
        part = self._stream.read(size)
        self._look(part)
        return part

    def _look(self, part: bytes) -> None:
        if not part:
            return
        zero = part.find(b"\0")
        if zero >= 0:
            start = "" if self._at else _ZERO.get(part[:2], "")
            hint = f"It looks like {start}: save it as UTF-8." if start else "Get it again."
            msg = f"{self._path} is no text: it has a zero byte at position {self._at + zero}. {hint}"
            raise Unreadable(msg)
        newline = part.rfind(b"\n")
        self._line = self._line + len(part) if newline < 0 else len(part) - newline - 1
        if self._line > self._longest:
            msg = (
                f"{self._path} has a line of more than {self._longest:,} bytes near position {self._at}. "
                "Is it damaged? A matrix of that size is better kept as h5ad or mtx."
            )
            raise Unreadable(msg)
        self._at += len(part)
        self.last = part[-1:]

    def close(self) -> None:
        """Close the file."""
        if not self.closed:
            self._stream.close()
        super().close()


def guarded_text(path: Path, encoding: str = "utf-8-sig", errors: str = "replace") -> io.TextIOWrapper:
    """The lines of a file, through :class:`Guarded`."""
    return io.TextIOWrapper(io.BufferedReader(Guarded(path), _BLOCK), encoding, errors, newline="")
