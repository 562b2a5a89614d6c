skip_without_python()

data <- tiny()
model <- quick_train(data$source)

test_that("a model says what it knows", {
    expect_s4_class(model, "ItClustModel")
    expect_identical(model@types, levels(factor(data$source$cell_type)))
    expect_true(all(model@genes %in% rownames(data$source)))
    expect_output(print(model), "3 types: 'type A', 'type B', 'type C'")
    model@types <- paste("a type with a long name", 1:10)
    expect_true(all(nchar(capture.output(print(model))) <=
        getOption("width")))
})

test_that("training and transferring is ItClust(), and can be repeated", {
    expect_identical(transferItClust(model, data$target),
        quick(data$source, data$target))
    expect_identical(transferItClust(model, data$target[, 1:20],
        key.added = "part")$part_initial,
        transferItClust(model, data$target)$itclust_initial[1:20])
})

test_that("saved, loaded and serialised models give the same answer", {
    path <- tempfile(fileext = ".itclust")
    expect_identical(saveItClust(model, path), path)
    expect_identical(loadItClust(path), model)
    expect_error(saveItClust(model, path), "exists. Pass overwrite = TRUE")
    saveItClust(model, path, overwrite = TRUE)
    expect_length(list.files(dirname(path), "^\\.itclust-", all.files = TRUE),
        0)
    rds <- tempfile(fileext = ".rds")
    saveRDS(model, rds)
    expect_identical(transferItClust(readRDS(rds), data$target),
        transferItClust(model, data$target))
})

test_that("Python reads R's model and R reads Python's", {
    path <- saveItClust(model, tempfile(fileext = ".itclust"))
    copy <- tempfile(fileext = ".itclust")
    code <- paste0("import itclust, sys\n",
        "m = itclust.ItClust.load(sys.argv[1])\n",
        "m.save(sys.argv[2])\nprint(*m.types, sep=';')")
    script <- tempfile(fileext = ".py")
    writeLines(code, script)
    old <- Sys.getenv("PYTHONPATH")
    Sys.setenv(PYTHONPATH = .python_path())
    on.exit(Sys.setenv(PYTHONPATH = old))
    said <- .child(reticulate::py_config()$python, c(script, path, copy))
    expect_identical(utils::tail(said, 1), paste(model@types, collapse = ";"))
    expect_identical(transferItClust(loadItClust(copy), data$target),
        transferItClust(model, data$target))
})

test_that("what is no model is refused", {
    expect_error(loadItClust(tempfile()), "There is no file")
    bad <- tempfile()
    writeLines("nonsense", bad)
    expect_error(loadItClust(bad), "not an ItClust model file")
    expect_error(saveItClust(1, bad), "'model' must come from trainItClust")
    expect_error(saveItClust(model, 1), "'path' must be the name of one file")
    expect_error(saveItClust(model, file.path(tempdir(), "no", "x")),
        "does not exist")
    expect_error(validObject(new("ItClustModel")), "the model is empty")
    damaged <- model
    damaged@data <- head(model@data, 2000)
    expect_error(transferItClust(damaged, data$target), "damaged")
})

test_that("a list of targets gives a list, workers give the same", {
    several <- list(a = data$target[, 1:20], b = data$target[, 21:40])
    out <- transferItClust(model, several, verbose = FALSE)
    expect_named(out, c("a", "b"))
    expect_identical(out$b, transferItClust(model, several$b))
    expect_error(transferItClust(model, list()), "empty list")
    expect_error(transferItClust(model, data.frame(a = 1)), "is a data frame")
    skip_if_not_installed("BiocParallel")
    expect_identical(transferItClust(model, several, verbose = FALSE,
        BPPARAM = BiocParallel::SerialParam()), out)
})
