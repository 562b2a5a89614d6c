"""Options of the shell that decide how a transfer is fitted, as keywords of :func:`itclust.transfer`."""

from __future__ import annotations

from contextlib import contextmanager

import itclust

PLACE = ("layer", "use_raw", "values", "gene_symbols", "batch_key")  # options that say where values and batches are
OF_SOURCE = (*PLACE, "tree")  # options that are no settings


class WrongUse(Exception):
    """What argparse cannot see."""


@contextmanager
def cluster(address):
    """Connected to the Dask scheduler at ``address``, where one is given."""
    if address is None:
        yield
        return
    try:
        from distributed import Client
    except ImportError as error:
        msg = "--scheduler needs the package distributed, of the workers' version: pip install distributed"
        raise ImportError(msg) from error
    try:
        client = Client(address, timeout=10)
    except (OSError, ValueError) as error:
        msg = f"no Dask scheduler answers at {address!r} ({error}). Start one with `dask scheduler`, and pass its address."
        raise WrongUse(msg) from error
    with client:
        yield


def add_fitting(p) -> None:
    """Add the options to a parser."""
    p.add_argument("--labels", metavar="COL", help="column of the source's obs with the labels")
    p.add_argument("--preset", default="default", choices=list(itclust.settings.RECIPES))
    p.add_argument("--seed", type=int, help="default: 0, or the model's own")
    p.add_argument("--layer", metavar="L[,L]", help="layer with the values; a pair is source,target")
    p.add_argument("--values", default="auto", metavar="V[,V]", help="auto, counts, linear or log; or a pair")
    p.add_argument("--use-raw", choices=["source", "target", "both"], help="take the values from .raw")
    p.add_argument("--gene-symbols", metavar="COL", help="column of var with the genes' names, in either or both")
    p.add_argument("--batch-key", metavar="COL", help="column of obs with batches, of the source, the target or both")
    p.add_argument(
        "--tree", metavar="T[,T]", help="obs columns with parents, coarse to fine; or an OBO file, or COL,OBO"
    )
    p.add_argument("--no-novelty", action="store_true", help="do not look for types that the source lacks")
    p.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="any other setting; repeatable")


def place_of(options, which) -> dict:
    """What of the options is no setting and says what a dataset holds: the source (0) or the target (1)."""
    place = {k: v[which] if isinstance(v := options[k], list) else v for k in PLACE}
    return place | {"tree": options["tree"]} if which == 0 else place


def keywords(args) -> dict:
    """Keywords of :func:`itclust.transfer` from the options that fitting takes."""
    settings = dict(setting(s) for s in args.set)
    try:
        itclust.settings.resolve(args.preset, settings)
    except (TypeError, ValueError) as error:
        raise WrongUse(str(error)) from None
    raw = {None: False, "both": True, "source": [True, False], "target": [False, True]}[args.use_raw]
    place = {"layer": _pair(args.layer), "values": _pair(args.values), "use_raw": raw}
    place |= {"gene_symbols": args.gene_symbols, "batch_key": args.batch_key}
    novelty = {} if not args.no_novelty else {"novelty": False}
    tree = args.tree.split(",") if args.tree else None
    return {"preset": args.preset, "random_state": args.seed or 0, "tree": tree, **place, **novelty, **settings}


def setting(text) -> tuple:
    """Name and value of ``NAME=VALUE``."""
    name, equals, value = text.partition("=")
    if not equals:
        msg = f"--set takes NAME=VALUE; received {text!r}."
        raise WrongUse(msg)
    if "," in value:
        return name, [v for v in value.split(",") if v]
    return name, {"true": True, "false": False}.get(value.lower(), _number(value))


def _number(text):
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _pair(text):
    return text.split(",") if text and "," in text else text
