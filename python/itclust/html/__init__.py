"""One self-contained HTML page about a transfer: what went in, what came out, and what to trust."""

from itclust.html.page import report

__all__ = ["report"]
