"""The command ``itclust``: its options, and what the shell is told; :mod:`itclust.commands` does the work."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import warnings

import itclust
from itclust.commands import demo, inspect, train, transfer
from itclust.interrupts import heard
from itclust.many import in_words
from itclust.options import WrongUse, add_fitting


def main(argv=None) -> int:
    """Run the command line; 0: done, 1: the run failed, 2: wrong use."""
    args = parser().parse_args(argv)
    if not args.debug:
        _hush()
    from itclust.io.terminal import steady

    steady()
    logging.basicConfig(format="%(message)s", level=logging.WARNING, stream=sys.stderr, force=True)
    logging.getLogger("itclust").setLevel(logging.WARNING if args.quiet else logging.INFO)
    warnings.showwarning = lambda message, *_, **__: sys.stderr.write(f"warning: {message}\n")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # an exception, so that half-written files are removed
    try:
        with heard():
            args.run(args)
    except KeyboardInterrupt:
        sys.stderr.write(f"\nitclust: interrupted; {args.outputs or 'nothing was written'}.\n")
        return 130
    except Exception as error:
        if args.debug:
            raise
        done = f" ({args.outputs})" if args.outputs and args.outputs.written else ""
        sys.stderr.write(f"itclust: error: {_one_line(error)}{done}\n")
        return 2 if isinstance(error, WrongUse | itclust.io.Refused) else 1
    sys.stdout.flush()
    if sys.stdout.lost and not args.outputs:  # what was printed was all there was
        sys.stderr.write(f"itclust: error: standard output cannot be written: {sys.stdout.failure.strerror}.\n")
        return 1
    return 0


def parser() -> argparse.ArgumentParser:
    """All commands and options."""
    top = argparse.ArgumentParser(prog="itclust", description=itclust.__doc__)
    top.add_argument("--version", action="version", version=f"itclust {itclust.__version__}")
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    p = _command(commands, "transfer", transfer, "annotate TARGET from SOURCE, or from a model made by `itclust train`")
    p.add_argument("source", metavar="SOURCE", help="labelled cells (h5ad, zarr, 10x, csv, loom, rds ...), or a model")
    p.add_argument(
        "target", metavar="TARGET", nargs="+", help="cells to annotate; several go into the folder that -o names"
    )
    p.add_argument("-o", "--output", metavar="OUT.h5ad", help="the annotated target (.h5ad or .zarr), or a folder")
    p.add_argument("--jobs", type=int, default=1, metavar="N", help="several targets: so many at a time (default: 1)")
    p.add_argument(
        "--scheduler", metavar="ADDRESS", help="of a Dask cluster, whose workers read and answer large files"
    )
    p.add_argument("--in-place", action="store_true", help="write the results into TARGET itself, in place of -o")
    p.add_argument("--csv", metavar="OUT.csv", help="labels and confidence as a table as well")
    p.add_argument("--report", metavar="OUT.html", help="a page with figures as well")
    add_fitting(p)
    p.add_argument("--clusters", metavar="COL", help="column of the target's obs: your own clusters, labelled too")
    p.add_argument("--key-added", default="itclust", metavar="K", help="prefix of the columns (default: itclust)")

    p = _command(commands, "train", train, "train a model on SOURCE and save it")
    p.add_argument("source", metavar="SOURCE")
    p.add_argument("-o", "--output", required=True, metavar="MODEL")
    add_fitting(p)

    p = _command(commands, "demo", demo, "annotate one half of 700 real PBMCs from the other")
    p.add_argument("folder", nargs="?", default="itclust-demo", metavar="DIR", help="default: itclust-demo")

    p = _command(commands, "inspect", inspect, "say what a file holds: cells, genes, labels, values, results")
    p.add_argument("file", metavar="FILE")
    return top


def _command(commands, name, run, text):
    p = commands.add_parser(name, help=text, description=text)
    p.set_defaults(run=run, outputs=None)
    p.add_argument("--quiet", action="store_true", help="no progress and no log lines")
    p.add_argument("--debug", action="store_true", help="full tracebacks")
    return p


def _one_line(error) -> str:
    text = in_words(error)
    if isinstance(error, MemoryError):
        return "there is not enough memory. Take fewer cells or genes, or a machine with more."
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{error.filename}: {error.strerror}."
    if not isinstance(error, ValueError | KeyError | TypeError | OSError | ImportError | RuntimeError | WrongUse):
        return (
            f"{type(error).__name__}: {text}. Nobody foresaw this: please report it with the lines that --debug adds."
        )
    return text


def _hush() -> None:
    """TensorFlow's native start-up lines go nowhere; Python's own lines still reach standard error."""
    try:
        kept = os.dup(2)
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 2)
        os.close(null)
        sys.stderr = os.fdopen(kept, "w", buffering=1, encoding=sys.stderr.encoding, errors="replace")
    except (OSError, AttributeError):
        return


if __name__ == "__main__":
    sys.exit(main())
