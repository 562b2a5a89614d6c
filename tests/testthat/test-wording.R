test_that("Python's messages speak R", {
    said <- function(text, expected)
        expect_identical(.in_r(text), expected)
    said("'a' is not a column of source.obs. Pass labels_key=; it has no columns.",
        "'a' is not a column of source. Pass labels=; it has no columns.")
    said("the source has only one type, 'B'; check. Check labels_key=.",
        "the source has only one type, 'B'; check. Check labels=.")
    said("3 gene names of the the target are duplicates",
        "3 gene names of the target are duplicates")
    said("the target holds zeros only; pass layer= or use_raw=True if the values lie elsewhere.",
        "the target holds zeros only; pass assay.type= if the values lie in another assay.")
    said(paste("counts or log values are needed. No layer and no .raw of it",
        "holds unscaled values: pass the data from before scaling."),
        paste("counts or log values are needed. Pass the assay, with",
            "assay.type=, from before scaling."))
    said("Train a model on the genes that both have: itclust.transfer(source, target).",
        "Train a model on the genes that both have: ItClust(source, target).")
    said("raise max_iter (now 6); n_latent=3", "raise max.iter (now 6); n.latent=3")
    said("labels are taken from obs['label'] of the source",
        "labels are taken from column 'label' of source")
    said("the layer is fine", "the layer is fine")
})

test_that("no message of Python's that R meets names Python's arguments", {
    check <- file.path(.python_path(), "itclust")
    files <- list.files(check, "^(check|preprocess)\\.py$",
        recursive = TRUE, full.names = TRUE)
    skip_if_not(length(files) > 0L, "the files have moved")
    code <- unlist(lapply(files, readLines))
    texts <- grep("msg = |msg \\+= |^ +f?\"", code, value = TRUE)
    translated <- .in_r(grep(":func:|:class:", texts, value = TRUE,
        invert = TRUE))
    for (word in c("labels_key=", "layer=;", "batch_key=", "key_added=",
        "itclust\\.transfer", "AnnData\\."))
        expect_false(any(grepl(word, translated)), label = word)
})

test_that("every setting of Python's has its name in R", {
    skip_without_python()
    known <- lapply(c("default", "paper"), function(preset)
        unlist(.python("arguments", preset)))
    expect_setequal(grep("_", unlist(known), value = TRUE), .SETTINGS)
})

test_that("arguments that cannot be are refused in R's words", {
    d <- tiny()
    run <- function(...) ItClust(d$source, d$target, verbose = FALSE, ...)
    expect_error(ItClust(NULL, d$target), "'source' must be a SingleCell.*NULL")
    expect_error(ItClust(d$source, NULL), "'target' must be a SingleCell.*NULL")
    expect_error(ItClust(d$source, list(d$target)), "trainItClust\\(source\\)")
    expect_error(run(preset = c("default", "paper")), "'preset' must be one")
    expect_error(run(values = "logs"), "'values' must be one of 'auto'")
    expect_error(run(assay = "logcounts"),
        "'assay' is for Seurat.*assay.type = \"logcounts\"")
    expect_error(run(values = "log"), "a logarithm of a count does not")
    x <- d$target
    rownames(x)[3] <- NA
    expect_error(ItClust(d$source, x), "1 of the 60 gene names of 'target'")
    x <- d$target
    x$donor <- NA
    expect_error(ItClust(d$source, x, batch.key = "donor"),
        "Every value of the batch column 'donor' is missing")
})

test_that("settings out of their range are refused before any work", {
    skip_without_python()
    for (bad in list(list(source.epochs = 0), list(dropout = 2),
        list(alpha = Inf), list(batch.size = 0), list(tol = NA),
        list(learning.rate = -1), list(dropout = "a")))
        expect_error(.settings(bad, "default"), names(bad), fixed = TRUE)
    expect_identical(.settings(list(max.iter = 0), "default"),
        list(max_iter = 0L))
})

test_that("a batch or label that is NA by addNA() is missing", {
    x <- addNA(factor(c("a", NA, "b", " ")))
    expect_identical(.as_levels(x), factor(c("a", NA, "b", NA)))
    skip_without_python()
    d <- tiny()
    d$target$donor <- addNA(factor(rep(c("p", NA), 20)))
    expect_s4_class(quick(d$source, d$target, batch.key = "donor"),
        "SingleCellExperiment")
})
