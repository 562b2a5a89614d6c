# What is stored for pages and examples that are made without Python must be
# what ItClust() says today. Where it is not: inst/scripts/make-extdata.R.

stored <- function(name) readRDS(system.file("extdata", name,
    package = "ItClust"))

test_that("the shipped annotated object is complete, and of this version", {
    annotated <- stored("annotated.rds")
    run <- metadata(annotated)$itclust
    expect_identical(run$version, .bundled_version())
    expect_true(all(c("label", "novel", "n_cells", "stability", "novelty",
        "runner_up", "nearest_type", "markers") %in% names(run$clusters)))
    expect_true(all(c("itclust_level", "itclust_set") %in%
        names(colData(annotated))))
    expect_true("UMAP" %in% reducedDimNames(annotated))
})

test_that("the shipped annotated object is what ItClust() makes today", {
    skip_without_python()
    source <- stored("pbmc_source.rds")
    target <- ItClust(source[, source$cell_type != "CD19+ B"],
        stored("pbmc_target.rds"), verbose = FALSE)
    annotated <- stored("annotated.rds")
    expect_gt(mean(as.character(target$itclust) ==
        as.character(annotated$itclust)), 0.98)
    expect_lt(mean(abs(target$itclust_confidence -
        annotated$itclust_confidence)), 0.02)
    expect_setequal(metadata(target)$itclust$clusters$label,
        metadata(annotated)$itclust$clusters$label)
    expect_identical(names(metadata(target)$itclust),
        names(metadata(annotated)$itclust))
})

test_that("the stored explanation is what explainItClust() says today", {
    skip_without_python()
    source <- stored("pbmc_source.rds")
    why <- explainItClust(source[, source$cell_type != "CD19+ B"],
        stored("annotated.rds"), n.genes = 3)
    expect_equal(stored("explained.rds"), why, tolerance = 1e-3)
})

test_that("the stored model is of this version, and annotates", {
    model <- stored("model.rds")
    expect_true(validObject(model))
    expect_identical(model@version, .bundled_version())
    skip_without_python()
    expect_identical(loadItClust(saveItClust(model, tempfile())), model)
    data <- mockItClustData(seed = 1)
    expect_identical(model@types, levels(data$source$cell_type))
    target <- transferItClust(model, data$target)
    expect_gt(mean(as.character(target$itclust) == target$truth), 0.95)
})

test_that("expected and right labels are as near as the vignette says", {
    x <- stored("annotated.rds")
    known <- x$truth != "CD19+ B"
    expected <- mean(x$itclust_confidence[known])
    right <- mean((as.character(x$itclust) == as.character(x$truth))[known])
    expect_lt(abs(expected - right), 0.05) # "Nearly."
})

test_that("the comparison in the docs has the figures of the stored object", {
    page <- testthat::test_path("..", "..", "docs", "compared.md")
    skip_if_not(file.exists(page), "not in a checkout")
    x <- stored("annotated.rds")
    label <- as.character(x$itclust)
    new <- x$truth == "CD19+ B"
    set.apart <- startsWith(label, "novel")
    figures <- c(mean((label == x$truth)[!new]), mean(set.apart[new]),
        mean(set.apart[!new]))
    row <- paste0("| ItClust | ", paste(sub("^0", "", sprintf("%.3f",
        figures)), collapse = " | "), " |")
    expect_true(row %in% readLines(page))
})

test_that("the session in the docs is the script's, and says what R says", {
    folder <- testthat::test_path("..", "..", "docs")
    page <- file.path(folder, "r-session.md")
    skip_if_not(file.exists(page), "not in a checkout")
    lines <- readLines(page)
    for (typed in readLines(file.path(folder, "r-session", "session.R")))
        expect_true(paste(">", typed) %in% lines, label = typed)
    skip_without_python()
    target <- ItClust(stored("pbmc_source.rds"), stored("pbmc_target.rds"),
        verbose = FALSE)
    at <- grep("> mean(as.character(annotated$itclust)", lines, fixed = TRUE)
    said <- as.numeric(sub("^\\[1\\] ", "", lines[at + 1L]))
    expect_lt(abs(said - mean(as.character(target$itclust) ==
        target$truth)), 0.01)
})
