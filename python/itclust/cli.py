"""The command ``itclust``: the public API for people with two files and a shell."""

from __future__ import annotations

import argparse
import dataclasses
import logging
import os
import signal
import sys
import warnings
from pathlib import Path

import itclust
from itclust.options import OF_SOURCE, WrongUse, add_fitting, cluster, keywords, place_of


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


def transfer(args) -> None:
    """``itclust transfer``."""
    if bool(args.output) == args.in_place:
        msg = "say where the annotated target goes: -o OUT.h5ad, or --in-place for TARGET itself."
        raise WrongUse(msg)
    _spare_figures()
    with cluster(args.scheduler):
        _transfer_many(args) if len(args.target) > 1 or (args.output or "").endswith("/") else _transfer_one(args)


def _transfer_one(args) -> None:
    """``itclust transfer SOURCE TARGET -o OUT.h5ad``."""
    from itclust import results

    args.target = args.target[0]
    wanted = {"-o": ("annotated", args.output or args.target), "--csv": ("table", args.csv)}
    wanted["--report"] = ("report", args.report)
    inputs, replaced = {"SOURCE": args.source, "TARGET": args.target}, "TARGET" if args.in_place else None
    args.outputs = itclust.io.Outputs(wanted, inputs, replaced)
    options = keywords(args)
    model = _model(args.source)
    target = _read(args.target)
    bar = _bar(args)
    if model is None:
        source, given = _read(args.source), {"labels_key": args.labels, "key_added": args.key_added}
        itclust.transfer(source, target, **given, clusters_key=args.clusters, progress=bar, **options)
    else:
        source = None
        _apply(model, target, args, options, bar)
    itclust.io.write(target, args.outputs.paths["-o"])
    args.outputs.done("-o")
    if args.csv:
        itclust.io.write_csv(target, args.csv, key=args.key_added)
        args.outputs.done("--csv")
    if args.report:
        place = {k: options[k] for k in ("layer", "values", "use_raw")}
        itclust.report(target, args.report, key=args.key_added, source=source, labels_key=args.labels, **place)
        args.outputs.done("--report")
    print(f"{results.summary(target, args.key_added)}\n{args.outputs}")


def _read(path):
    """The file, or, where it is large, what leaves its values on disk."""
    return itclust.io.read(path, backed=itclust.io.is_large(path))


def _transfer_many(args) -> None:
    """``itclust transfer SOURCE TARGET ... -o FOLDER``."""
    from itclust import many

    if args.in_place or args.csv or args.report or args.jobs < 1 or Path(args.output).is_file():
        msg = "several targets take -o FOLDER and --jobs 1 or more, and no --csv, --report or --in-place."
        raise WrongUse(msg)
    Path(args.output).mkdir(parents=True, exist_ok=True)
    places = many.outputs(args.source, args.target, args.output)
    wanted, model = keywords(args), _model(args.source)
    of_target = place_of(wanted, 1) if model is None else _decided(model, args, wanted)
    model = model or _fitted(args, wanted)
    of_target |= {"key_added": args.key_added, "clusters_key": args.clusters, "progress": _bar(args)}
    rows = many.annotate(model, places, of_target, args.jobs)
    print(many.table(rows))
    if failed := [row for row in rows if row["status"].startswith("failed")]:
        msg = f"{len(failed)} of {len(rows)} targets failed; the others are written. Run the command again to go on."
        raise RuntimeError(msg)


def _fitted(args, options):
    """A model trained on SOURCE."""
    settings = {k: v for k, v in options.items() if k not in OF_SOURCE}
    model = itclust.ItClust(**settings)
    return model.fit(_read(args.source), args.labels, progress=_bar(args), **place_of(options, 0))


def _apply(model, target, args, options, bar) -> None:
    """A trained model on a target."""
    model.transfer(target, args.key_added, clusters_key=args.clusters, progress=bar, **_decided(model, args, options))


