skip_without_python()

data <- tiny()
annotated <- quick(data$source, data$target)

test_that("every cell comes back with every key", {
    expect_s4_class(annotated, "SingleCellExperiment")
    expect_identical(colnames(annotated), colnames(data$target))
    added <- setdiff(names(colData(annotated)), names(colData(data$target)))
    expect_setequal(added, c("itclust", "itclust_cluster",
        "itclust_confidence", "itclust_novelty", "itclust_initial",
        "itclust_level", "itclust_set"))
    expect_s3_class(annotated$itclust_level, "factor")
    inside <- Map(function(label, set) label %in% set || set[1L] == "any cell",
        sub("^novel [0-9]+$", "novel", as.character(annotated$itclust)),
        strsplit(as.character(annotated$itclust_set), " or ", fixed = TRUE))
    expect_true(all(unlist(inside)))
    expect_true("level" %in% names(metadata(annotated)$itclust$clusters))
    expect_s3_class(annotated$itclust, "factor")
    for (name in c("itclust_confidence", "itclust_novelty")) {
        expect_true(all(annotated[[name]] >= 0 & annotated[[name]] <= 1))
    }
    q <- reducedDim(annotated, "itclust_probabilities")
    types <- reducedDim(annotated, "itclust_type_probabilities")
    expect_equal(unname(rowSums(q)), rep(1, 40), tolerance = 1e-5)
    expect_equal(unname(rowSums(types)), rep(1, 40), tolerance = 1e-5)
    expect_setequal(colnames(q), paste0("cluster_",
        levels(annotated$itclust_cluster)))
    expect_identical(colnames(types),
        c(levels(factor(data$source$cell_type)), "novel"))
    run <- metadata(annotated)$itclust
    expect_named(run, c("params", "clusters", "history", "types", "genes",
        "version", "reliability"),
        ignore.order = TRUE)
    expect_s3_class(run$reliability, "data.frame")
    expect_named(run$reliability, c("confidence", "right", "n_cells"))
    expect_identical(run$version, .bundled_version())
    expect_identical(run$params$max_iter, 1L)
    expect_identical(sum(run$clusters$n_cells), 40L)
})

test_that("a full run is right on easy data, and repeatable", {
    easy <- mockItClustData(n.genes = 120, batch.effect = 0.1, seed = 3)
    once <- ItClust(easy$source, easy$target)
    expect_gt(mean(as.character(once$itclust) == easy$target$truth), 0.95)
    expect_identical(ItClust(easy$source, easy$target), once)
    expect_lt(abs(mean(once$itclust_confidence) -
        mean(ItClust(easy$source, easy$target, seed = 1)$itclust_confidence)),
        0.2)
})

test_that("classes of source and target mix, and agree", {
    labels <- data$source$cell_type
    dense <- as.matrix(counts(data$source))
    se <- as(data$source, "SummarizedExperiment")
    rownames(se) <- rownames(data$source)
    delayed <- DelayedArray::DelayedArray(counts(data$target))
    a <- quick(dense, data$target, labels = labels)
    b <- quick(se, delayed, labels = "cell_type")
    expect_identical(a, annotated)
    expect_s4_class(b, "DataFrame")
    expect_identical(b$itclust, annotated$itclust)
    expect_identical(b$itclust_confidence, annotated$itclust_confidence)
})

test_that("Seurat gives the same answer", {
    skip_if_not_installed("SeuratObject")
    target <- suppressWarnings(SeuratObject::CreateSeuratObject(
        counts(data$target)))
    source <- suppressWarnings(SeuratObject::CreateSeuratObject(
        counts(data$source)))
    source$cell_type <- data$source$cell_type
    out <- quick(source, target)
    expect_s4_class(out, "Seurat")
    md <- out[[]]
    expect_identical(as.character(md$itclust),
        as.character(annotated$itclust))
    expect_equal(md$itclust_confidence, annotated$itclust_confidence,
        tolerance = 1e-6)
})

