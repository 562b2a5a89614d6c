"""A tree over the source's types that the user gives: columns, a dict, or the Cell Ontology."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from os import PathLike, fspath

import numpy as np
import pandas as pd

from itclust.data import naming
from itclust.numerics.levels import Tree

log = logging.getLogger("itclust")

ID_COLUMN = "cell_type_ontology_term_id"  # of CELLxGENE's schema
ONTOLOGY = (".obo", ".obo.gz")


def given(tree, sources: dict, types, codes) -> Tree | None:
    """The tree that ``tree`` describes, see :func:`itclust.transfer`; None for None.

    Parameters
    ----------
    sources : AnnData by what messages call them.
    types, codes : of all their cells, see :class:`itclust.data.dataset.Dataset`.

    Raises
    ------
    KeyError, ValueError, FileNotFoundError, ImportError
        It cannot be read, says nothing of the types, or a type has several parents.
    """
    if tree is None:
        return None
    if isinstance(tree, Mapping):
        lines = _of_dict(tree, types)
    else:
        _is_named(tree)
        places = [fspath(p) for p in ([tree] if isinstance(tree, str | PathLike) else tree)]
        if places and places[-1].endswith(ONTOLOGY):
            lines = _of_ontology(places[-1], places[:-1], sources, types, codes)
        else:
            columns = [_of_types(p, sources, types, codes) for p in reversed(places)]
            lines = [[t, *(c[t] for c in columns if t in c)] for t in map(str, types)]
    found = _nodes(lines, types)
    if not len(found.names):
        msg = (
            f"tree={tree!r} joins no two of the source's types ({', '.join(map(str, types[:5]))}, ...): name for each "
            "type the group that it belongs to."
        )
        raise ValueError(msg)
    log.info("the tree has %d nodes: %s", len(found.names), ", ".join(found.names[:10]))
    return found


def _is_named(tree) -> None:
    if not isinstance(tree, str | PathLike) and not (
        isinstance(tree, list | tuple) and all(isinstance(p, str | PathLike) for p in tree)
    ):
        msg = f"tree={tree!r} is not usable: it is a column of source.obs, a list of them, a dict, or an OBO file."
        raise TypeError(msg)


def _nodes(lines, types) -> Tree:
    """Sets of several types, but not all, that a name stands for; of several names for one set the nearest to the types.

    Parameters
    ----------
    lines : of each type, its own name and those above it, the nearest first.
    """
    members = {}
    for k, line in enumerate(lines):
        for name in line:
            members.setdefault(str(name), set()).add(k)
    name_of = {}
    for name, of_name in members.items():
        if 1 < len(of_name) < len(types):
            name_of.setdefault(frozenset(of_name), name)
    sets = sorted(name_of, key=lambda s: (len(s), sorted(s)))
    nodes = [[k in s for k in range(len(types))] for s in sets]
    return Tree(np.array(nodes, dtype=bool).reshape(-1, len(types)), np.array([name_of[s] for s in sets], dtype=str))


def _of_types(column, sources, types, codes) -> dict[str, str]:
    """Value of a column of ``obs`` for each type that has one; raise where the cells of a type have several."""
    for name, adata in sources.items():
        naming.column(adata.obs, column, "tree", f"{name}.obs")
    values = pd.concat([pd.Series(a.obs[column].to_numpy(dtype=object)) for a in sources.values()], ignore_index=True)
    there = (codes >= 0) & values.notna().to_numpy() & ~values.astype(str).str.strip().isin(["", "unknown"]).to_numpy()
    of_types = {}
    for k, found in values[there].astype(str).groupby(codes[there]):
        counts = found.value_counts()
        if len(counts) > 1:
            listed = ", ".join(f"{v!r} ({n} cells)" for v, n in counts.head(3).items())
            msg = (
                f"tree={column!r}: the type {str(types[k])!r} has {len(counts)} values in that column, {listed}; in a tree it "
                "has one parent. Correct the column, or pass a dict {type: parent}."
            )
            raise ValueError(msg)
        of_types[str(types[k])] = counts.index[0]
    return of_types


def _of_dict(tree, types) -> list[list[str]]:
    """Lines of a dict ``{type: parent}``, ``{parent: [types]}`` or one in another."""
    parent = {}

    def read(level):
        for name, value in level.items():
            if isinstance(value, str):
                if value != name:  # a type that is a group of its own
                    parent[str(name)] = value
                continue
            parent.update({str(child): str(name) for child in value})
            if isinstance(value, Mapping):
                read({child: below for child, below in value.items() if below})

    read(tree)
    unknown = set(parent) - set(map(str, types)) - set(parent.values())
    if unknown:
        log.warning("tree names %s, which the source has not", ", ".join(sorted(unknown)))
    lines = []
    for t in map(str, types):
        line = [t]
        while line[-1] in parent:
            if parent[line[-1]] in line:
                msg = f"tree goes round in a circle: {' in '.join([*line, parent[line[-1]]])}. Take one of these out."
                raise ValueError(msg)
            line.append(parent[line[-1]])
        lines.append(line)
    return lines


def _of_ontology(path, columns, sources, types, codes) -> list[list[str]]:
    """Lines along ``is_a`` of the terms that a column of ids, or else their names, give the types."""
    try:
        import obonet
    except ImportError:
        msg = f"reading {path!r} needs the package obonet: pip install 'obonet>=1.1'"
        raise ImportError(msg) from None
    graph = obonet.read_obo(path)
    graph = graph.edge_subgraph([e for e in graph.edges(keys=True) if e[2] == "is_a"])
    has_ids = all(ID_COLUMN in a.obs for a in sources.values())
    column = columns[0] if columns else ID_COLUMN if has_ids else None
    by_name = {str(d.get("name", "")).lower(): term for term, d in graph.nodes(data=True)}
    if column is None:
        term_of = {t: t if t in graph else by_name.get(t.lower()) for t in map(str, types)}
    else:
        term_of = _of_types(column, sources, types, codes)
    missing = [t for t in map(str, types) if term_of.get(t) not in graph]
    if missing:
        log.warning("no term of %s for: %s", path, ", ".join(missing))
    return [[t] if t in missing else _upwards(graph, term_of[t]) for t in map(str, types)]


def _upwards(is_a, term) -> list[str]:
    """Names of a term and of all that it is, the most special first."""
    import networkx

    above = is_a.subgraph(networkx.descendants(is_a, term) | {term})
    return [is_a.nodes[t].get("name", t) for t in networkx.lexicographical_topological_sort(above)]
