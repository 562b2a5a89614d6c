"""Validation at the gate: every error and warning text about the user's data, raised before any long work."""

from __future__ import annotations

import os
import re
import warnings

import numpy as np

MOST_COPIES = 0.1  # share of the cells; real datasets have .02 at most
LARGEST_LOG = 25  # of a log value: 2^25 counts
MANY_STEPS = 1_000_000  # minibatches; a few milliseconds each
SMALLEST = 1e-10  # that the largest value may be: a share of a cell's counts is larger by far


def counted(n: int, one: str, several: str) -> str:
    """A number, and what it counts."""
    return f"{n:,} {one if n == 1 else several}"


def is_anndata(adata, name: str) -> None:
    """Raise unless ``adata`` looks like an AnnData with cells and genes."""
    if not all(hasattr(adata, a) for a in ("obs", "var_names", "layers", "X")):
        msg = f"{name} must be an AnnData; received {type(adata).__name__}. Read files with itclust.read(path)."
        raise TypeError(msg)
    if adata.n_obs == 0 or adata.n_vars == 0:
        msg = f"{name} is empty: it has {adata.n_obs} cells and {adata.n_vars} genes."
        raise ValueError(msg)


def values(x, name: str, holders=list) -> None:
    """Raise on NaN, infinite or negative values.

    Parameters
    ----------
    x : array of the values that are there (dense, or the data of a sparse matrix).
    name : the dataset, and the layer where it has one.
    holders : function that says where unscaled values lie: ``layer="..."`` or ``use_raw=True``; asked on failure alone.
    """
    x = np.asarray(x)
    if not np.isfinite(x).all():
        what = counted(np.count_nonzero(~np.isfinite(x)), "value that is", "values that are")
        msg = f"{name} holds {what} NaN, infinite or beyond 3e38: to be removed or replaced."
        raise ValueError(msg)
    if x.size and x.min() < 0:
        found = holders()
        where = f"Unscaled values are in {' and in '.join(found)}: pass that." if found else ""
        msg = (
            f"{name} holds negative values (smallest {x.min():.3g}), as after scaling; counts or log values are needed. "
            + (where or "No layer and no .raw of it holds unscaled values: pass the data from before scaling.")
        )
        raise ValueError(msg)


def columns(low, high, n_columns: int, name: str) -> None:
    """Raise where a stored index of a sparse matrix leads out of it."""
    if low < 0 or high >= n_columns:
        found = low if low < 0 else high
        msg = (
            f"{name} is damaged: its sparse matrix has the index {found}, and {n_columns} columns. Get its file again."
        )
        raise ValueError(msg)


def numbers(x) -> None:
    """Raise unless a matrix holds real numbers; those of Python in an array of objects are."""
    kind, odd = x.dtype.kind, None
    if kind == "O":
        some = getattr(x, "data", x) if hasattr(x, "indptr") else np.asarray(x).ravel()
        odd = next((v for v in some if not isinstance(v, int | float | np.number) or isinstance(v, complex)), None)
    if odd is not None or kind not in "biufO":
        what = f"{type(odd).__name__}, as {str(odd)[:40]!r}" if odd is not None else f"{x.dtype}"
        msg = f"the expression values are of kind {what}; real numbers are needed."
        raise TypeError(msg)


def not_empty(largest, name: str) -> None:
    """Raise where no value can be told from zero."""
    if largest < SMALLEST:
        what = f"no value above {SMALLEST:g}" if largest else "zeros only"
        msg = f"{name} holds {what}; pass layer= or use_raw=True if the values lie elsewhere."
        raise ValueError(msg)


def is_log(kind: str, largest, name: str) -> None:
    """Raise where values that are said to be logarithms are too large to be: 2^25 counts of one gene in a cell."""
    if kind == "log" and largest > LARGEST_LOG:
        msg = f"values='log', but {name} holds values up to {largest:.4g}: pass values='counts', 'linear' or 'auto'."
        raise ValueError(msg)


def hours(steps: float, what: str) -> None:
    """Warn, before it starts, of training that may take hours."""
    if steps > MANY_STEPS:
        text = f"{what} may take {steps:.2g} minibatches, which is hours: fewer epochs or rounds, or a larger batch_size, are less."
        warnings.warn(text, UserWarning, stacklevel=5)


def in_memory_or_in_place(adata, copy: bool) -> None:
    """Raise where a copy is asked for of an AnnData whose values lie in a file."""
    if copy and getattr(adata, "isbacked", False):
        msg = (
            "copy=True of a target whose values are in a file would read them all. Leave copy out: only obs, obsm and uns "
            "change, in memory, and the file stays as it is; or pass target.to_memory()."
        )
        raise ValueError(msg)


_trained_in: list[int] = []  # the process that trained first


