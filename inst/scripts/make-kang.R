# Makes inst/extdata/kang.csv: what the vignette on thresholds shows of Kang et
# al. (2018) where the package muscData or the network is not there.
#     Rscript inst/scripts/make-kang.R KANG.h5ad
# The file has the control cells of Kang18_8vs8() that are singlets and have a
# label: obs columns `celltype` and `batch` (the patient). ItClust must be
# installed and its Python set up.

suppressPackageStartupMessages({
    library(ItClust)
    library(SingleCellExperiment)
})
path <- commandArgs(TRUE)[1]
part <- function(name) as.vector(rhdf5::h5read(path, name))
column <- function(name) factor(part(paste0("obs/", name, "/categories"))[
    part(paste0("obs/", name, "/codes")) + 1L])
genes <- part("var/_index")
counts <- Matrix::sparseMatrix(i = part("X/indices"), p = part("X/indptr"),
    x = as.numeric(part("X/data")), index1 = FALSE,
    dims = c(length(genes), length(part("obs/_index"))),
    dimnames = list(genes, part("obs/_index")))
kang <- SingleCellExperiment(list(counts = counts), colData = DataFrame(
    cell = column("celltype"), ind = column("batch")))

# As the vignette does.
mine <- kang$ind %in% c(101, 107, 1015, 1016)
answer <- ItClust(kang[, mine], kang[, !mine], labels = "cell")
out <- file.path("inst", "extdata", "kang.csv")
cells <- as.data.frame(colData(answer)[c("cell", "itclust",
    "itclust_confidence")])
write.csv(aggregate(list(cells = cells$cell, sure = cells$itclust_confidence),
    cells[c("cell", "itclust")], function(x)
        if (is.factor(x)) length(x) else round(sum(x), 2)), out,
    row.names = FALSE, quote = FALSE)
