answer <- made_up_answer(9)
types <- rbind(c(.8, .1, .1), c(0, 0, 0), c(.2, .1, .7), c(.6, .3, .1),
    c(0, 0, 0), c(.1, .1, .8), c(.4, .5, .1), c(0, 0, 0), c(.2, .2, .6))
colnames(types) <- c("B", "T cell", "novel")
answer$matrices$type_probabilities <- types
cells <- setNames(answer$cells, .parts)

test_that("a cluster's label is the type with the largest sum", {
    mine <- factor(c("x", "x", "y", "x", "z", "y", "x", "w", NA),
        levels = c("z", "y", "x", "w"))
    table <- .groups(as.data.frame(cells), types, mine)
    expect_identical(rownames(table), c("z", "y", "x", "w"))
    expect_identical(table$label, c(NA, "novel 1", "B", NA))
    expect_identical(table$n_cells, c(1L, 2L, 4L, 1L))
    counted <- c(1, 4, 7)
    expect_equal(table$confidence[3], mean(cells$confidence[counted]))
    expect_equal(table$novelty[3], mean(cells$novelty[counted]))
    expect_equal(table$share, c(0, 1, 1, 0))
    expect_identical(table$runner_up[2:3], c("B", "T cell"))
})

test_that("a cell with another label counts by its probability", {
    own <- cells
    own$label <- factor(c("B", NA, "B", "B", NA, "B", "T cell", NA, "B"))
    table <- .groups(as.data.frame(own), types, factor(rep("x", 9)))
    counted <- c(1, 3, 4, 6, 7, 9)
    sums <- colSums(types[counted, ])
    expect_identical(table$label, "novel") # no cell is called so
    own$label <- factor(c("B", NA, "B", "B", NA, "novel 2", "T cell", NA, "B"))
    table <- .groups(as.data.frame(own), types, factor(rep("x", 9)))
    expect_identical(table$label, "novel 2")
    expect_equal(table$confidence, mean(c(.1, .7, .1, cells$confidence[6], .1,
        .6)))
    expect_equal(table$share, 1 / 6)
})

test_that("groups are written, read, and taken out again", {
    x <- tiny()$target
    x$mine <- rep(1:4, 10)
    full <- made_up_answer(40)
    full$matrices$type_probabilities[] <- 1 / 3
    labelled <- full
    labelled$cells$itclust_group <- factor(rep(c("B", NA), 20))
    labelled$cells$itclust_group_confidence <- rep(c(.5, 0), 20)
    out <- .output(x, labelled, "itclust")
    expect_s3_class(out$itclust_group, "factor")
    expect_identical(rownames(groupItClust(out, "mine")), as.character(1:4))
    expect_identical(groupItClust(out, out$mine), groupItClust(out, "mine"))
    again <- .output(out, full, "itclust")
    expect_false(any(grepl("group", names(colData(again)))))
    expect_error(groupItClust(out, 1:3), "one value for each of its 40 cells")
    expect_error(groupItClust(out, "no"), "not a column of target")
    expect_error(groupItClust(out, rep(NA, 40)), "missing or blank")
    expect_error(groupItClust(out, NULL), "must name a column")
})

test_that("the user's clusters are labelled in the call, as by groupItClust()", {
    skip_without_python()
    d <- tiny()
    d$target$mine <- factor(d$target$truth, rev(unique(d$target$truth)))
    is.na(d$target$mine) <- c(1, 5)
    out <- quick(d$source, d$target, clusters = "mine")
    groups <- metadata(out)$itclust$groups
    expect_identical(as.character(out$itclust_group),
        groups[as.character(out$mine), "label"])
    expect_identical(out$itclust_group_confidence[c(1, 5)], c(0, 0))
    expect_equal(as.data.frame(groupItClust(out, "mine")), groups)
    model <- quick_train(d$source)
    expect_identical(transferItClust(model, d$target, clusters = "mine"), out)
})
