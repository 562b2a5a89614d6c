"""What has a name: columns, labels, keys of results, genes. Every error and warning text about them, before any work."""

from __future__ import annotations

import re
import warnings

import numpy as np

from itclust.data import check

LABEL_COLUMNS = ("cell_type", "celltype", "cell.type", "cell type", "label", "labels")
MOST_NUMBERS = 20  # labels that may all be fractions
MOST_UNIQUE = 200  # types of which most may have a single cell: mean profiles of a reference are fewer
LONGEST_KEY = 200  # letters; it is part of names of columns, in files too
_FRACTION = re.compile(r"[-+]?(\d+\.\d*|\.\d+|\d+(?=e))(e[-+]?\d+)?|[-+]?(inf|nan)|[-+]?0", re.IGNORECASE)
_KEPT = re.compile(r"novel( \d+)?")  # for what is new in the target
_NO_NAME = re.compile(r"[/\x00-\x1f\x7f-\x9f\ud800-\udfff]")  # what no column's name can hold in every file


def has(table, key) -> bool:
    """Whether ``key``, of any kind, is a column of a table."""
    return any(key is c or (type(key) is type(c) and key == c) for c in table.columns)


def column(table, key, argument: str, where: str = "source.obs") -> None:
    """Raise unless ``key`` is a column of ``table``, and of that name the only one."""
    n = sum(key == c for c in table.columns) if has(table, key) else 0
    if n != 1:
        what = f"names {n} columns" if n else "is not a column"
        msg = f"{key!r} {what} of {where}. Pass {argument}=; {_listed(table.columns)}"
        raise KeyError(msg)


def labels_key(table, key=None, name: str = "source"):
    """Name of the label column of ``source.obs``."""
    if key is not None:
        column(table, key, "labels_key", f"{name}.obs")
        return key
    found = [c for c in table.columns if str(c).lower() in LABEL_COLUMNS]
    if len(found) != 1:
        what = f"{len(found)} columns of {name}.obs may hold the labels" if found else "no label column was recognised"
        msg = f"{what}. Pass labels_key=; {_listed(table.columns)}"
        raise KeyError(msg)
    return found[0]


def _listed(columns) -> str:
    return f"its columns are: {', '.join(repr(c) for c in columns)}." if len(columns) else "it has no columns."


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
        No label, a single type, a label that is kept for results, or labels that are no types: names of cells,
        measurements, lists.
    """
    text = _text(values)
    labelled = np.array([t.strip() != "" and t not in unlabelled for t in text], dtype=bool)
    types, inverse = np.unique(text[labelled].astype(str), return_inverse=True)
    types, inverse = _united(types, inverse)
    if len(types) < 2:
        what = f"only one type, {str(types[0])!r}" if len(types) else "no label at all"
        msg = f"the source has {what}; at least two types are needed to tell cells apart. Check labels_key=."
        raise ValueError(msg)
    _are_types(types, len(inverse))
    _have_columns(types)
    if not labelled.all():
        what = check.counted((~labelled).sum(), "source cell without a label does", "source cells without a label do")
        warnings.warn(f"{what} not train.", UserWarning, stacklevel=4)
    codes = np.full(len(text), -1)
    codes[labelled] = inverse
    return types, codes


def _text(values) -> np.ndarray:
    """(n,) object of str labels, blank where there is none; raise on what is no single value."""
    values = np.asarray(values, dtype=object)
    if several := [v for v in values if isinstance(v, list | tuple | dict | set | np.ndarray)]:
        msg = f"a source cell's label is {str(several[0])[:40]}, a {type(several[0]).__name__}: one value a cell is needed."
        raise ValueError(msg)
    return np.array(["" if missing(v) else str(v) for v in values], dtype=object)


def _united(types, inverse) -> tuple[np.ndarray, np.ndarray]:
    """The same where no two labels differ in blanks at their ends only; else such are one type."""
    bare, place = np.unique(np.char.strip(types), return_inverse=True)
    if len(bare) == len(types):
        return types, inverse
    n = len(types) - len(bare)
    warnings.warn(
        f"{n} source labels differ from another in blanks at their ends only; they are one type.", stacklevel=5
    )
    return bare, place[inverse]


def no_names(values, names, key, name: str) -> None:
    """Raise where the labels of more than two cells are the cells' own names."""
    if len(values) > 2 and all(str(a) == str(b) for a, b in zip(values, names, strict=True)):
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


