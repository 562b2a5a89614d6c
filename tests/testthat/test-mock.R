test_that("mock data are what they say", {
    data <- mockItClustData(n.genes = 90, n.source = 30, n.target = 20,
        n.types = 3, novel = 2, seed = 5)
    expect_identical(dim(data$source), c(90L, 30L))
    expect_identical(dim(data$target), c(90L, 20L))
    expect_s4_class(counts(data$source), "dgCMatrix")
    expect_identical(nlevels(data$source$cell_type), 3L)
    expect_identical(setdiff(levels(data$target$truth),
        levels(data$source$cell_type)), c("type D", "type E"))
    expect_true(all(counts(data$source)@x == round(counts(data$source)@x)))
})

test_that("a seed repeats them and leaves the generator alone", {
    set.seed(1)
    before <- .Random.seed
    expect_identical(mockItClustData(seed = 2), mockItClustData(seed = 2))
    expect_identical(.Random.seed, before)
    expect_false(identical(counts(mockItClustData()$source),
        counts(mockItClustData()$source)))
})

test_that("impossible requests are refused", {
    expect_error(mockItClustData(n.types = 1), "needs 2 to 26 types")
    expect_error(mockItClustData(n.types = 20, novel = 10), "needs 2 to 26")
    expect_error(mockItClustData(n.genes = 5), "three genes a type")
})
