test_that("the key is one name", {
    expect_silent(.check_key("run.2_b"))
    for (bad in list("2x", "a b", "", NA_character_, c("a", "b"), 3, NULL))
        expect_error(.check_key(bad), "'key.added' must be one name")
})

test_that("the seed is a whole number, or drawn", {
    expect_identical(.seed(3), 3L)
    for (bad in list(-1, 1.5, "1", NA, c(1, 2), 2^31))
        expect_error(.seed(bad), "'seed' must be one whole number")
    set.seed(4)
    first <- .seed(NULL)
    set.seed(4)
    expect_identical(.seed(NULL), first)
    expect_false(identical(.seed(NULL), first))
})

test_that("values turn into what Python wants", {
    expect_identical(.to_python(50), 50L)
    expect_identical(.to_python(0.5), 0.5)
    expect_identical(.to_python(c(a = 64, b = 32)), list(64L, 32L))
    expect_identical(.to_python("x"), "x")
    expect_identical(.to_python(TRUE), TRUE)
    expect_identical(.to_python(1e10), 1e10)
})

test_that("unknown arguments raise with the nearest name", {
    skip_without_python()
    expect_error(.settings(list(n_latnt = 3), "default"),
        "'n_latnt' is not an argument.*'n.latent'")
    expect_error(.settings(list(sede = 3), "default"), "mean 'seed'")
    expect_error(.settings(list(labels_key = "x"), "default"),
        "'labels_key' is called 'labels' in R")
    expect_error(.settings(list(3), "default"), "must be named")
    expect_identical(.settings(list(n.latent = 8, tol = 0.5), "default"),
        list(n_latent = 8L, tol = 0.5))
    expect_error(.settings(list(tol = 1), "papr"), "preset='papr' is unknown")
})

test_that("errors quote what was received, briefly", {
    expect_identical(.show("a"), "\"a\"")
    expect_identical(.show(NULL), "NULL")
    expect_identical(.show(1:9), "an object of class 'integer', length 9")
    expect_identical(.quoted(letters, 2), "'a', 'b', and 24 more")
})

test_that("progress comes as messages, a line a stage", {
    report <- .progress(TRUE, every = 60)
    said <- testthat::capture_messages({
        report("source", 0.1, "epoch 1")
        report("source", 0.2, "epoch 2")
        report("target", 0.5, "")
        report("target", 1, "round 2")
    })
    expect_identical(said, c(" 10%  source: epoch 1\n", " 50%  target\n",
        "100%  target: round 2\n"))
    expect_silent(suppressMessages(report("target", 1, "again")))
    expect_null(.progress(FALSE))
    expect_error(.sayer("yes"), "'verbose' must be TRUE or FALSE")
})
