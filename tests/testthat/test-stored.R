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
