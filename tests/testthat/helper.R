grDevices::pdf(NULL) # what is drawn without a device goes nowhere, not to Rplots.pdf

suppressPackageStartupMessages({
    library(SingleCellExperiment)
    library(Matrix)
})

# Tests with Python are skipped where there is none, unless the suite must have
# it (tools/check-r.sh says so).
skip_without_python <- function() {
    if (Sys.getenv("ITCLUST_REQUIRE_PYTHON") != "true")
        skip_if_not(itclustInfo()$ready, "Python is not set up for ItClust")
    expect_true(itclustInfo()$ready)
}

# Code in a new R session; RETICULATE_PYTHON and others as given. What it says.
elsewhere <- function(code, env = character()) {
    script <- tempfile(fileext = ".R")
    writeLines(c(sprintf(".libPaths(%s)", paste(deparse(.libPaths()),
        collapse = "")), code), script)
    suppressWarnings(system2(file.path(R.home("bin"), "Rscript"),
        c("--no-save", shQuote(script)), stdout = TRUE, stderr = TRUE,
        env = c("VIRTUAL_ENV=", env)))  # reticulate sets it, and takes it
}

# Real data outside the repository: ITCLUST_SHARED, or ../shared of a checkout.
shared_file <- function(name) {
    folder <- Sys.getenv("ITCLUST_SHARED", "../../../shared")
    path <- file.path(folder, "data", name)
    skip_if_not(file.exists(path), paste("no", name,
        "(set ITCLUST_SHARED to the folder with the datasets)"))
    normalizePath(path)
}

# A short training, enough for everything but accuracy.
quick <- function(source, target, ...) {
    ItClust(source, target, ..., source.epochs = 4, max.iter = 1,
        verbose = FALSE)
}

quick_train <- function(source, ...) {
    trainItClust(source, ..., source.epochs = 4, max.iter = 1, verbose = FALSE)
}

tiny <- function(...) {
    mockItClustData(n.genes = 60, n.source = 50, n.target = 40, n.types = 3,
        seed = 7, ...)
}

# An answer as Python gives it, for tests of where it is put.
made_up_answer <- function(n, key = "itclust") {
    label <- factor(rep_len(c("B", NA, "novel 1"), n))
    cells <- list(label, factor(rep_len(c("0", NA, "1"), n)),
        seq(0, 1, length.out = n), seq(1, 0, length.out = n), label)
    names(cells) <- paste0(key, c("", "_cluster", "_confidence", "_novelty",
        "_initial"))
    matrix <- function(columns) base::matrix(seq_len(n * length(columns)) / 7,
        n, dimnames = list(NULL, columns))
    embedding <- unname(matrix(letters[1:3]))
    list(cells = cells, matrices = list(embedding = embedding,
        probabilities = matrix(c("0", "1")),
        type_probabilities = matrix(c("B", "T cell", "novel"))),
        run = list(clusters = data.frame(label = c("B", "novel 1")),
            version = "2.0.0"))
}
