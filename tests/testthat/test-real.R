# R, in every class, and the command line on the same real data: identical
# labels, levels and sets, confidence equal to 1e-6.

skip_without_python()
skip_if_not_installed("rhdf5")

# Counts and columns of an AnnData file, as it lies in HDF5.
read_h5ad <- function(path, ...) {
    part <- function(name) as.vector(rhdf5::h5read(path, name))
    genes <- part("var/_index")
    counts <- sparseMatrix(i = part("X/indices"), p = part("X/indptr"),
        x = as.numeric(part("X/data")), index1 = FALSE,
        dims = c(length(genes), length(part("obs/_index"))),
        dimnames = list(genes, part("obs/_index")))
    cells <- lapply(list(...), function(column) {
        codes <- part(paste0("obs/", column, "/codes"))
        levels <- part(paste0("obs/", column, "/categories"))
        factor(levels[ifelse(codes < 0, NA, codes + 1)], levels)
    })
    SingleCellExperiment(list(counts = counts), colData = DataFrame(cells))
}

command_line <- function(source, target, column, ...) {
    out <- tempfile(fileext = ".csv")
    old <- Sys.getenv("PYTHONPATH")
    Sys.setenv(PYTHONPATH = .python_path())
    on.exit(Sys.setenv(PYTHONPATH = old))
    .child(reticulate::py_config()$python, c("-m", "itclust", "transfer",
        source, target, "--labels", column, ..., "-o", tempfile(fileext = ".h5ad"),
        "--csv", out))
    utils::read.csv(out, row.names = 1, check.names = FALSE)
}

expect_same <- function(out, shell) {
    cells <- if (is(out, "Seurat")) out[[]] else out
    for (column in c("itclust", "itclust_level", "itclust_set"))
        expect_identical(as.character(cells[[column]]), shell[[column]])
    expect_lte(max(abs(cells$itclust_confidence - shell$itclust_confidence)),
        1e-6)
}

test_that("PBMC 3k to Kang: R in every class is the command line", {
    files <- c(shared_file("pbmc3k_10xv1.h5ad"),
        shared_file("kang_ifnb2800.h5ad"))
    .start()
    shell <- command_line(files[1], files[2], "celltype_common")
    source <- read_h5ad(files[1], celltype = "celltype_common")
    target <- read_h5ad(files[2], celltype = "celltype_common")
    expect_identical(rownames(shell), colnames(target))
    expect_same(ItClust(source, target, labels = "celltype"), shell)
    expect_same(ItClust(counts(source), counts(target),
        labels = source$celltype), shell)
    skip_if_not_installed("SeuratObject")
    object <- function(x) {
        out <- suppressWarnings(SeuratObject::CreateSeuratObject(counts(x)))
        SeuratObject::AddMetaData(out, as.data.frame(colData(x)))
    }
    expect_same(ItClust(object(source), object(target), labels = "celltype"),
        shell)
})

test_that("a tree of coarser labels: R is the command line", {
    files <- c(shared_file("pbmc3k_10xv1.h5ad"),
        shared_file("pbmc_symphony_5p.h5ad"))
    .start()
    source <- read_h5ad(files[1], celltype = "celltype",
        coarse = "celltype_common")
    target <- read_h5ad(files[2], celltype = "celltype")
    shell <- command_line(files[1], files[2], "celltype", "--tree",
        "celltype_common", "--set", "level=0.95")
    expect_true("CD4 T" %in% shell$itclust_level) # memory or naive
    out <- ItClust(source, target, labels = "celltype", tree = "coarse",
        level = 0.95)
    expect_same(out, shell)
    parents <- unique(colData(source)[c("celltype", "coarse")])
    again <- ItClust(counts(source), counts(target), labels = source$celltype,
        tree = setNames(as.character(parents$coarse), parents$celltype),
        level = 0.95)
    expect_same(again, shell)
})
