"""CellTypist: trained on the source with its defaults, best match per cell."""

import celltypist
from peer import arguments, counts, log_cp10k, write

folder, seed = arguments()
source, target = counts(folder)
for adata in (source, target):
    adata.X = log_cp10k(adata.X)
model = celltypist.train(source, labels="label", n_jobs=1, random_state=seed)
answer = celltypist.annotate(target, model=model, majority_voting=False)
table = answer.probability_matrix.loc[target.obs_names]
# each type has a probability of its own: they are independent and need not sum to 1
write(folder, target.obs_names, table.to_numpy(), table.columns, "celltypist")