test_that("several sources train as one, batches are known on either side", {
    halves <- list(a = data$source[, 1:25], b = data$source[, 26:50])
    expect_identical(colnames(reducedDim(quick(halves, data$target),
        "itclust_type_probabilities")), colnames(reducedDim(annotated,
            "itclust_type_probabilities")))
    x <- data$target
    x$donor <- rep(c("p", "q"), 20)
    expect_s4_class(quick(data$source, x, batch.key = "donor"),
        "SingleCellExperiment")
    y <- data$source
    y$donor <- rep(c("p", "q"), 25)
    expect_identical(metadata(quick(y, data$target,
        batch.key = "donor"))$itclust$genes, metadata(quick(
            list(y[, y$donor == "p"], y[, y$donor == "q"]),
            data$target))$itclust$genes)
})

test_that("preset = \"paper\" takes mouse symbols", {
    large <- mockItClustData(n.genes = 600, n.types = 3, seed = 7)
    mouse <- function(x) {
        rownames(x) <- paste0("Gene", seq_len(nrow(x)))
        x
    }
    out <- ItClust(mouse(large$source), mouse(large$target), preset = "paper",
        pretrain.epochs = 1, source.epochs = 5, max.iter = 1, verbose = FALSE)
    expect_true(all(startsWith(metadata(out)$itclust$genes, "GENE")))
    expect_false(anyNA(out$itclust))
})

test_that("cells without a count keep their row", {
    x <- data$target
    counts(x)[, c(2, 5)] <- 0
    out <- quick(data$source, x)
    expect_identical(ncol(out), 40L)
    expect_identical(which(is.na(out$itclust)), c(2L, 5L))
    expect_identical(out$itclust_confidence[c(2, 5)], c(0, 0))
    expect_true(all(reducedDim(out, "itclust_probabilities")[c(2, 5), ] == 0))
})

test_that("missing labels do not train, and it is a warning", {
    x <- data$source
    x$cell_type <- as.character(x$cell_type)
    x$cell_type[1:4] <- c(NA, "", " ", NA)
    expect_warning(out <- quick(x, data$target), "4")
    expect_true(all(levels(out$itclust) %in% unique(data$source$cell_type)))
})

test_that("Python's errors arrive as one clean line, before any training", {
    x <- data$target
    rownames(x) <- paste0("other", seq_len(nrow(x)))
    problem <- expect_error(quick(data$source, x), class = "itclust_error")
    expect_s3_class(problem, "itclust_ValueError")
    expect_match(conditionMessage(problem), "share")
    expect_false(grepl("Traceback", conditionMessage(problem)))
    bad <- as.matrix(counts(data$target)) - 1
    expect_error(quick(data$source, bad), "negative")
    bad[1] <- NaN
    expect_error(quick(data$source, bad), "NaN|missing|finite")
    expect_error(quick(data$source, data$target, preset = "papr"),
        "preset='papr' is unknown")
    expect_identical(ls(.bridge, pattern = "^(source|target|answer)"),
        character())
})

test_that("messages and progress are R's conditions", {
    said <- testthat::capture_messages(ItClust(data$source, data$target,
        source.epochs = 2, max.iter = 1, verbose = TRUE))
    expect_match(said, "Using column 'cell_type'", all = FALSE)
    expect_match(said, "counts", all = FALSE)
    expect_match(said, "100%  source", all = FALSE)
    expect_silent(suppressMessages(ItClust(data$source, data$target,
        source.epochs = 2, max.iter = 1, verbose = TRUE)))
    expect_silent(quick(data$source, data$target))
})

test_that("R's generator is left alone unless asked", {
    set.seed(1)
    before <- .Random.seed
    quick(data$source, data$target)
    expect_identical(.Random.seed, before)
    set.seed(1)
    a <- quick(data$source, data$target, seed = NULL)
    set.seed(1)
    expect_identical(quick(data$source, data$target, seed = NULL), a)
})
