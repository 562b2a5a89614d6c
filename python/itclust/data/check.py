"""Validation at the gate: every error and warning text about the user's data, raised before any long work."""

from __future__ import annotations

import re
import warnings

import numpy as np

LABEL_COLUMNS = ("cell_type", "celltype", "cell.type", "cell type", "label", "labels")
MOST_COPIES = 0.1  # share of the cells; real datasets have .02 at most
LARGEST_LOG = 25  # of a log value: 2^25 counts
MOST_NUMBERS = 20  # labels that may all be fractions
MOST_UNIQUE = 200  # types of which most may have a single cell: mean profiles of a reference are fewer
_FRACTION = re.compile(r"[-+]?(\d+\.\d*|\.\d+|\d+(?=e))(e[-+]?\d+)?|[-+]?(inf|nan)|[-+]?0", re.IGNORECASE)
_NOVEL = re.compile(r"novel \d+")


def is_anndata(adata, name: str) -> None:
    """Raise unless ``adata`` looks like an AnnData with cells and genes."""
    if not all(hasattr(adata, a) for a in ("obs", "var_names", "layers", "X")):
        msg = f"{name} must be an AnnData; received {type(adata).__name__}. Read files with itclust.read(path)."
        raise TypeError(msg)
    if adata.n_obs == 0 or adata.n_vars == 0:
        msg = f"{name} is empty: it has {adata.n_obs} cells and {adata.n_vars} genes."
        raise ValueError(msg)


def column(columns, key: str, argument: str, name: str = "source", table: str = "obs") -> None:
    """Raise unless ``key`` is one of ``columns`` of a table, ``obs`` or ``var``."""
    columns = [str(c) for c in columns]
    if key not in columns:
        msg = f"{key!r} is not a column of {name}.{table}. Pass {argument}=; {_listed(columns)}"
        raise KeyError(msg)


def labels_key(columns, key: str | None, name: str = "source") -> str:
    """Name of the label column of ``source.obs``."""
    if key is not None:
        column(columns, key, "labels_key", name)
        return key
    columns = [str(c) for c in columns]
    found = [c for c in columns if c.lower() in LABEL_COLUMNS]
    if len(found) != 1:
        what = f"{len(found)} columns of {name}.obs may hold the labels" if found else "no label column was recognised"
        msg = f"{what}. Pass labels_key=; {_listed(columns)}"
        raise KeyError(msg)
    return found[0]


def _listed(columns) -> str:
    return f"its columns are: {', '.join(map(repr, columns))}." if columns else "it has no columns."


def labels(values, unlabelled=()) -> tuple[np.ndarray, np.ndarray]:
    """Types, and the code of each cell's label.

    Parameters
    ----------
    values : (n,) array of labels; missing and blank ones are allowed.
    unlabelled : labels that mean "no label".

    Returns
    -------
    types : (n_types,) str, sorted
    codes : (n,) int, -1 where there is no label

    Raises
    ------
    ValueError
        No label, a single type, a label of the form ``novel 1``, or labels that are no types: names of cells, measurements.
    """
    values = np.asarray(values, dtype=object)
    text = np.array(["" if _missing(v) else str(v) for v in values], dtype=object)
    labelled = np.array([t.strip() != "" and t not in unlabelled for t in text], dtype=bool)
    types, inverse = np.unique(text[labelled].astype(str), return_inverse=True)
    if len(types) < 2:
        what = f"only one type, {str(types[0])!r}" if len(types) else "no label at all"
        msg = f"the source has {what}; at least two types are needed to tell cells apart. Check labels_key=."
        raise ValueError(msg)
    _are_types(types, len(inverse))
    reserved = [t for t in types if _NOVEL.fullmatch(t)]
    if reserved:
        msg = f"the source label {str(reserved[0])!r} has the form kept for new clusters of the target; rename it."
        raise ValueError(msg)
    if not labelled.all():
        warnings.warn(f"{(~labelled).sum()} source cells without a label do not train.", UserWarning, stacklevel=4)
    codes = np.full(len(text), -1)
    codes[labelled] = inverse
    return types, codes


def no_names(values, names, key: str, name: str) -> None:
    """Raise where the labels of more than two cells are the cells' own names."""
    if len(values) > 2 and np.array_equal(values.astype(str), np.asarray(names, dtype=str)):
        msg = f"{key!r} of {name}.obs holds the names of the cells, not their types. Pass labels_key= with another column."
        raise ValueError(msg)


def _are_types(types, n: int) -> None:
    """Raise where the labels of ``n`` cells are measurements, or nearly all different, as the names of cells are."""
    if len(types) > MOST_NUMBERS and all(_FRACTION.fullmatch(t) for t in types):
        msg = (
            f"the labels are {len(types):,} different fractions from {types[0]} to {types[-1]}, a measurement and no types. "
            "Pass labels_key= with the column of cell types."
        )
        raise ValueError(msg)
    if len(types) > MOST_UNIQUE and len(types) > n / 2:
        msg = (
            f"{n:,} source cells have {len(types):,} different labels, like names of cells ({str(types[0])!r}, "
            f"{str(types[1])!r}, ...) and not like types. Pass labels_key= with the column of cell types."
        )
        raise ValueError(msg)


def _missing(value) -> bool:
    return value is None or (str(value) in ("nan", "<NA>", "NaT") and not isinstance(value, str))


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
        msg = (
            f"{name} holds {np.count_nonzero(~np.isfinite(x))} values that are NaN or infinite; remove or replace them."
        )
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


def not_empty(largest, name: str) -> None:
    """Raise where the largest value is zero."""
    if not largest:
        msg = f"{name} holds zeros only; pass layer= or use_raw=True if the values lie elsewhere."
        raise ValueError(msg)


def is_log(kind: str, largest, name: str) -> None:
    """Raise where values that are said to be logarithms are too large to be: 2^25 counts of one gene in a cell."""
    if kind == "log" and largest > LARGEST_LOG:
        msg = f"values='log', but {name} holds values up to {largest:.4g}: pass values='counts', 'linear' or 'auto'."
        raise ValueError(msg)


def own_key(adata, key: str, names) -> None:
    """Raise where results under ``key`` would replace what is the user's, not ours.

    Parameters
    ----------
    names : {slot: names of the results there}.
    """
    if "/" in key or not key.strip():
        msg = f"key_added={key!r} is not usable: it is part of names in files, where '/' separates. Choose another."
        raise ValueError(msg)
    run = adata.uns.get(key)
    if hasattr(run, "keys") and {"clusters", "version"} <= set(run.keys()):
        return
    taken = [f"{slot}[{name!r}]" for slot, of_slot in names.items() for name in of_slot if name in getattr(adata, slot)]
    if taken:
        msg = f"key_added={key!r} would replace {', '.join(taken)}, which ItClust did not write: choose another key_added."
        raise ValueError(msg)


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


def symbols(values, key: str, name: str) -> np.ndarray:
    """(n_genes,) str names of genes, blank where there is none; raise where all are."""
    names = np.array(["" if _missing(v) else str(v).strip() for v in values], dtype=str)
    if not (names != "").any():
        msg = f"every value of the {name}'s var[{key!r}] is missing or blank. Leave gene_symbols= out, or fill it."
        raise ValueError(msg)
    return names


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
