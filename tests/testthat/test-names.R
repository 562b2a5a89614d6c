# Names of what is written: what Seurat and Python make of them, and what is
# the user's own.

annotated <- readRDS(system.file("extdata", "annotated.rds",
    package = "ItClust"))

test_that("types have their true names, clusters names that are no numbers", {
    answer <- made_up_answer(4)
    colnames(answer$matrices$type_probabilities) <- c("B", "CD4+|Reg", "novel")
    colnames(answer$matrices$probabilities) <- c("0", "1")
    named <- .name_columns(answer, c("B", "CD4+/Reg"))$matrices
    expect_identical(colnames(named$type_probabilities),
        c("B", "CD4+/Reg", "novel"))
    expect_identical(colnames(named$probabilities),
        c("cluster_0", "cluster_1"))
    colnames(answer$matrices$type_probabilities)[2] <- "CD4+/Reg"
    expect_identical(colnames(.name_columns(answer, c("B", "CD4+/Reg"))$
        matrices$type_probabilities), c("B", "CD4+/Reg", "novel"))
})

test_that("every label of the shipped object has a column", {
    types <- colnames(reducedDim(annotated, "itclust_type_probabilities"))
    known <- grep("^novel", levels(annotated$itclust), invert = TRUE,
        value = TRUE)
    expect_true(any(grepl("/", known, fixed = TRUE)))
    expect_true(all(known %in% types))
})

# The results of `x` where ItClust() leaves them in a Seurat object.
as_seurat_results <- function(x) {
    object <- suppressWarnings(SeuratObject::CreateSeuratObject(
        SeuratObject::CreateAssayObject(data = logcounts(x))))
    kinds <- c(embedding = "itclust", probabilities = "itclust_probabilities",
        type_probabilities = "itclust_type_probabilities")
    .output(object, list(cells = as.list(colData(x)[, .result_columns(
        "itclust")]), matrices = lapply(kinds, function(k) unname_rows(
            reducedDim(x, k))), run = metadata(x)$itclust), "itclust")
}

unname_rows <- function(x) {
    rownames(x) <- NULL
    x
}

test_that("as.Seurat() takes an annotated object, and plots go on", {
    skip_if_not_installed("Seurat")
    colnames(reducedDim(annotated, "UMAP")) <- NULL
    object <- suppressWarnings(Seurat::as.Seurat(annotated, counts = NULL,
        data = "logcounts"))
    expect_setequal(.reductions_of(object), c("itclust",
        "itclust_probabilities", "itclust_type_probabilities", "UMAP"))
    expect_equal(unname(.matrix_of(object, "embedding", "itclust")),
        unname(reducedDim(annotated, "itclust")))
    for (type in c("embedding", "types", "flow", "calls"))
        expect_s3_class(plotItClust(object, type), "ggplot")
    expect_identical(plotItClust(object, "types")$data,
        plotItClust(annotated, "types")$data)
})

test_that("Seurat to SingleCellExperiment keeps what plotItClust() shows", {
    skip_if_not_installed("Seurat")
    object <- as_seurat_results(annotated)
    expect_identical(plotItClust(object, "types")$data,
        plotItClust(annotated, "types")$data)
    back <- suppressWarnings(Seurat::as.SingleCellExperiment(object))
    expect_false("itclust" %in% reducedDimNames(back)) # in upper case there
    for (type in c("embedding", "types", "flow", "calls"))
        expect_s3_class(plotItClust(back, type), "ggplot")
    there <- plotItClust(back, "types")$data
    here <- plotItClust(annotated, "types")$data
    known <- !grepl("^type [0-9]+$", there$type)
    expect_true(all(levels(annotated$itclust) %in%
        c(as.character(there$type), "novel 1", "novel 2")))
    expect_identical(as.character(there$type)[known],
        as.character(here$type)[known])
    expect_equal(there$probability, here$probability)
    expect_error(reportItClust(back, tempfile()), "no table of clusters")
})

test_that("a merged Seurat object, whose factors are text, can be drawn", {
    skip_if_not_installed("Seurat")
    object <- as_seurat_results(annotated)
    both <- suppressWarnings(merge(object, object))
    expect_type(both[[]]$itclust, "character")
    expect_identical(levels(.results_of(both, "itclust")$cluster),
        levels(droplevels(annotated$itclust_cluster)))
    expect_s3_class(plotItClust(both, "calls"), "ggplot")
    expect_s3_class(plotItClust(both, "flow"), "ggplot")
})

test_that("nothing of the user's is overwritten", {
    x <- tiny()$target
    x$donor <- "a"
    reducedDim(x, "PCA") <- matrix(0, 40, 2)
    metadata(x)$mine <- "note"
    expect_error(.check_key("donor", x), "would overwrite.*'donor'")
    expect_error(.check_key("PCA", x), "would overwrite.*'PCA'")
    expect_error(.check_key("mine", x), "would overwrite.*'mine'")
    expect_silent(.check_key("itclust", x))
    x$itclust_novelty <- 1
    expect_error(.check_key("itclust", x), "'itclust_novelty'")
    x$itclust_novelty <- NULL
    ours <- .output(x, made_up_answer(40), "itclust")
    expect_silent(.check_key("itclust", ours))
    metadata(ours) <- list() # as a conversion does
    expect_silent(.check_key("itclust", ours))
    plain <- SummarizedExperiment(list(counts = counts(x)),
        colData = DataFrame(X_run = 1:40))
    expect_error(.check_key("run", plain), "'X_run'")
    expect_silent(.check_key("run", counts(x)))
    expect_error(ItClust(tiny()$source, x, key.added = "donor"),
        "would overwrite")
})

test_that("in a Seurat object columns and reductions share their names", {
    skip_if_not_installed("SeuratObject")
    object <- suppressWarnings(SeuratObject::CreateSeuratObject(
        counts(tiny()$target)))
    expect_error(.check_key("RNA", object), "would overwrite.*'RNA'")
    expect_error(.check_key("nCount_RNA", object), "'nCount_RNA'")
    object[["pca"]] <- SeuratObject::CreateDimReducObject(matrix(0, 40, 2,
        dimnames = list(colnames(object), c("PC_1", "PC_2"))), key = "PC_",
        assay = "RNA")
    expect_error(.check_key("pca", object), "'pca'")
    expect_silent(.check_key("itclust", .output(object, made_up_answer(40),
        "itclust")))
})
