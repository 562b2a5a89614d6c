# What the R peers share: reading the prepared files, writing the answer.

read_h5ad <- function(path) {
    at <- function(name) as.vector(rhdf5::h5read(path, name))
    n <- rhdf5::h5readAttributes(path, "X")$shape
    stored <- rhdf5::h5readAttributes(path, "X")$`encoding-type`
    stopifnot("X must be a CSR matrix" = identical(as.character(stored), "csr_matrix"))
    counts <- Matrix::sparseMatrix( # genes x cells: the rows of a CSR matrix are the columns here
        i = at("X/indices"), p = at("X/indptr"), x = as.numeric(at("X/data")), index1 = FALSE,
        dims = as.integer(rev(n)), dimnames = list(at("var/_index"), at("obs/_index"))
    )
    columns <- rhdf5::h5readAttributes(path, "obs")$`column-order`
    label <- if ("label" %in% columns) at("obs/label/categories")[at("obs/label/codes") + 1L]
    list(counts = counts, label = label)
}

shared_genes <- function(folder) {
    source <- read_h5ad(file.path(folder, "source.h5ad"))
    target <- read_h5ad(file.path(folder, "target.h5ad"))
    genes <- intersect(rownames(source$counts), rownames(target$counts))
    list(source = source$counts[genes, ], label = source$label, target = target$counts[genes, ])
}

log_cp10k <- function(counts) {
    total <- Matrix::colSums(counts)
    counts@x <- log1p(1e4 * counts@x / rep(total, diff(counts@p)))
    counts
}

write_answer <- function(folder, cell, label, confidence, novelty, package) {
    answer <- data.frame(cell, label, confidence, novelty)
    utils::write.csv(answer, file.path(folder, "answer.csv"), row.names = FALSE, na = "")
    cat("version", package, as.character(utils::packageVersion(package)), "\n")
}

given <- commandArgs(trailingOnly = TRUE)
folder <- given[1]
set.seed(as.integer(given[2]))
