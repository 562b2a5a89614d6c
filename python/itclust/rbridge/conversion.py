"""Values of R as arrays, and answers as values of R."""

from __future__ import annotations

import numpy as np
import pandas as pd


def to_r(value):
    """R's form of a nested answer: lists, data frames, matrices with column names, plain vectors."""
    from rpy2 import rinterface, robjects
    from rpy2.robjects import default_converter, pandas2ri
    from rpy2.robjects.conversion import localconverter

    if value is None:
        return rinterface.NULL
    if isinstance(value, dict):
        return robjects.ListVector({str(k): to_r(v) for k, v in value.items()})
    if isinstance(value, (list, tuple)) and any(isinstance(v, (dict, list, tuple)) for v in value):
        return robjects.ListVector([(str(i + 1), to_r(v)) for i, v in enumerate(value)])
    if isinstance(value, pd.DataFrame) and value.shape[1] and all(d.kind == "f" for d in value.dtypes):
        return _matrix(value.to_numpy(), value.columns)
    if isinstance(value, pd.DataFrame):
        floats = {c: np.float64 for c, d in value.dtypes.items() if d.kind == "f"}
        with localconverter(default_converter + pandas2ri.converter):
            return robjects.conversion.get_conversion().py2rpy(value.astype(floats))
    value = np.asarray(value)
    return _matrix(value) if value.ndim > 1 else _vector(value.ravel())


def _vector(values):
    """One-dimensional array as an R vector without dimensions; what is empty is character()."""
    from rpy2 import robjects

    kinds = {"f": robjects.FloatVector, "i": robjects.IntVector, "u": robjects.IntVector, "b": robjects.BoolVector}
    kind = kinds.get(values.dtype.kind) if len(values) else None
    if kind is robjects.IntVector and np.abs(values).max() > np.iinfo(np.int32).max:
        kind = robjects.FloatVector
    return kind(values.tolist()) if kind else robjects.StrVector([str(v) for v in values])


def _matrix(values, columns=None):
    """Array of two dimensions or more as R's; one copy, column names where there are some."""
    from rpy2 import rinterface, robjects
    from rpy2.robjects import numpy2ri

    matrix = numpy2ri.numpy2rpy(np.asarray(values, dtype=np.float64))
    if columns is None:
        return matrix
    names = robjects.r["list"](rinterface.NULL, robjects.StrVector([str(c) for c in columns]))
    return robjects.r["dimnames<-"](matrix, names)


def array(value) -> np.ndarray:
    """A numeric array of R, of any number of dimensions, as a copy."""
    shape = tuple(value.do_slot("dim"))
    return np.array(value.memoryview(), dtype=np.float64).reshape(shape, order="F")
