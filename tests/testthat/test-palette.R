annotated <- readRDS(system.file("extdata", "annotated.rds",
    package = "ItClust"))

test_that("colours are those of Python, in its order", {
    expect_identical(.colours(8), c("#0072b2", "#e69f00", "#009e73", "#cc79a7",
        "#56b4e9", "#d55e00", "#4b0000", "#000087"))
    expect_identical(.colours(3), .colours(8)[1:3])
    expect_length(unique(.colours(60)), 60)
    skip_without_python()
    palette <- reticulate::import_from_path("itclust.pl.palette",
        .python_path())
    expect_identical(.colours(60), unlist(palette$colours(60L)))
})

test_that("a type has one colour in all plots", {
    cells <- .results_of(annotated, "itclust")
    of_types <- .type_colours(annotated, cells, "itclust")
    expect_identical(names(of_types)[seq_len(2)], colnames(reducedDim(
        annotated, "itclust_type_probabilities"))[seq_len(2)])
    colours <- function(plot, aesthetic) {
        scale <- plot$scales$get_scales(aesthetic)
        scale$palette(1)
    }
    for (found in list(colours(plotItClust(annotated), "colour"),
        colours(plotItClust(annotated, "calls"), "fill"),
        colours(plotItClust(annotated, "flow"), "fill"),
        colours(plotItClust(annotated, color.by = "truth"), "colour"))) {
        here <- intersect(names(found), names(of_types))
        expect_gt(length(here), 3)
        expect_identical(found[here], of_types[here])
    }
    few <- annotated[, annotated$itclust != levels(annotated$itclust)[1]]
    few$itclust <- droplevels(few$itclust)
    found <- colours(plotItClust(few), "colour")
    expect_identical(found, of_types[names(found)])
})

test_that("other columns have colours of their own", {
    x <- annotated
    x$donor <- rep(c("b", "a"), length.out = ncol(x))
    plot <- plotItClust(x, color.by = "donor")
    expect_identical(plot$scales$get_scales("colour")$palette(1),
        c(a = "#0072b2", b = "#e69f00"))
})

test_that("names are in their natural order", {
    expect_identical(.natural(c("novel 10", "novel 2", NA, "B")),
        c("B", "novel 2", "novel 10"))
    expect_identical(.natural(factor("a", levels = c("b", "a"))), "a")
})
