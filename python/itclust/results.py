"""Every result key once: writes a transfer's results to AnnData."""

from __future__ import annotations

import numpy as np
import pandas as pd

NOVEL = "novel"


def keys(key: str) -> dict:
    """Where results lie under ``key_added=key``."""
    return {
        "label": key,
        "cluster": f"{key}_cluster",
        "confidence": f"{key}_confidence",
        "novelty": f"{key}_novelty",
        "initial": f"{key}_initial",
        "embedding": f"X_{key}",
        "probabilities": f"{key}_probabilities",
        "type_probabilities": f"{key}_type_probabilities",
        "uns": key,
    }


def write(adata, result, *, types, genes, params, version, key="itclust") -> None:
    """Write ``result`` (:class:`itclust.model.Result`) to ``adata.obs``, ``.obsm`` and ``.uns``."""
    k = keys(key)
    cells = adata.obs_names
    label = result.clusters["label"].to_numpy(dtype=object)
    adata.obs[k["label"]] = categorical(result.cluster, label)
    adata.obs[k["cluster"]] = categorical(result.cluster, result.clusters.index.to_numpy(dtype=object))
    adata.obs[k["confidence"]] = result.confidence
    adata.obs[k["novelty"]] = result.novelty
    adata.obs[k["initial"]] = categorical(result.initial, types.astype(object))
    adata.obsm[k["embedding"]] = result.embedding
    clusters = [str(c) for c in result.clusters.index]
    adata.obsm[k["probabilities"]] = pd.DataFrame(result.probabilities, index=cells, columns=clusters)
    columns = [*(str(t).replace("/", "|") for t in types), NOVEL]  # HDF5 keeps "/" for itself
    adata.obsm[k["type_probabilities"]] = pd.DataFrame(result.type_probabilities, index=cells, columns=columns)
    adata.uns[k["uns"]] = {
        "params": params,
        "clusters": result.clusters,
        "history": result.history,
        "genes": np.asarray(genes, dtype=object),
        "version": version,
    }


def categorical(codes, names) -> pd.Categorical:
    """Category of each code, NA for -1; only names that occur, in their natural order."""
    values = np.append(names, None)[codes]
    used = natural({v for v in values if v is not None})
    return pd.Categorical(values, categories=used)


def natural(names) -> list:
    """Sorted so that ``novel 2`` comes before ``novel 10`` and ``"9"`` before ``"10"``."""
    import re

    return sorted(
        names, key=lambda s: [(0, int(t), "") if t.isdigit() else (1, 0, t) for t in re.split(r"(\d+)", s) if t]
    )
