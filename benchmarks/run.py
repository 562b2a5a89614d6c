"""Run methods over pairs of datasets and write tidy results.

    python benchmarks/run.py [--pairs pbmc,ifn] [--methods default,logreg] [--seeds 0,1,2] [--out results.csv]

Each method is a process of its own with a time limit; it sees the labelled source and the bare target as files. Runs
that the results have are skipped, so a broken-off benchmark goes on where it was. Methods whose answer does not
depend on the seed run once. What each method answered is kept in benchmarks/scratch, beside the truth, for the figures.
"""

from __future__ import annotations

import argparse
import json
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import data
import pandas as pd
import results
import scores
from methods import METHODS, ROOT, Method, environment

HERE = Path(__file__).resolve().parent
SCRATCH = HERE / "scratch"


def main(argv=None) -> int:
    """0 if every run that was possible has an answer."""
    args = _parser().parse_args(argv)
    pairs = [p.changed(args.cap, args.noise) for p in data.pairs(_list(args.pairs))]
    methods = _able([METHODS[m] for m in _list(args.methods) or METHODS])
    there = set() if args.again else results.done(results.read(args.out))
    failed = 0
    for pair in pairs:
        if reason := data.missing(pair):
            say(f"{pair.name}: skipped, {reason}")
            continue
        for method, seed in _plan(pair, methods, [int(s) for s in args.seeds.split(",")]):
            if (pair.name, method.name, seed) not in there:
                failed += not run(pair, method, seed, args.limit, args.out)
    return 1 if failed else 0


def _parser():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--pairs", help="names in pairs.json or holdout.json, or pancreas; default: all of pairs.json")
    p.add_argument("--methods", help=f"default: all that can run, of {', '.join(METHODS)}")
    p.add_argument("--seeds", default="0,1,2")
    p.add_argument("--out", type=Path, default=HERE / "results.csv")
    p.add_argument("--limit", type=float, default=3600, help="seconds a run may take")
    p.add_argument("--cap", type=int, help="keep at most so many source cells of a type")
    p.add_argument("--noise", type=float, default=0.0, help="draw this share of the source's labels at random")
    p.add_argument("--again", action="store_true", help="run also what the results have")
    return p


def _list(text):
    return text.split(",") if text else None


def _able(methods):
    able = []
    for method in methods:
        if reason := method.missing():
            say(f"{method.name}: skipped, {reason}")
        else:
            able.append(method)
    return able


def _plan(pair, methods, seeds):
    """Every seed where the method or the pair draws at random, else the first."""
    for seed in seeds:
        for method in methods:
            if seed == seeds[0] or method.random or pair.random:
                yield method, seed


def run(pair: data.Pair, method: Method, seed: int, limit: float, out: Path) -> bool:
    """One run: prepare, start the method, score its answer, write the rows."""
    prepared = data.prepare(pair, seed)
    name = f"{pair.name}, {method.name}, seed {seed}"
    with tempfile.TemporaryDirectory(prefix="itclust-benchmark-") as folder:
        answer, used, log = execute(prepared, method, seed, limit, Path(folder))
    cost = {"seconds": used["seconds"], "mb": used["mb"]}
    if answer is None:
        say(f"{name}: FAILED, {why(used, log, limit)}")
        results.add(out, (pair.name, method.name, seed), {results.FAILED: cost["seconds"]}, version(method, log))
        return False
    aligned = scores.align(answer, prepared.target.obs_names)
    _keep(aligned, prepared, pair, method, seed)
    metrics = scores.score(prepared.truth, aligned, prepared.types) | cost
    results.add(out, (pair.name, method.name, seed), metrics, version(method, log))
    shown = [f"{k} {metrics[k]:.3f}" for k in ("acc", "f1", "auroc", "ece_all") if k in metrics]
    say(f"{name}: {', '.join(shown)}, {cost['seconds']:.0f} s, {cost['mb']:.0f} MB")
    return True


def execute(prepared: data.Prepared, method: Method, seed: int, limit: float, folder: Path):
    """The answer (None: it failed), what it took, and what the method printed."""
    prepared.source.write_h5ad(folder / "source.h5ad")
    prepared.target.write_h5ad(folder / "target.h5ad")
    command = [sys.executable, HERE / "measure.py", str(limit), folder / "log", *method.command(folder, seed)]
    used, log = json.loads(_output(command)), (folder / "log").read_text(errors="replace")
    file = folder / "answer.csv"
    return (read_answer(file) if used["status"] == 0 and file.exists() else None), used, log


def _output(command) -> bytes:
    """What measure.py prints; it is asked to end the method before this process ends."""
    with subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE) as child:
        try:
            return child.communicate()[0]
        except BaseException:
            child.terminate()
            raise


def why(used: dict, log: str, limit: float) -> str:
    """The reason of a failure: the time, or the method's last line."""
    if used["status"] == "time":
        return f"{limit:g} seconds were over"
    return (log.strip().splitlines() or [f"no answer and no message, exit code {used['status']}"])[-1]


def read_answer(file: Path) -> pd.DataFrame:
    """A method's table under the names label, confidence, novelty, cluster: ours has the prefix ``itclust``."""
    answer = pd.read_csv(file, dtype={"cell": str, "label": str, "itclust": str}, keep_default_na=False, na_values=[""])
    answer = answer.set_index("cell").rename(columns={"itclust": "label"})
    answer = answer.rename(columns=lambda c: c.removeprefix("itclust_"))
    return answer[[c for c in ("label", "confidence", "novelty", "cluster") if c in answer]]


def _keep(aligned, prepared, pair, method, seed):
    SCRATCH.mkdir(exist_ok=True)
    table = aligned.assign(truth=prepared.truth, known=pd.Series(prepared.truth).isin(prepared.types).to_numpy())
    table.to_csv(answer_file(pair.name, method.name, seed), index_label="cell")


def answer_file(pair: str, method: str, seed: int) -> Path:
    """Where the answer of a run is kept."""
    return SCRATCH / f"{pair}.{method}.{seed}.csv.gz"


def version(method: Method, log: str) -> str:
    """Of a peer what its script printed, of ours the version and the commit, with + where the package differs from it."""
    if method.ours:
        return f"itclust {_itclust_version()}"
    return (re.findall(r"^version (.+?)\s*$", log, flags=re.MULTILINE) or ["unknown"])[-1]


def _itclust_version() -> str:
    """Asked for each run: the commit may change while a benchmark goes on."""
    import itclust

    git = ["git", "-C", str(ROOT)]
    commit = subprocess.run(
        [*git, "log", "-1", "--format=%h", "--", "python/itclust"], capture_output=True, text=True, check=False
    )
    changed = subprocess.run([*git, "diff", "--quiet", "HEAD", "--", "python/itclust"], check=False).returncode == 1
    return f"{itclust.__version__} {commit.stdout.strip()}{'+' if changed else ''}".strip()


def say(text: str) -> None:
    """At once, also into a file."""
    print(text, flush=True)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))
    sys.exit(main())
