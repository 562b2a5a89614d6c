# Makes what lies in inst/extdata. From the root of a checkout, with ItClust
# installed and its Python set up:   Rscript inst/scripts/make-extdata.R
#
# pbmc_source.rds, pbmc_target.rds: the two halves of 700 real human blood
# cells (Zheng et al. 2017, 10x Genomics), as scanpy ships them
# (scanpy.datasets.pbmc68k_reduced, BSD licence; data CC BY 4.0): log-normalised
# values of 765 genes, labels from comparison with sorted populations. The
# labels of the target are its column `truth`.
# annotated.rds: the target with what ItClust() wrote onto it, from the source
# without its B cells, and a UMAP: what the vignettes show where there is no
# Python. explained.rds: why its clusters have their labels. model.rds: a small
# model of simulated cells, for the help pages. tests/testthat/test-stored.R holds
# them to what ItClust says today.

suppressPackageStartupMessages({
    library(ItClust)
    library(SingleCellExperiment)
})

folder <- tempfile()
dir.create(folder)
script <- file.path(folder, "halves.py")
writeLines(c(
    "import sys, scipy.io, scipy.sparse, itclust",
    "for name, a in zip(('source', 'target'), itclust.datasets.pbmc()):",
    "    at = f'{sys.argv[1]}/{name}'",
    "    x = scipy.sparse.coo_matrix(a.X.T)",
    "    scipy.io.mmwrite(at + '.mtx', x, precision=9)",
    "    a.obs[['bulk_labels']].to_csv(at + '.csv')",
    "    open(at + '.genes', 'w').write(''.join(g + '\\n' for g in a.var_names))"), script)
status <- system2(itclustInfo()$python, c(script, folder),
    env = paste0("PYTHONPATH=", system.file("python", package = "ItClust")))
stopifnot(status == 0L)

half <- function(name, column) {
    at <- file.path(folder, name)
    values <- as(Matrix::readMM(paste0(at, ".mtx")), "CsparseMatrix")
    cells <- read.csv(paste0(at, ".csv"), row.names = 1)
    dimnames(values) <- list(readLines(paste0(at, ".genes")), rownames(cells))
    sce <- SingleCellExperiment(list(logcounts = values))
    sce[[column]] <- factor(cells$bulk_labels)
    sce
}

source <- half("source", "cell_type")
target <- half("target", "truth")
saveRDS(source, "inst/extdata/pbmc_source.rds", compress = "xz")
saveRDS(target, "inst/extdata/pbmc_target.rds", compress = "xz")

# As the vignette does: the source's authors had no B cells.
annotated <- ItClust(source[, source$cell_type != "CD19+ B"], target)
set.seed(1)
annotated <- scater::runUMAP(annotated, dimred = "itclust", name = "UMAP")
saveRDS(annotated, "inst/extdata/annotated.rds", compress = "xz")
why <- explainItClust(source[, source$cell_type != "CD19+ B"], annotated,
    n.genes = 3)
saveRDS(why, "inst/extdata/explained.rds", compress = "xz")

model <- trainItClust(mockItClustData(seed = 1)$source, n.hidden = 16,
    n.latent = 8)
saveRDS(model, "inst/extdata/model.rds", compress = "xz")