def not_forked() -> None:
    """Raise in a child forked after a training: the threads of TensorFlow stayed behind, and it would wait for them."""
    if not _trained_in:
        _trained_in.append(os.getpid())
    elif _trained_in[0] != os.getpid():
        msg = (
            "this process was forked from one that had used ItClust, and TensorFlow does not work in such. "
            'Start workers with multiprocessing.get_context("spawn"), or call ItClust in them alone.'
        )
        raise RuntimeError(msg)


def shared_genes(n_shared: int, source_names, target_names, minimum: int) -> None:
    """Raise where fewer than ``minimum`` genes, and than half of either set, are shared; say what the names look like."""
    need = max(1, min(minimum, len(source_names) // 2, len(target_names) // 2))  # small panels share what they can
    if n_shared >= need:
        return
    kinds = [_kind(source_names), _kind(target_names)]
    msg = f"source and target share {n_shared} genes; at least {need} are needed. "
    if kinds[0] != kinds[1]:
        msg += f"The source's names look like {kinds[0]} ({_example(source_names)}), "
        msg += f"the target's like {kinds[1]} ({_example(target_names)}): bring both to the same kind."
    else:
        msg += f"The source's names are like {_example(source_names)}, the target's like {_example(target_names)}."
    raise ValueError(msg)


def _kind(names) -> str:
    """What most of the names look like."""
    names = [str(n) for n in names[:2000]]
    ensembl = sum(bool(re.match(r"ENS[A-Z]*G\d{5,}", n)) for n in names)
    numbers = sum(n.isdigit() for n in names)
    if ensembl > len(names) / 2:
        return "Ensembl ids"
    return "numbers" if numbers > len(names) / 2 else "symbols"


def _example(names) -> str:
    return str(names[len(names) // 2]) if len(names) else "none"


def choice(name: str, value, allowed) -> None:
    """Raise unless ``value`` is one of ``allowed``."""
    if value not in allowed:
        msg = f"{name}={value!r} is unknown; use one of {', '.join(map(repr, allowed))}."
        raise ValueError(msg)


def layer(adata, name: str | None, use_raw: bool, what: str) -> None:
    """Raise unless the layer, or .raw, is there."""
    if name is not None and use_raw:
        msg = f"layer={name!r} and use_raw=True exclude each other; pass one of them for the {what}."
        raise ValueError(msg)
    layers = [k for k in adata.layers if k is not None]
    if name is not None and name not in layers:
        listed = ", ".join(map(repr, layers)) or "none"
        msg = f"{name!r} is not a layer of the {what}; its layers are: {listed}."
        raise KeyError(msg)
    if use_raw and adata.raw is None:
        msg = f"use_raw=True, but the {what} has no .raw."
        raise ValueError(msg)


def place(adata, layer_name: str | None, use_raw: bool, what: str):
    """The matrix of values and the gene names at a layer, in ``.raw`` or in ``X``; raise where there is none."""
    layer(adata, layer_name, use_raw, what)
    if use_raw:
        return adata.raw.X, adata.raw.var_names
    matrix = adata.X if layer_name is None else adata.layers[layer_name]
    if matrix is None:
        msg = f"{what}.X is empty; pass layer= with one of: {', '.join(map(repr, adata.layers)) or 'none'}."
        raise ValueError(msg)
    return matrix, adata.var_names


def missing_genes(n_missing: int, n_genes: int) -> None:
    """Raise where the target lacks more than half of a model's genes."""
    if n_missing > n_genes / 2:
        msg = (
            f"the target lacks {n_missing} of the model's {n_genes} genes; at most half may be missing. "
            "Train a model on the genes that both have: itclust.transfer(source, target)."
        )
        raise ValueError(msg)


def copies(share: float) -> None:
    """Warn where many cells of the target are copies of others: they vote for one another."""
    if share > MOST_COPIES:
        text = (
            f"{share:.0%} of the target's cells look like copies of others (resampled, simulated from one another, or there "
            "twice). Copies confirm each other's labels, which may be right far less often than their confidence says: "
            "annotate each cell once."
        )
        warnings.warn(text, UserWarning, stacklevel=4)


def seed(random_state) -> int:
    """The seed; a fresh one for None, as in scikit-learn. Raise on what is none."""
    if random_state is None:
        return int(np.random.SeedSequence().generate_state(1)[0])
    try:
        if int(random_state) == random_state and 0 <= random_state < 2**32:
            return int(random_state)
    except (TypeError, ValueError, OverflowError):
        pass
    msg = f"random_state={random_state!r} is not usable: it is a whole number from 0 to 2^32 - 1, or None."
    raise ValueError(msg)


def pair(name: str, value) -> tuple:
    """A setting for source and target: one value for both, or a pair."""
    if isinstance(value, (tuple, list)):
        if len(value) != 2:
            msg = f"{name} takes one value, or a pair (source, target); received {value!r}."
            raise ValueError(msg)
        return tuple(value)
    return value, value
