# What may go wrong, through R: the cases of tests/python/catalogue that R's
# objects can hold, and those of R alone in catalogue.R, each a row with what
# must be said. No case trains: what is taken ends where the recipe begins.
# With ITCLUST_WRITE_DOCS set, R's own cases go to catalogue.csv, from which
# tests/python/test_catalogue.py puts them into the table of the docs.

skip_without_python()
source("catalogue.R", local = TRUE)

.start() # of all Pythons that may hold the package, the one under test
python <- reticulate::py_run_string("
from itclust.recipes import default
fit = default.select_genes
def reached(*args):
    raise ValueError('the recipe was reached')
def stop_there(on):
    default.select_genes = reached if on else fit
")
REACHED <- "the recipe was reached"

# What a call says when it ends: one line, of ItClust's own, with nothing of the
# user's left in the bridge. Warnings come first.
said <- function(call, name) {
    warned <- character()
    ended <- tryCatch(withCallingHandlers(call(), warning = function(w) {
        warned <<- c(warned, conditionMessage(w))
        invokeRestart("muffleWarning")
    }), error = identity)
    expect_s3_class(ended, "itclust_error")
    expect_identical(ls(.bridge, pattern = "^(source|target|answer|arrays)"),
        character(), info = name)
    text <- c(warned, if (inherits(ended, "error")) conditionMessage(ended))
    expect_false(any(grepl("\n|Traceback", text)), info = name)
    text
}

# Of a run that is refused, warned of or taken.
expect_said <- function(call, says, name) {
    text <- said(call, name)
    taken <- startsWith(says, "warned: ") || says == "taken"
    expect_identical(tail(text, 1L) == REACHED, taken, info = name)
    if (says == "taken")
        expect_length(text, 1L)
    else
        expect_match(text, sub("^warned: ", "", says), fixed = TRUE,
            all = FALSE, info = paste(name, text, sep = ": "))
    setdiff(text, REACHED)
}

test_that("R's own cases end in one line", {
    python$stop_there(TRUE)
    on.exit(python$stop_there(FALSE))
    rows <- list()
    for (area in names(CASES))
        for (name in names(CASES[[area]])) {
            case <- CASES[[area]][[name]]
            if (length(case$needs) && !requireNamespace(case$needs,
                quietly = TRUE))
                next
            text <- expect_said(as_call(case), case$says, name)
            rows[[name]] <- data.frame(area = area, case = name,
                becomes = if (case$says == "taken") "taken" else if (startsWith(
                    case$says, "warned: ")) "warned" else "refused",
                message = anonymous(paste(text, collapse = " ")))
        }
    rows <- do.call(rbind, unname(rows))
    if (nzchar(Sys.getenv("ITCLUST_WRITE_DOCS")))
        utils::write.csv(rows, "catalogue.csv", row.names = FALSE)
    written <- utils::read.csv("catalogue.csv", encoding = "UTF-8")
    expect_true(all(rows$case %in% written$case))
    expect_true(all(written$case %in% unlist(lapply(CASES, names))))
})

# Cases of Python's that R refuses by itself.
OWN_WORDS <- c("genes: all blank" = "gene names of 'source' are NA or blank",
    "labels: the cells' names" = "'labels' are the names of the cells")

# Python's catalogue -----------------------------------------------------------

test_that("Python's cases of settings, models and data hold in R", {
    skip_if_not(dir.exists("../python/catalogue"), "no catalogue of Python's")
    theirs <- reticulate::py_run_string(paste0("import sys\n",
        "sys.path.insert(0, r'", normalizePath("../python"), "')\n",
        "from catalogue import data, models, settings\n",
        "def cases():\n",
        "    return {n: [c.becomes, c.says] for n, c in data.DATA.items()",
        " if 'r' in c.doors}\n",
        "def model(name, folder):\n",
        "    return str(models.make(name, folder))\n"))
    data <- tiny()
    for (case in theirs$settings$of_r()) {
        arguments <- c(list(data$source, preset = case[[2L]],
            verbose = FALSE), setNames(list(case[[4L]]), case[[3L]]))
        text <- expect_said(function() do.call(trainItClust, arguments),
            case[[5L]], case[[1L]])
        expect_match(text, case[[3L]], fixed = TRUE)
    }
    models <- theirs$models$of_r()
    for (name in names(models)) {
        dir.create(folder <- tempfile())
        path <- theirs$model(name, folder)
        expect_said(function() loadItClust(path), .in_r(models[[name]]), name)
    }
    python$stop_there(TRUE)
    on.exit(python$stop_there(FALSE))
    cases <- theirs$cases()
    for (name in names(cases)) {
        given <- theirs$data$arrays(name)
        says <- if (name %in% names(OWN_WORDS)) OWN_WORDS[[name]]
            else .in_r(cases[[name]][[2L]])
        says <- switch(cases[[name]][[1L]], refused = says,
            warned = paste0("warned: ", says), "taken")
        expect_said(function() ItClust(as_matrix(given$source),
            as_matrix(given$target), labels = unlist(given$labels),
            verbose = FALSE), says, name)
    }
})
