# Where Python is not set up, all that only reads results still runs: the help
# pages' examples and the vignettes, from what is stored in inst/extdata.

nowhere <- "RETICULATE_PYTHON=/no/python"

# Lines of code, by help page.
examples <- function() {
    pages <- tools::Rd_db("ItClust")
    code <- lapply(pages, function(page) {
        file <- tempfile()
        tools::Rd2ex(page, file)
        if (file.exists(file)) readLines(file)
    })
    names(code) <- sub("\\.Rd$", "", names(pages))
    code[lengths(code) > 0L]
}

test_that("every example shows something without Python", {
    code <- examples()
    expect_gt(length(code), 10L)
    files <- vapply(code, function(lines) {
        file <- tempfile()
        writeLines(lines, file)
        file
    }, "")
    said <- elsewhere(c("suppressMessages(library(ItClust)); pdf(NULL)",
        "stopifnot(!itclustInfo()$ready)",
        paste0("files <- ", paste(deparse(files), collapse = "")),
        "for (page in names(files)) {",
        "    shown <- capture.output(source(files[[page]], new.env(),",
        "        print.eval = TRUE))",
        "    cat('ran', page, length(shown) + !is.null(dev.list()), '\\n')",
        "}", "cat('Python', reticulate::py_available(FALSE), '\\n')"), nowhere)
    ran <- grep("^ran ", said, value = TRUE)
    expect_setequal(sub("^ran (\\S+) .*", "\\1", ran), names(code))
    expect_true(all(as.integer(sub(".* (\\d+) *$", "\\1", ran)) > 0L))
    expect_match(said, "^Python FALSE", all = FALSE)
})

test_that("the vignettes show stored results without Python, and say so", {
    skip_if_not_installed("knitr")
    folder <- testthat::test_path("..", "..", "vignettes")
    skip_if_not(dir.exists(folder), "not in a checkout")
    made <- tempfile("vignettes")
    dir.create(made)
    file.copy(list.files(folder, full.names = TRUE), made)
    figures <- c(ItClust = 6L, trust = 2L, models = 0L,
        Seurat = if (requireNamespace("Seurat", quietly = TRUE)) 4L else 0L)
    said <- elsewhere(c(sprintf("setwd('%s')", made),
        "knitr::opts_chunk$set(error = FALSE)",
        sprintf("knitr::knit('%s.Rmd', quiet = TRUE, envir = new.env())",
            names(figures)), "cat('all were knitted')"), nowhere)
    expect_match(said, "all were knitted", all = FALSE)
    for (name in names(figures)) {
        page <- readLines(file.path(made, paste0(name, ".md")))
        expect_match(page, "Python is not set up on the machine", all = FALSE)
        expect_gte(sum(grepl("<img|!\\[", page)), figures[[name]])
    }
    expect_match(readLines(file.path(made, "models.md")), "4 types: 'type A'",
        all = FALSE)
})