def _have_columns(types) -> None:
    """Raise where a type cannot have a column of its own among the results."""
    if kept := [str(t) for t in types if _KEPT.fullmatch(t)]:
        msg = f"the source label {kept[0]!r} has the form kept for new clusters of the target; rename it."
        raise ValueError(msg)
    if odd := [str(t) for t in types if re.search(r"[\x00\ud800-\udfff]", t)]:
        msg = f"the source label {odd[0]!r} holds a zero byte or half a letter, which no file keeps; rename it."
        raise ValueError(msg)
    columns = np.char.replace(types, "/", "|")  # see results.as_column
    if len(np.unique(columns)) < len(types):
        pair = types[columns == next(c for c in columns if (columns == c).sum() > 1)]
        msg = (
            f"the source labels {str(pair[0])!r} and {str(pair[1])!r} would have one name in files; rename one of them."
        )
        raise ValueError(msg)


def missing(value) -> bool:
    """Whether a value of a table stands for none."""
    return value is None or (str(value) in ("nan", "<NA>", "NaT") and not isinstance(value, str))


def codes(values, key, name: str) -> np.ndarray:
    """(n,) int group of each cell by a column of ``obs``, -1 where it is missing; raise where it holds lists."""
    try:
        return values.astype("category").cat.codes.to_numpy().astype(int)
    except TypeError:
        msg = f"{key!r} of {name}.obs holds lists or the like: one value a cell is needed."
        raise ValueError(msg) from None


def own_key(adata, key: str, names) -> None:
    """Raise where results under ``key`` would replace what is the user's, not ours, or could not be written to a file.

    Parameters
    ----------
    names : {slot: names of the results there}.
    """
    check_key(key)
    if adata.obs.columns.nlevels > 1:
        msg = "target.obs has columns of several levels, which no file keeps and results do not fit into: give each one name."
        raise ValueError(msg)
    if adata.obs_names.name in names["obs"]:
        msg = f"key_added={key!r} is the name of target.obs's index as well, and a file keeps one of them: choose another."
        raise ValueError(msg)
    if adata.obs_names.dtype.kind in "iufbmM":
        msg = (
            f"target's cells are named by {adata.obs_names.dtype}, which AnnData turns into text when it writes, and results "
            "would not fit any more: target.obs_names = target.obs_names.astype(str)."
        )
        raise ValueError(msg)
    run = adata.uns.get(key)
    if hasattr(run, "keys") and {"clusters", "version"} <= set(run.keys()):
        return
    taken = [f"{slot}[{name!r}]" for slot, of_slot in names.items() for name in of_slot if name in getattr(adata, slot)]
    if taken:
        msg = f"key_added={key!r} would replace {', '.join(taken)}, which ItClust did not write: choose another key_added."
        raise ValueError(msg)


def check_key(key) -> None:
    """Raise unless ``key`` can be part of names in any file."""
    if isinstance(key, str) and key.strip() and "/" in key:
        msg = f"key_added={key!r} is not usable: it is part of names in files, where '/' separates. Choose another."
        raise ValueError(msg)
    usual = isinstance(key, str) and key.strip() and len(key) <= LONGEST_KEY and not _NO_NAME.search(key)
    if not usual or key in (".", "..", "_index", "__categories"):
        shown = repr(key) if len(repr(key)) < 60 else f"{repr(key)[:60]}..."
        msg = f"key_added={shown} is not usable: it is a word of 1 to {LONGEST_KEY} letters, as 'itclust'. Choose another."
        raise ValueError(msg)


def symbols(values, where: str) -> np.ndarray:
    """(n_genes,) str names of genes without blanks at their ends, blank where there is none; raise where all are."""
    names = np.array(["" if missing(v) else str(v).strip() for v in values], dtype=str)
    if not (names != "").any():
        msg = f"every value of the {where} is missing or blank: there is no gene to match. Fill it, or name another column."
        raise ValueError(msg)
    return names
