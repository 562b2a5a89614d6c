test_that("a SingleCellExperiment gains the documented keys, no more", {
    x <- tiny()$target
    x$nested <- DataFrame(a = seq_len(40), b = letters[1 + seq_len(40) %% 5])
    x$run <- S4Vectors::Rle(rep(c("p", "q"), each = 20))
    reducedDim(x, "PCA") <- matrix(rnorm(80), 40)
    altExp(x, "spikes") <- SummarizedExperiment(list(counts =
        matrix(1, 2, 40, dimnames = list(NULL, colnames(x)))))
    metadata(x)$mine <- list(1, "b")
    rowData(x)$symbol <- rownames(x)
    sizeFactors(x) <- runif(40)
    answer <- made_up_answer(40)
    out <- .output(x, answer, "itclust")
    keys <- names(answer$cells)
    expect_identical(setdiff(names(colData(out)), names(colData(x))), keys)
    expect_identical(reducedDimNames(out), c("PCA", "itclust",
        "itclust_probabilities", "itclust_type_probabilities"))
    expect_identical(as.list(colData(out)[keys]), answer$cells)
    expect_identical(metadata(out)$itclust, answer$run)

    colData(out) <- colData(out)[names(colData(x))]
    for (name in setdiff(reducedDimNames(out), "PCA"))
        reducedDim(out, name) <- NULL
    metadata(out)$itclust <- NULL
    expect_identical(out, x)
})

test_that("what is per cell follows x[, i], and a second run replaces it", {
    x <- tiny()$target
    answer <- made_up_answer(40)
    out <- .output(x, answer, "itclust")[, 11:20]
    expect_identical(out$itclust_confidence,
        answer$cells$itclust_confidence[11:20])
    expect_identical(unname(reducedDim(out, "itclust")),
        answer$matrices$embedding[11:20, ])
    expect_identical(.output(.output(x, answer, "itclust"), answer, "itclust"),
        .output(x, answer, "itclust"))
    other <- .output(.output(x, answer, "itclust"),
        made_up_answer(40, "second"), "second")
    expect_length(reducedDimNames(other), 6)
    expect_named(metadata(other), c("itclust", "second"))
})

test_that("cells without names, or with names that repeat, are kept", {
    x <- tiny()$target
    colnames(x) <- NULL
    expect_null(colnames(.output(x, made_up_answer(40), "itclust")))
    colnames(x) <- rep("c", 40)
    out <- .output(x, made_up_answer(40), "itclust")
    expect_identical(colnames(out), rep("c", 40))
    expect_identical(dim(reducedDim(out, "itclust")), c(40L, 3L))
})

test_that("a SummarizedExperiment gets nested columns", {
    x <- SummarizedExperiment(list(counts = counts(tiny()$target)),
        colData = DataFrame(a = seq_len(40)))
    out <- .output(x, made_up_answer(40), "itclust")
    expect_named(colData(out), c("a", names(made_up_answer(40)$cells),
        "X_itclust", "itclust_probabilities", "itclust_type_probabilities"))
    expect_identical(colnames(out$itclust_type_probabilities),
        c("B", "T cell", "novel"))
    expect_identical(nrow(out[, 3:5]$X_itclust), 3L)
    expect_identical(out$a, x$a)
    expect_identical(assays(out), assays(x))
    expect_identical(metadata(out)$itclust$version, "2.0.0")
    expect_length(metadata(colData(out)), 0)
})

test_that("a matrix gives a DataFrame, a row a cell", {
    x <- counts(tiny()$target)
    out <- .output(x, made_up_answer(40), "itclust")
    expect_s4_class(out, "DataFrame")
    expect_identical(rownames(out), colnames(x))
    expect_identical(dim(out), c(40L, 8L))
    expect_identical(metadata(out)$itclust$version, "2.0.0")
    colnames(x) <- NULL
    expect_null(rownames(.output(x, made_up_answer(40), "itclust")))
})
