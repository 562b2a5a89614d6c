"""The interface of ItClust 1.2.0 on top of this one: old scripts keep running, with the names right.

Written from its documented interface and files. What differs on purpose: names of clusters are right where a type is
absent, every cell comes back, and the inputs stay as they are.
"""

from __future__ import annotations

import logging
import warnings
from pathlib import Path

import itclust

log = logging.getLogger("itclust")

WITHOUT_EFFECT = {"maxiter": 1000, "resolution": (0.2, 0.4, 0.8, 1.2, 1.6), "n_neighbors": 20, "init": "glorot_uniform"}
EVERY = 10  # rounds from one trajectory to the next
LABELS = "celltype"  # the only label column that 1.2.0 knew


class transfer_learning_clf:
    """The classifier of ItClust 1.2.0: ``fit``, ``predict``, ``Umap``, ``tSNE``.

    After :meth:`fit`, ``adata_train`` and ``adata_test`` hold source and target with the values that the networks saw
    in ``X`` and log values in ``raw``. With ``S = save_atr``, ``adata_test`` has

    ``obs["dec" + S]``, ``obs["maxprob" + S]``
        Cluster, and its probability.
    ``obsm["X_Embeded_z" + S]``, ``obsm["X_pcaZ" + S]``
        Embedding, and its principal components.
    ``obsm["prob_matrix" + S]``
        Soft assignment to the clusters.
    ``obs["trajectory_0"]``, ``obsm["trajectory_Embeded_z_0"]``
        Cluster and embedding before the fine-tuning; ``_1``, ``_2``, ... after every tenth round.

    Examples
    --------
    >>> import itclust as ic
    >>> source, target = ic.datasets.toy(80, 80)
    >>> source.obs["celltype"] = source.obs["cell_type"]
    >>> clf = ic.transfer_learning_clf()
    >>> clf.fit(source, target, pretrain_epochs=0)
    >>> pred, prob, cell_type_pred = clf.predict(write=False)
    >>> list(pred.columns)
    ['cell_id', 'cluster']
    """

    def fit(
        self,
        source_data,
        target_data,
        normalize=True,
        take_log=True,
        scale=True,
        batch_size=256,
        maxiter=1000,
        pretrain_epochs=300,
        epochs_fit=5,
        tol=(0.001,),
        alpha=(1.0,),
        resolution=(0.2, 0.4, 0.8, 1.2, 1.6),
        n_neighbors=20,
        softmax=False,
        init="glorot_uniform",
        save_atr="isy_trans_True",
    ):
        """Train on ``source_data``, whose labels are in ``obs["celltype"]``, and fine-tune on ``target_data``.

        Parameters
        ----------
        source_data, target_data
            AnnData; not changed, and no cell is dropped.
        normalize, take_log, scale
            Steps of the preprocessing: to the median total, log1p, z-scores. Without ``take_log`` values are used as
            they are; with it, values that are already logged are recognised.
        batch_size, pretrain_epochs, epochs_fit
            Cells a minibatch; epochs of the autoencoder; epochs a round of the fine-tuning.
        tol, alpha
            When the fine-tuning stops; degrees of freedom of Student's t. Numbers, or lists whose first entry counts.
        maxiter, resolution, n_neighbors, init
            Without effect, as in 1.2.0.
        softmax
            Train the source network with a softmax layer.
        save_atr
            Suffix of the keys.
        """
        given = {"maxiter": maxiter, "resolution": resolution, "n_neighbors": n_neighbors, "init": init}
        _warn_of_changes(given)
        on = {"normalize": normalize, "log": take_log, "scale": scale}
        self.save_atr = str(save_atr)
        self.model = itclust.ItClust(
            "paper", batch_size=batch_size, pretrain_epochs=pretrain_epochs, target_epochs=epochs_fit, tol=_first(tol),
            alpha=_first(alpha), softmax=bool(softmax), steps=[step for step, act in on.items() if act],
            keep_every=EVERY,
        )  # fmt: skip
        place = {"values": "auto" if take_log else "linear", "progress": False}
        labels_key = LABELS if LABELS in source_data.obs else None
        genes = _genes(source_data, target_data, labels_key, self.model.settings.steps, place["values"])
        self.model.fit(source_data, labels_key, genes, **place)
        end = target_data.copy()
        self.model.transfer(end, **place)
        self._table = end.uns["itclust"]["clusters"]
        self.adata_train = _prepared(source_data, "source", self.model.genes, on)
        self.adata_test = _prepared(target_data, "target", self.model.genes, on)
        self._write(end)

    def _write(self, end) -> None:
        """The keys of 1.2.0 in ``adata_test``, from the annotated target."""
        import pandas as pd
        import scanpy as sc

        test, s = self.adata_test, self.save_atr
        test.obs["dec" + s] = self.labels = pd.Categorical(end.obs["itclust_cluster"].astype(object))
        test.obs["dec" + s] = test.obs["dec" + s].cat.set_categories([str(c) for c in self._table.index])
        test.obs["maxprob" + s] = end.obsm["itclust_probabilities"].max(axis=1).to_numpy()
        test.obsm["prob_matrix" + s] = end.obsm["itclust_probabilities"].to_numpy()
        test.obsm["X_Embeded_z" + s] = end.obsm["X_itclust"]
        test.obsm["X_pcaZ" + s] = sc.pp.pca(end.obsm["X_itclust"])
        number = {label: str(c) for c, label in self._table["label"][::-1].items()}
        last = len(end.uns["itclust"]["history"]["changed"])
        kept = [i for i in range(0, max(last, 1), EVERY) if f"itclust_round{i}" in end.obs]
        labels = {i: end.obs[f"itclust_round{i}"] for i in kept}
        gone = [t for t in dict.fromkeys(t for o in labels.values() for t in o.cat.categories) if t not in number]
        number |= {t: str(len(self._table) + i) for i, t in enumerate(gone)}
        for k, i in enumerate(kept):
            test.obs[f"trajectory_{k}"] = pd.Categorical(labels[i].astype(object).map(number))
            test.obsm[f"trajectory_Embeded_z_{k}"] = end.obsm[f"X_itclust_round{i}"]

    def predict(self, save_dir="./results", write=True):
        """Clusters, their probabilities, and what cell type each cluster is.

        Parameters
        ----------
        save_dir
            Folder for ``clustering_results.csv``, ``clustering_prob.csv`` and ``celltype_assignment.txt``.
        write
            Whether to write them.

        Returns
        -------
        pred : DataFrame
            ``cell_id`` and ``cluster``.
        prob : DataFrame
            A row a cell, columns ``cluster0``, ``cluster1``, ...
        celltype_pred : dict
            ``{"0": [label, stability], ...}``
        """
        import pandas as pd

        test, s = self.adata_test, self.save_atr
        pred = pd.DataFrame({"cell_id": test.obs_names.tolist(), "cluster": test.obs["dec" + s].tolist()})
        prob = pd.DataFrame(test.obsm["prob_matrix" + s], index=test.obs_names.tolist())
        prob.columns = [f"cluster{i}" for i in prob.columns]
        rows = self._table.iterrows()
        celltype_pred = {str(c): [str(row["label"]), round(float(row["stability"]), 3)] for c, row in rows}
        if write:
            folder = Path(save_dir)
            folder.mkdir(parents=True, exist_ok=True)
            pred.to_csv(folder / "clustering_results.csv")
            prob.to_csv(folder / "clustering_prob.csv")
            lines = [
                f"Cluster {c} is {round(100 * v, 1)}% to be {label} cell\n" for c, (label, v) in celltype_pred.items()
            ]
            (folder / "celltype_assignment.txt").write_text("".join(lines), encoding="utf-8")
            log.info("results are written to %s", folder)
        return pred, prob, celltype_pred

    def Umap(self):
        """UMAP (n, 2) of the embedding; kept in ``adata_test.obsm["X_umap"]``."""
        from itclust.pl.embedding import project

        self.adata_test.obsm["X_umap"] = project(self.adata_test.obsm["X_Embeded_z" + self.save_atr], n_neighbors=10)
        return self.adata_test.obsm["X_umap"]

    def tSNE(self):
        """Map (n, 2) of the embedding by t-SNE; kept in ``adata_test.obsm["X_tsne"]``."""
        import scanpy as sc

        few = {"perplexity": max(1, min(30, (self.adata_test.n_obs - 1) // 3))}
        sc.tl.tsne(self.adata_test, use_rep="X_Embeded_z" + self.save_atr, learning_rate=150, **few)
        return self.adata_test.obsm["X_tsne"]


def read_10X(data_path, var_names="gene_symbols"):
    """Read a 10x folder (``matrix.mtx``, ``genes.tsv`` or ``features.tsv``, ``barcodes.tsv``, gzipped or not).

    Parameters
    ----------
    data_path
        The folder.
    var_names
        ``"gene_symbols"`` or ``"gene_ids"``: what names the genes; duplicates are numbered.

    Returns
    -------
    AnnData with ``var["gene_ids"]``, ``var["gene_symbols"]`` and ``obs["barcode"]``.
    """
    if var_names not in ("gene_symbols", "gene_ids"):
        msg = f"var_names={var_names!r} is unknown; use 'gene_symbols' or 'gene_ids'."
        raise ValueError(msg)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*names are not unique")
        adata = itclust.read(data_path)
    adata.var["gene_symbols"] = adata.var_names.to_numpy(dtype=object)
    if "gene_ids" not in adata.var:
        adata.var["gene_ids"] = adata.var["gene_symbols"]
    adata.obs["barcode"] = adata.obs_names.to_numpy(dtype=object)
    adata.var_names = adata.var[var_names].astype(str).to_numpy(dtype=object)
    if not adata.var_names.is_unique:
        log.info("%s are not unique; duplicates are numbered", var_names)
        adata.var_names_make_unique()
    return adata


def _warn_of_changes(given: dict) -> None:
    changed = [k for k, v in given.items() if (tuple(v) if isinstance(v, list | tuple) else v) != WITHOUT_EFFECT[k]]
    text = "the inputs are no longer changed and no cell is dropped"
    if changed:
        text += f"; {', '.join(changed)} never had an effect and have none"
    warnings.warn(f"transfer_learning_clf: {text}. New scripts: itclust.transfer(source, target).", stacklevel=3)


def _first(value) -> float:
    return float(value[0] if isinstance(value, list | tuple) else value)


def _genes(source, target, labels_key, steps, values):
    """The genes of the recipe, which come from the target: those of a transfer that trains nothing."""
    found = itclust.transfer(
        source, target, labels_key=labels_key, preset="paper", values=values, steps=steps, pretrain_epochs=0,
        source_epochs=1, max_iter=0, copy=True, progress=False,
    )  # fmt: skip
    return found.uns["itclust"]["genes"]


def _prepared(adata, name, genes, on):
    """Every cell of a dataset over the genes used, preprocessed as 1.2.0 left it; log values of all genes in raw."""
    import anndata as ad
    import numpy as np
    import scanpy as sc
    import scipy.sparse as sp

    obs = adata.obs.assign(dataset_batch=name)
    obs.index = [f"{c}-{name}" for c in adata.obs_names]
    out = ad.AnnData(sp.csr_matrix(adata.X, dtype=np.float32, copy=True), obs=obs, var=adata.var.copy())
    out.var_names = [g.upper() for g in out.var_names]
    out.var_names_make_unique("-")
    logged = out.copy()
    logged.X.data = np.log1p(logged.X.data)
    special = out.var_names.str.match("ERCC|MT-")
    kept = (out.X.getnnz(0) >= 10) & ~special | out.var_names.isin(genes)
    out = out[:, kept].copy()
    if on["normalize"]:
        sc.pp.normalize_total(out)
    if on["log"]:
        sc.pp.log1p(out)
    out = out[:, [g for g in genes if g in out.var_names]].copy()
    if on["scale"]:
        out.X = out.X.toarray()
        sc.pp.scale(out, max_value=6)
    out.raw = logged
    return out
