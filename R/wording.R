# Python's messages in R's words: one table, applied where they cross. Whole
# sentences that mean nothing in R first, then names of arguments.

.SENTENCES <- c(
    # "source.obs", "source 'a'.obs"
    "(source|target)( '[^']*'| \\d+)?\\.obs\\b" = "\\1\\2",
    "obs\\[('[^']*')\\] of the (the )?" = "column \\1 of ",
    "No layer and no \\.raw of it holds unscaled values: pass the data" =
        "Pass the assay, with assay.type=,",
    "Unscaled values are in .*: pass that\\." =
        "Pass the assay, with assay.type=, from before scaling.",
    "pass layer= or use_raw=True if the values lie elsewhere" =
        "pass assay.type= if the values lie in another assay",
    "Pass (all )?the data from before scaling" = "Pass the assay from before",
    "itclust\\.transfer\\(source, target\\)" = "ItClust(source, target)",
    "itclust\\.ItClust\\.load\\(path\\)|ItClust\\.load\\(path\\)" =
        "loadItClust(path)",
    "itclust\\.explain\\b" = "explainItClust",
    "itclust\\.report\\b" = "reportItClust",
    "itclust\\.pl\\.\\w+" = "plotItClust",
    "call fit\\(source\\) first" = "call trainItClust(source) first",
    "\\bfit\\(source, genes=\\.\\.\\.\\)" = "trainItClust(source, genes = ...)",
    "'tree:" = "'", # columns as they are handed over
    "tree=(\\{.*\\}|\\[.*\\]|'[^']*') joins no two" = "'tree' joins no two",
    "pass a dict \\{type: parent\\}" =
        "pass a named vector, c(type = \"parent\")",
    "needs the package obonet: pip install 'obonet[^']*'" =
        "needs the Python package obonet: run installItClust() again",
    "an AnnData|one AnnData" = "one dataset",
    "\\bthe the\\b" = "the",
    "\\bTrue\\b" = "TRUE",
    "\\bFalse\\b" = "FALSE",
    "received None\\b" = "received NULL")

# Arguments whose names differ, and no more than these; the settings have "."
# for "_".
.ARGUMENTS <- c(labels_key = "labels", layer = "assay.type",
    random_state = "seed", batch_key = "batch.key", key_added = "key.added",
    clusters_key = "clusters", gene_symbols = "gene.column",
    progress = "verbose")

.SETTINGS <- c("n_hidden", "n_latent", "n_starts", "n_markers", "n_genes",
    "label_smoothing", "batch_size", "learning_rate", "weight_decay",
    "pretrain_epochs", "source_epochs", "target_epochs", "round_steps",
    "max_iter", "n_neighbors", "clean_labels", "split_clusters",
    "novelty_cut", "min_novel_cells", "min_shared_genes", "n_sketch",
    "n_source_cells", "keep_every")

.in_r <- function(text) {
    for (pattern in names(.SENTENCES))
        text <- gsub(pattern, .SENTENCES[[pattern]], text, perl = TRUE)
    for (name in names(.ARGUMENTS))
        text <- gsub(paste0("\\b", name, "( ?=|')"),
            paste0(.ARGUMENTS[[name]], "\\1"), text, perl = TRUE)
    for (name in .SETTINGS)
        text <- gsub(paste0("\\b", name, "\\b"), gsub("_", ".", name,
            fixed = TRUE), text, perl = TRUE)
    text
}