def _decided(model, args, options) -> dict:
    """Set what may still be asked of a trained model; what was decided when it was trained cannot be asked for again."""
    decided = {"--labels": args.labels, "--set": args.set, "--preset": args.preset != "default"}
    decided["--tree"] = args.tree
    decided["--use-raw source"] = args.use_raw == "source"
    if asked := [option for option, value in decided.items() if value]:
        msg = f"SOURCE is a trained model: {asked[0]} was decided when it was trained (itclust train)."
        raise WrongUse(msg)
    if args.no_novelty:
        model.settings = dataclasses.replace(model.settings, novelty=False)
    if args.seed is not None:
        model.random_state = args.seed
    return place_of(options, 1)


def train(args) -> None:
    """``itclust train``."""
    _spare_figures()
    args.outputs = itclust.io.Outputs({"-o": ("model", args.output)}, {"SOURCE": args.source})
    model = _fitted(args, keywords(args))
    model.save(args.outputs.paths["-o"])
    args.outputs.done("-o")
    print(f"{model!r}\n{args.outputs}")


def demo(args) -> None:
    """``itclust demo``."""
    from itclust.demo import run

    print(run(Path(args.folder), _bar(args)))


def inspect(args) -> None:
    """``itclust inspect``."""
    model = _model(args.file)
    print(_describe_model(model) if model is not None else _describe(itclust.io.read(args.file)))


def _describe(adata) -> str:
    from itclust import results
    from itclust.data import matrices

    part = matrices.as_csr(adata.X[:1000])
    kind = "negative (scaled?)" if part.data.min(initial=0) < 0 else matrices.recognise(part) if part.nnz else "zero"
    lines = [f"{adata.n_obs} cells x {adata.n_vars} genes ({', '.join(adata.var_names[:3])}, ...), X: {kind} values"]
    lines.append("layers: " + (", ".join(str(k) for k in adata.layers if k is not None) or "none"))
    lines.append(f"raw: {'none' if adata.raw is None else f'{adata.raw.n_vars} genes'}")
    for name, column in adata.obs.items():
        n = column.nunique()
        few = ", ".join(f"{v} ({c})" for v, c in column.value_counts().head(30).items() if c) if n <= 30 else ""
        lines.append(f"obs[{name!r}]: {n} values{': ' + few if few else ''}")
    lines += [f"results under {k!r}:\n{results.summary(adata, k)}" for k in _result_keys(adata)]
    return "\n".join(lines)


def _result_keys(adata) -> list:
    return [k for k, v in adata.uns.items() if hasattr(v, "keys") and "clusters" in v and f"{k}_cluster" in adata.obs]


def _describe_model(model) -> str:
    return f"{model!r}\ntypes: {', '.join(model.types)}\nsettings: {model.settings}"


def _model(path):
    """The model in a file, or None where it holds something else."""
    import zipfile

    if not Path(path).is_file() or not zipfile.is_zipfile(path):
        return None
    try:
        with zipfile.ZipFile(path) as file:
            names = file.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return None  # the readers say what is wrong with it
    if "header.npy" not in names:
        return None
    return itclust.ItClust.load(path)


def _bar(args):
    return False if args.quiet else None


def _one_line(error) -> str:
    text = error.args[0] if isinstance(error, KeyError) and error.args else str(error) or type(error).__name__
    text = " ".join(str(text).split())
    if isinstance(error, MemoryError):
        return "there is not enough memory. Take fewer cells or genes, or a machine with more."
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{error.filename}: {error.strerror}."
    if not isinstance(error, ValueError | KeyError | TypeError | OSError | ImportError | RuntimeError | WrongUse):
        return (
            f"{type(error).__name__}: {text}. Nobody foresaw this: please report it with the lines that --debug adds."
        )
    return text


def _spare_figures() -> None:
    """Import igraph without the pyplot that it takes along, for figures that the shell never draws: 0.4 s and 27 MB."""
    if not {"igraph", "matplotlib"} & set(sys.modules):
        sys.modules["matplotlib"] = None  # as if it were not installed
        try:
            import igraph  # noqa: F401
        finally:
            del sys.modules["matplotlib"]


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
