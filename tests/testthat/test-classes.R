# Makes the table of the vignette (inst/extdata/input_classes.csv), and holds
# the one that is there to it. ITCLUST_UPDATE=true writes it anew, with the
# path of the file in ITCLUST_TABLE.

skip_without_python()
skip_if_not_installed("HDF5Array")

data <- tiny()
x <- counts(data$target)
model <- quick_train(data$source)

# Name of a class of input -> a function that makes one.
seurat <- function(assay) SeuratObject::CreateSeuratObject(assay)
named <- function(x, names) {
    colnames(x) <- names
    x
}
inputs <- list(
    "SingleCellExperiment, dgCMatrix" = function() data$target,
    "SingleCellExperiment, values on disk (HDF5Array)" = function() {
        y <- data$target
        assay(y, "counts") <- as(x, "HDF5Array")
        y
    },
    "SingleCellExperiment without cell names" = function()
        named(data$target, NULL),
    "SingleCellExperiment, cell names repeat" = function()
        named(data$target, rep("a", 40)),
    "SingleCellExperiment, Rle and nested columns" = function() {
        y <- data$target
        y$run <- S4Vectors::Rle("a", 40)
        y$nested <- DataFrame(a = 1:40)
        y
    },
    "SingleCellExperiment without gene names" = function() {
        y <- data$target
        rownames(y) <- NULL
        y
    },
    "SummarizedExperiment" = function() SummarizedExperiment(list(counts = x)),
    "Seurat, Assay (version 4)" = function() seurat(
        SeuratObject::CreateAssayObject(counts = x)),
    "Seurat, Assay5" = function() seurat(
        SeuratObject::CreateAssay5Object(counts = x)),
    "Seurat, Assay5 with split layers" = function() {
        y <- seurat(SeuratObject::CreateAssay5Object(counts = x))
        y[["RNA"]] <- split(y[["RNA"]], f = rep(c("A", "B"), 20))
        y
    },
    "dgCMatrix" = function() x,
    "dgTMatrix" = function() as(x, "TsparseMatrix"),
    "dgRMatrix" = function() as(x, "RsparseMatrix"),
    "matrix of doubles" = function() as.matrix(x),
    "matrix of integers" = function() {
        y <- as.matrix(x)
        storage.mode(y) <- "integer"
        y
    },
    "matrix of logicals" = function() as.matrix(x) > 0,
    "lgCMatrix" = function() x > 0,
    "DelayedMatrix (a delayed operation)" = function()
        DelayedArray::DelayedArray(x) * 2,
    "HDF5Matrix" = function() as(as.matrix(x), "HDF5Array"),
    "data.frame" = function() as.data.frame(as.matrix(x)),
    "matrix of character" = function() {
        y <- as.matrix(x)
        storage.mode(y) <- "character"
        y
    },
    "matrix with negative values" = function() as.matrix(x) - 5,
    "matrix with NA" = function() {
        y <- as.matrix(x)
        y[3] <- NA
        y
    },
    "list of two" = function() list(x, x))

outcome <- function(make) {
    out <- tryCatch(suppressWarnings(transferItClust(model, make())),
        error = conditionMessage)
    if (is.character(out))
        return(paste("error:", out))
    if (is.list(out) && !is.data.frame(out))
        return(paste("works; gives a list of", class(out[[1]])[1]))
    label <- if (is(out, "Seurat")) out[[]]$itclust else out$itclust
    expect_length(label, 40)
    paste("works; gives", class(out)[1])
}

# Rows that this SeuratObject cannot make.
possible <- function(name) {
    if (!grepl("Seurat", name))
        return(TRUE)
    v5 <- requireNamespace("SeuratObject", quietly = TRUE) &&
        utils::packageVersion("SeuratObject") >= "5.0.0"
    requireNamespace("SeuratObject", quietly = TRUE) &&
        (v5 || !grepl("Assay5", name))
}

test_that("each class of input does what the vignette's table says", {
    here <- names(inputs)[vapply(names(inputs), possible, logical(1))]
    found <- data.frame(target = here, result = unname(vapply(inputs[here],
        outcome, "")))
    committed <- utils::read.csv(system.file("extdata", "input_classes.csv",
        package = "ItClust"))
    if (Sys.getenv("ITCLUST_UPDATE") == "true") {
        kept <- committed[!committed$target %in% here, ]
        both <- rbind(found, kept)
        both <- both[order(match(both$target, names(inputs))), ]
        utils::write.csv(both, Sys.getenv("ITCLUST_TABLE"), row.names = FALSE)
        committed <- both
    }
    expect_identical(found$result,
        committed$result[match(here, committed$target)])
    expect_setequal(names(inputs), committed$target)
})

test_that("labels of any kind train, as source", {
    y <- data$source
    type <- as.character(y$cell_type)
    expected <- quick(y, x)
    y$cell_type <- type
    expect_identical(quick(y, x), expected)
    y$cell_type <- S4Vectors::Rle(type)
    expect_identical(quick(y, x), expected)
    y$cell_type <- factor(type, levels = c("unused", rev(unique(type))))
    expect_identical(quick(y, x)$itclust, expected$itclust)
})
