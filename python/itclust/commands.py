"""What each command of the shell does: the public API on the files that it names."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import itclust
from itclust.options import OF_SOURCE, WrongUse, cluster, keywords, place_of


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
        of_target = _decided(model, args, options)
        model.transfer(target, args.key_added, clusters_key=args.clusters, progress=bar, **of_target)
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


def _spare_figures() -> None:
    """Import igraph without the pyplot that it takes along, for figures that the shell never draws: 0.4 s and 27 MB."""
    if not {"igraph", "matplotlib"} & set(sys.modules):
        sys.modules["matplotlib"] = None  # as if it were not installed
        try:
            import igraph  # noqa: F401
        finally:
            del sys.modules["matplotlib"]
