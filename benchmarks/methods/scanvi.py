"""scANVI from scVI, on the 2,000 most variable shared genes, dataset as batch, as in the scvi-tools tutorial."""

import anndata as ad
import scanpy as sc
import scvi
from peer import arguments, counts, write

UNKNOWN = "(not labelled)"
WHOLE = {"drop_last": True}  # a last minibatch of one cell would stop its batch normalisation

folder, seed = arguments()
scvi.settings.seed = seed
source, target = counts(folder)
target.obs["label"] = UNKNOWN
both = ad.concat({"source": source, "target": target}, label="dataset", index_unique=":")
both.obs["label"] = both.obs["label"].astype(str)
if both.n_vars > 2000:
    ranked = both.copy()
    sc.pp.normalize_total(ranked, target_sum=1e4)
    sc.pp.log1p(ranked)
    sc.pp.highly_variable_genes(ranked, n_top_genes=2000, batch_key="dataset")
    both = both[:, ranked.var["highly_variable"]].copy()
scvi.model.SCVI.setup_anndata(both, batch_key="dataset")
base = scvi.model.SCVI(both, n_layers=2, n_latent=30, gene_likelihood="nb")
base.train(accelerator="cpu", enable_progress_bar=False, datasplitter_kwargs=WHOLE)
model = scvi.model.SCANVI.from_scvi_model(base, labels_key="label", unlabeled_category=UNKNOWN)
model.train(
    max_epochs=20, n_samples_per_label=100, accelerator="cpu", enable_progress_bar=False, datasplitter_kwargs=WHOLE
)
table = model.predict(both[both.obs["dataset"] == "target"].copy(), soft=True)
write(folder, target.obs_names, table.to_numpy(), table.columns, "scvi-tools")
