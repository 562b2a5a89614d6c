skip_if_not_installed("SeuratObject")
quiet <- function(text) NULL

seurat <- function(x = tiny()$target) {
    object <- suppressWarnings(SeuratObject::CreateSeuratObject(counts(x)))
    object$truth <- x$truth
    object
}

v5 <- function() utils::packageVersion("SeuratObject") >= "5.0.0"

test_that("counts are read, cells in the object's order", {
    x <- tiny()$target
    expect_message(found <- .input(seurat(x), "target", NULL, NULL, message),
        "Using layer 'counts' of assay 'RNA' of target.")
    expect_identical(as.matrix(found), as.matrix(counts(x)))
})

test_that("a v4 assay works, and one without counts falls back to data", {
    x <- counts(tiny()$target)
    object <- seurat()
    object[["old"]] <- SeuratObject::CreateAssayObject(counts = x)
    object[["log"]] <- SeuratObject::CreateAssayObject(data = log1p(x))
    expect_identical(as.matrix(.input(object, "target", NULL, "old", quiet)),
        as.matrix(x))
    expect_message(found <- .input(object, "target", NULL, "log", message),
        "Using layer 'data' of assay 'log'")
    expect_equal(as.matrix(found), as.matrix(log1p(x)))
    expect_error(.input(object, "target", "counts", "log", quiet),
        "no layer \"counts\".*its layers are: 'data'")
    expect_error(.input(object, "target", NULL, "ADT", quiet),
        "no assay 'ADT'.*'RNA', 'old', 'log'")
})

test_that("split layers of a v5 assay are put side by side", {
    skip_if_not(v5(), "SeuratObject is older than 5.0.0")
    x <- tiny()$target
    object <- seurat(x)
    batch <- rep(c("A", "B"), 20)
    object[["RNA"]] <- split(object[["RNA"]], f = batch)
    expect_setequal(SeuratObject::Layers(object), c("counts.A", "counts.B"))
    expect_identical(as.matrix(.input(object, "target", NULL, NULL, quiet)),
        as.matrix(counts(x)))
})

test_that("a layer whose name only begins alike is left alone", {
    skip_if_not(v5(), "SeuratObject is older than 5.0.0")
    object <- seurat()
    SeuratObject::LayerData(object, "counts_raw") <-
        SeuratObject::LayerData(object, "counts") * 2
    expect_identical(as.matrix(.input(object, "target", NULL, NULL, quiet)),
        as.matrix(counts(tiny()$target)))
    expect_identical(as.matrix(.input(object, "target", "counts_raw", NULL,
        quiet)), 2 * as.matrix(counts(tiny()$target)))
})

test_that("genes that a part lacks are zero", {
    x <- as(matrix(1:4 * 1, 2, dimnames = list(c("a", "c"), c("x", "y"))),
        "CsparseMatrix")
    full <- as.matrix(.with_genes(x, c("a", "b", "c"), "target"))
    expect_identical(full, rbind(a = c(x = 1, y = 3), b = c(0, 0),
        c = c(2, 4)))
})

test_that("results land in columns, reductions and Misc", {
    object <- seurat()
    answer <- made_up_answer(40)
    out <- .output(object, answer, "itclust")
    expect_identical(names(out[[]]), c(names(object[[]]),
        names(answer$cells)))
    expect_identical(as.character(out[[]]$itclust),
        as.character(answer$cells$itclust))
    expect_setequal(SeuratObject::Reductions(out), c("X_itclust",
        "itclust_probabilities", "itclust_type_probabilities"))
    expect_identical(SeuratObject::Key(out[["X_itclust"]]), "ITCLUST_")
    expect_identical(unname(SeuratObject::Embeddings(out, "X_itclust")),
        answer$matrices$embedding)
    expect_identical(SeuratObject::Misc(out, "itclust"), answer$run)
    few <- subset(out, cells = colnames(out)[5:9])
    expect_identical(nrow(SeuratObject::Embeddings(few, "X_itclust")), 5L)
    again <- .output(out, answer, "itclust")
    expect_identical(names(again[[]]), names(out[[]]))
    expect_identical(object[["RNA"]], out[["RNA"]])
})

test_that("Seurat takes the embedding and the labels", {
    skip_if_not_installed("Seurat")
    skip_if_not_installed("uwot")
    out <- .output(seurat(), made_up_answer(40), "itclust")
    out <- suppressWarnings(Seurat::RunUMAP(out, reduction = "X_itclust",
        dims = 1:3, n.neighbors = 5, verbose = FALSE))
    expect_true("umap" %in% SeuratObject::Reductions(out))
    expect_s3_class(Seurat::DimPlot(out, reduction = "X_itclust",
        group.by = "itclust"), "ggplot")
    expect_s3_class(plotItClust(out), "ggplot")
})
