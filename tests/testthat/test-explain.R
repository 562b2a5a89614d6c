skip_without_python()

data <- tiny()
annotated <- quick(data$source, data$target)

test_that("the explanation is Python's table", {
    why <- explainItClust(data$source, annotated, n.genes = 3, verbose = FALSE)
    expect_s4_class(why, "DataFrame")
    expect_true(all(why$gene %in% rownames(annotated)))
    expect_true(all(why$kind %in% c("carries", "missing", "unexpected")))
    expect_setequal(unique(why$cluster), levels(annotated$itclust_cluster))
    expect_true(all(why$label %in% levels(annotated$itclust)))
    expect_true(max(table(why$cluster, why$kind)) <= 3L)
    carries <- why[why$kind == "carries", ]
    expect_true(all(carries$target_log2_fold > 0))
    expect_identical(ls(.bridge, pattern = "source|target|answer|arrays"),
        character())
})

test_that("every class gives the same explanation", {
    why <- explainItClust(data$source, annotated, n.genes = 2, verbose = FALSE)
    skip_if_not_installed("SeuratObject")
    object <- suppressWarnings(SeuratObject::CreateSeuratObject(
        counts(data$target)))
    object <- quick(data$source, object)
    other <- explainItClust(data$source, object, n.genes = 2, verbose = FALSE)
    expect_equal(as.data.frame(other), as.data.frame(why), tolerance = 1e-6)
})

test_that("the report is one page, whole or not at all", {
    page <- tempfile(fileext = ".html")
    expect_identical(reportItClust(annotated, page, source = data$source,
        verbose = FALSE), page)
    text <- paste(readLines(page, warn = FALSE), collapse = "\n")
    for (type in levels(annotated$itclust))
        expect_match(text, type, fixed = TRUE)
    expect_match(text, "Why these labels", fixed = TRUE)
    expect_error(reportItClust(annotated, page), "Pass overwrite = TRUE")
    reportItClust(annotated, page, overwrite = TRUE, verbose = FALSE)
    expect_false(grepl("Why these labels", paste(readLines(page, warn = FALSE),
        collapse = "\n"), fixed = TRUE))
    expect_error(reportItClust(annotated, file.path(tempdir(), "no", "x")),
        "does not exist")
    expect_error(reportItClust(data$target, tempfile()), "has no results")
})
