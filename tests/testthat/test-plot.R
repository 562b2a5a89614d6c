annotated <- readRDS(system.file("extdata", "annotated.rds",
    package = "ItClust"))

# Everything that ggplot2 would draw, one data frame a layer.
drawn <- function(plot) ggplot2::ggplot_build(plot)$data

test_that("cells are drawn once each, in the layout's place", {
    for (type in c("embedding", "confidence", "novelty")) {
        points <- drawn(plotItClust(annotated, type))[[1]]
        expect_identical(nrow(points), ncol(annotated))
        expect_equal(sort(points$x), sort(unname(reducedDim(annotated,
            "UMAP")[, 1])))
    }
    expect_identical(length(unique(drawn(plotItClust(annotated))[[1]]$colour)),
        nlevels(droplevels(annotated$itclust)))
    low <- which.min(annotated$itclust_confidence)
    points <- drawn(plotItClust(annotated, "confidence"))[[1]]
    at <- match(reducedDim(annotated, "UMAP")[low, 1], points$x)
    expect_identical(at, ncol(annotated)) # on top: what to look at
})

test_that("the layout falls back to components of the embedding", {
    plain <- annotated
    reducedDim(plain, "UMAP") <- NULL
    plot <- plotItClust(plain)
    expect_match(plot$labels$x, "ItClust embedding")
    points <- drawn(plot)[[1]]
    pca <- prcomp(reducedDim(plain, "itclust"), rank. = 2)$x
    expect_equal(sort(points$x), sort(unname(pca[, 1])))
    expect_error(plotItClust(plain, dimred = "UMAP"), "no reduced dimensions")
})

test_that("any column can give the colour", {
    plot <- plotItClust(annotated, color.by = "truth")
    expect_identical(length(unique(drawn(plot)[[1]]$colour)),
        nlevels(annotated$truth))
    expect_error(plotItClust(annotated, color.by = "no"), "color.by=")
})

test_that("the heat map shows mean probabilities", {
    tiles <- plotItClust(annotated, "types")$data
    types <- reducedDim(annotated, "itclust_type_probabilities")
    first <- levels(annotated$itclust_cluster)[1]
    inside <- annotated$itclust_cluster == first
    shown <- tiles[sub(" .*", "", tiles$cluster) == first, ]
    expect_equal(shown$probability[match(colnames(types), shown$type)],
        unname(colMeans(types[inside, ])))
})

test_that("the flow's bands hold all cells, in both stacks", {
    bands <- plotItClust(annotated, "flow")$data
    pairs <- table(annotated$itclust_initial, annotated$itclust)
    expect_identical(length(unique(bands$band)), sum(pairs > 0))
    for (x in 0:1) {
        end <- bands[bands$x == x, ]
        expect_equal(sum(end$high - end$low), 1)
        end <- end[order(end$low), ]
        expect_true(all(end$low[-1] >= head(end$high, -1) - 1e-9))
    }
})

test_that("every class and a cell without label can be drawn", {
    holes <- annotated
    holes$itclust[1:3] <- NA
    holes$itclust_cluster[1:3] <- NA
    holes$itclust_initial[1:3] <- NA
    kinds <- eval(formals(selectMethod("plotItClust", "ANY"))$type)
    if (is.null(kinds))
        kinds <- c("embedding", "confidence", "novelty", "types", "flow",
            "calls")
    frame <- .output(counts(tiny()$target), made_up_answer(40), "itclust")
    for (type in kinds) {
        expect_s3_class(plotItClust(holes, type), "ggplot")
        expect_silent(ggplot2::ggplotGrob(plotItClust(holes, type)))
        expect_s3_class(plotItClust(frame, type), "ggplot")
    }
})

test_that("an object without results is told to run ItClust()", {
    expect_error(plotItClust(tiny()$target), "no results under 'itclust'")
    expect_error(plotItClust(annotated, key.added = "x"), "under 'x'")
    expect_error(plotItClust(annotated, "umap"), "should be one of")
})

test_that("the user's random numbers stay where they are", {
    set.seed(3)
    before <- .Random.seed
    for (type in c("embedding", "calls", "flow", "types"))
        invisible(ggplot2::ggplotGrob(plotItClust(annotated, type)))
    expect_identical(.Random.seed, before)
})

test_that("names beside the flow's bars do not overlap, and take the axis", {
    bars <- data.frame(low = c(0, 0.01, 0.02, 0.5), high = c(0.01, 0.02, 0.5,
        1))
    at <- .spread(bars)
    expect_true(all(diff(at) >= 0.05 - 1e-9))
    expect_true(all(at >= 0 & at <= 1))
    many <- data.frame(low = seq(0, 0.099, 0.001), high = seq(0.001, 0.1, 0.001))
    many$high[100] <- 1
    expect_true(all(diff(.spread(many)) > 0.9 / 99 - 1e-9))
    plot <- plotItClust(annotated, "flow")
    scale <- plot$scales$get_scales("y")
    expect_match(scale$labels, "\\(\\d+\\)$")
    expect_identical(length(scale$breaks),
        nlevels(droplevels(annotated$itclust_initial)))
})

test_that("a gene can give the colour, and markers are mean and share", {
    gene <- rownames(annotated)[1]
    plot <- plotItClust(annotated, color.by = gene)
    expect_equal(sort(plot$data$color), sort(unname(as.matrix(
        logcounts(annotated))[gene, ])))
    dots <- plotItClust(annotated, "markers", genes = rownames(annotated)[1:3])
    cluster <- levels(annotated$itclust_cluster)[1]
    inside <- annotated$itclust_cluster == cluster
    values <- as.matrix(logcounts(annotated))[gene, ]
    shown <- dots$data[dots$data$gene == gene, ]
    row <- sub(" .*", "", shown$cluster) == cluster
    expect_equal(shown$rate[row], mean(values[inside] > 0))
    means <- tapply(values, annotated$itclust_cluster, mean)
    expect_equal(shown$value[row], unname(means[cluster] / max(means)))
    expect_error(plotItClust(annotated, "markers", genes = "nope"),
        "'nope' not among the genes")
    expect_error(plotItClust(annotated, color.by = "nope"),
        "neither a column nor a gene")
    own <- unique(plotItClust(annotated, "markers", n.genes = 1)$data$gene)
    listed <- sub(",.*", "", metadata(annotated)$itclust$clusters$markers)
    expect_true(all(own %in% listed))
})

test_that("each cell lies in its label's row, also beside a label of one cell", {
    x <- readRDS(system.file("extdata", "annotated.rds", package = "ItClust"))
    cells <- .results_of(x, "itclust")
    last <- names(sort(tapply(cells$confidence, cells$label, median)))[1]
    cells <- cells[cells$label != last | !duplicated(cells$label), ]
    expect_identical(sum(cells$label == last), 1L)
    built <- ggplot2::ggplot_build(.plot_calls(cells, .type_colours(x, cells,
        "itclust")))
    rows <- built$layout$panel_params[[1]]$y$get_limits()
    size <- table(droplevels(cells$label))
    expect_setequal(rows[unique(round(built$data[[1]]$y))],
        names(size)[size >= 5]) # of fewer, points alone
    points <- built$data[[2]]
    expect_identical(rows[round(points$y)], as.character(cells$label))
    expect_equal(points$x, cells$confidence)
})
