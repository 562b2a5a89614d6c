skip_without_python()

test_that("values, names, factors and NAs survive the way to Python", {
    x <- as(matrix(c(0, 1.5, 2, 0, 0, 3e9), 2,
        dimnames = list(c("g1", "g1"), NULL)), "CsparseMatrix")
    .start()
    on.exit(.clear())
    suppressWarnings(.hand_over("target", .package(x,
        label = factor(c("é", NA, "b")))))
    expect_null(.bridge$target)
    seen <- reticulate::py_eval(paste0("(lambda a: [a.X.toarray().tolist(), ",
        "list(a.var_names), ['NA' if v != v else v for v in a.obs['label']], ",
        "type(a.X).__name__, str(a.obs_names.dtype)])",
        "(__import__('sys').modules['itclust.rbridge']._held['target'])"))
    expect_equal(unlist(seen[[1]]), as.vector(x))
    expect_identical(seen[[2]], c("g1", "g1"))
    expect_identical(seen[[3]], c("é", "NA", "b"))
    expect_identical(seen[4:5], list("csr_matrix", "object"))
})

test_that("100 conversions survive garbage made and collected in between", {
    x <- .package(counts(tiny()$target))
    swap <- paste0("import sys; b = sys.modules['itclust.rbridge']; ",
        "a = b._held.pop('target'); b._held['answer'] = {'cells': a.obs, ",
        "'matrices': {'x': a.X.toarray()}, 'run': {'n': [1.5, 2.0]}}")
    .start()
    for (i in seq_len(50)) {
        for (j in seq_len(20))
            reticulate::py_eval("[object()]", convert = FALSE)
        .hand_over("target", x)
        reticulate::py_run_string(swap)
        junk <- lapply(seq_len(200), function(k) rnorm(100))
        back <- .take_back()
    }
    expect_equal(back$matrices$x, unname(t(as.matrix(assay(x)))))
    expect_identical(back$run$n, c(1.5, 2))
})

test_that("a forked worker is told what to do", {
    skip_on_os("windows")
    .start()
    x <- tiny()
    said <- parallel::mclapply(1:2, function(i) tryCatch(
        quick(x$source, x$target), itclust_fork = conditionMessage),
        mc.cores = 2)
    for (text in said)
        expect_match(text, "forked worker.*SnowParam")
    expect_s4_class(quick(x$source, x$target), "SingleCellExperiment")
})

test_that("an interrupt arrives as one, and the session stays usable", {
    skip_on_os("windows")
    started <- tempfile()
    code <- c(sprintf(".libPaths(%s)", paste(deparse(.libPaths()),
        collapse = "")), "suppressMessages(library(ItClust))",
        "d <- mockItClustData(seed = 1)",
        "r <- tryCatch(withCallingHandlers(ItClust(d$source, d$target,",
        "    source.epochs = 1e5, verbose = TRUE), message = function(m) {",
        sprintf("    if (grepl('source:', m$message)) writeLines('x', '%s')",
            started),
        "    invokeRestart('muffleMessage') }),",
        "    interrupt = function(e) 'interrupted', error = function(e) paste('bad', conditionMessage(e)))",
        "cat(r)",
        "a <- ItClust(d$source, d$target, source.epochs = 2, max.iter = 1)",
        "cat(' usable', ncol(a), '\\n')")
    script <- tempfile(fileext = ".R")
    writeLines(code, script)
    said <- tempfile()
    system(sprintf("%s %s > %s 2> %s.err & echo $! > %s.pid",
        shQuote(file.path(R.home("bin"), "Rscript")), shQuote(script), said,
        said, said))
    wait_for <- function(done) { # long: a busy machine starts Python slowly
        limit <- Sys.time() + 300
        while (!done() && Sys.time() < limit)
            Sys.sleep(0.5)
    }
    wait_for(function() file.exists(started))
    expect_true(file.exists(started))
    pid <- as.integer(readLines(paste0(said, ".pid")))
    on.exit(tools::pskill(pid, tools::SIGKILL))
    Sys.sleep(1)
    tools::pskill(pid, tools::SIGINT)
    read <- function() readLines(said, warn = FALSE)
    wait_for(function() any(grepl("usable|bad", read())) ||
        !tools::pskill(pid, 0L))
    expect_match(paste(read(), collapse = ""), "^interrupted usable 200",
        info = paste(readLines(paste0(said, ".err")), collapse = "\n"))
})

test_that("a handler that jumps out of a message ends the run as an interrupt", {
    d <- tiny()
    run <- function() ItClust(d$source, d$target, source.epochs = 2,
        max.iter = 1, verbose = TRUE)
    at_source <- function(f) function(m) if (grepl("source:", m$message)) f()
    leave <- at_source(function() invokeRestart("leave"))
    expect_error(suppressMessages(withRestarts(withCallingHandlers(run(),
        message = leave), leave = function() NULL)),
        class = "itclust_interrupt")
    failing <- at_source(function() stop("enough"))
    # not expect_error(): it would take the handler's error, and miss the run's
    ended <- tryCatch(suppressMessages(withCallingHandlers(run(),
        message = failing)), error = identity)
    expect_s3_class(ended, "error")
    expect_s4_class(suppressMessages(run()), "SingleCellExperiment")
})

test_that("Python writes into its own copy, never into R's memory", {
    x <- new("dgCMatrix", i = c(0L, 1L, 0L), p = c(0L, 2L, 3L),
        x = c(1, 0, 3), Dim = c(2L, 2L), Dimnames = list(c("a", "b"), NULL))
    .start()
    on.exit(.clear())
    .hand_over("target", .package(x))
    reticulate::py_run_string(paste0("import sys; X = sys.modules[",
        "'itclust.rbridge']._held['target'].X; ",
        "X.data[:] = 77; X.indices[:] = 1"))
    expect_identical(x@x, c(1, 0, 3))
    expect_identical(x@i, c(0L, 1L, 0L))
})
