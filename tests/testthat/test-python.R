test_that("loading starts no Python", {
    said <- elsewhere(c("suppressMessages(library(ItClust))",
        "invisible(itclustInfo()); invisible(mockItClustData(seed = 1))",
        "cat('available', reticulate::py_available(FALSE))"))
    expect_match(said, "available FALSE", all = FALSE)
})

test_that("a missing Python is one line that names the fix", {
    empty <- tempfile("home")
    dir.create(empty)
    said <- elsewhere(c("suppressMessages(library(ItClust))",
        "Sys.unsetenv('RETICULATE_PYTHON')",
        "d <- mockItClustData(seed = 1)",
        "options(warning.length = 8000)",
        "ItClust(d$source, d$target)"),
        c(paste0("HOME=", empty), paste0("WORKON_HOME=", empty),
            "RETICULATE_PYTHON=", "UV_OFFLINE=1"))
    expect_match(paste(said, collapse = " "), "ItClust::installItClust\\(\\)")
})

test_that("nothing asks an interactive user about miniconda", {
    home <- tempfile("home")
    dir.create(home)
    script <- tempfile(fileext = ".R")
    writeLines(c(sprintf(".libPaths(%s)", paste(deparse(.libPaths()),
        collapse = "")), "suppressMessages(library(ItClust))",
        "cat('ready', itclustInfo()$ready, '\\n')", "cat('still here\\n')"),
        script)
    said <- suppressWarnings(system2(file.path(R.home("bin"), "R"),
        c("--interactive", "--no-readline", "--no-save", "--quiet"),
        stdin = script, stdout = TRUE, stderr = TRUE, timeout = 60,
        env = c(paste0("HOME=", home), paste0("WORKON_HOME=", home),
            "RETICULATE_PYTHON=", "VIRTUAL_ENV=")))
    expect_match(said, "^ready FALSE", all = FALSE)
    expect_match(said, "^still here", all = FALSE)
    expect_false(any(grepl("iniconda|yes or no", said)))
})

test_that("a Python that lacks packages is named, with what it lacks", {
    python <- Sys.which("python3")
    skip_if_not(nzchar(python), "no python3 on the PATH")
    skip_if(length(.module_versions(python)) > length(.MODULES),
        "this python3 has everything")
    said <- paste(elsewhere(c("suppressMessages(library(ItClust))",
        "print(itclustInfo()$missing)",
        "d <- mockItClustData(seed = 1)", "ItClust(d$source, d$target)"),
        paste0("RETICULATE_PYTHON=", python)), collapse = " ")
    expect_match(said, "\"tensorflow\"")
    expect_match(said, "lacks: .*anndata2ri.*installItClust|could not be started")
})

test_that("the virtualenv is found by its name, after RETICULATE_PYTHON", {
    home <- tempfile("home")
    bin <- file.path(home, .ENVIRONMENT, "bin")
    dir.create(bin, recursive = TRUE)
    file.create(file.path(bin, c("python", "activate_this.py", "activate")))
    Sys.chmod(file.path(bin, "python"), "755")
    said <- elsewhere(c("suppressMessages(library(ItClust))",
        "cat(itclustInfo()$source, itclustInfo()$python)"),
        c(paste0("WORKON_HOME=", home), "RETICULATE_PYTHON="))
    expect_match(said, paste0("virtualenv r-itclust ", bin), all = FALSE,
        fixed = TRUE)
    said <- elsewhere(c("suppressMessages(library(ItClust))",
        "cat(itclustInfo()$source)"),
        c(paste0("WORKON_HOME=", home), "RETICULATE_PYTHON=/no/python"))
    expect_match(said, "RETICULATE_PYTHON", all = FALSE)
})

test_that("the installation's commands fit this R", {
    steps <- installItClust("/some/where", python = "python3.11",
        dry.run = TRUE)
    expect_identical(steps[[1]], c("python3.11", "-m", "venv", "/some/where"))
    expect_identical(steps[[3]][1], .python_in("/some/where"))
    old <- .requirements(numeric_version("4.2.2"))
    new <- .requirements(numeric_version("4.5.0"))
    expect_true("rpy2-rinterface==3.6.5" %in% old)
    expect_false(any(grepl("rpy2-rinterface==3.6.5", new)))
    expect_true(any(grepl("^rpy2>=3.6", new)))
    expect_false(any(grepl("#|^$", old)))
    expect_true(all(c("tensorflow", "keras", "anndata", "scanpy",
        "igraph") %in% sub("[-=].*", "", old)))
})

test_that("what is looked for in Python is what is installed there", {
    installed <- sub("(-cpu|[<>=]).*", "", .requirements())
    looked_for <- sub("^sklearn$", "scikit-learn", .MODULES)
    expect_identical(setdiff(looked_for, installed), character())
})

test_that("a command that fails says which and why, one that works is heard", {
    expect_message(.run(c("echo", "hello there")), "hello there")
    expect_error(suppressMessages(.run(c("sh", "-c",
        "echo because >&2; exit 3"))), "The command failed.*because")
    expect_error(suppressMessages(installItClust(tempfile(),
        python = "/no/such/python")), "failed|Python is running")
})

test_that("a Python that cannot be run is passed over", {
    expect_identical(.python_version("/no/such/python"), numeric_version("0"))
    broken <- tempfile()
    writeLines("#!/bin/sh\nexit 1", broken)
    Sys.chmod(broken, "755")
    expect_identical(.python_version(broken), numeric_version("0"))
})

test_that("a child Python does not inherit LD_LIBRARY_PATH", {
    old <- Sys.getenv("LD_LIBRARY_PATH", NA)
    on.exit(if (is.na(old)) Sys.unsetenv("LD_LIBRARY_PATH") else
        Sys.setenv(LD_LIBRARY_PATH = old))
    Sys.setenv(LD_LIBRARY_PATH = "/somewhere")
    expect_identical(.child("sh", c("-c",
        shQuote("echo [$LD_LIBRARY_PATH]"))), "[]")
    expect_identical(Sys.getenv("LD_LIBRARY_PATH"), "/somewhere")
})

test_that("itclustInfo() tells what a bug report needs", {
    info <- itclustInfo()
    expect_true(all(c("R", "ItClust", "reticulate") %in% names(info$versions)))
    expect_identical(info$ready, !length(info$missing))
    expect_output(print(info), "ItClust is (not )?ready")
})

test_that("an environment must have a name", {
    for (bad in list("", "  ", NA_character_, c("a", "b"), 3, NULL))
        expect_error(installItClust(bad, python = "python3", dry.run = TRUE),
            "'envname' must be")
})

test_that("what reticulate fetches by itself counts as ready where uv is", {
    expect_true(.fetches(numeric_version("1.41")))
    expect_false(.fetches(numeric_version("1.28")))
    old <- Sys.getenv(c("RETICULATE_UV", "UV_OFFLINE"), NA)
    on.exit(for (name in names(old)) if (is.na(old[[name]]))
        Sys.unsetenv(name) else do.call(Sys.setenv, as.list(old[name])))
    Sys.setenv(RETICULATE_UV = "/some/uv")
    Sys.unsetenv("UV_OFFLINE")
    expect_true(.has_uv())
    Sys.setenv(UV_OFFLINE = "1")
    expect_false(.has_uv())
    info <- structure(class = "ItClustInfo", list(ready = FALSE, python = NA,
        source = "py_require", platform = "x", versions = c(R = "4.5"),
        missing = .MODULES))
    expect_output(print(info), "first call downloads uv")
})

test_that("a checkout without symlinks gets the Python source on Windows", {
    root <- testthat::test_path("..", "..")
    skip_if_not(file.exists(file.path(root, "configure.win")),
        "not in a checkout")
    skip_if(!nzchar(Sys.which("sh")), "no sh")
    copy <- tempfile("checkout")
    dir.create(file.path(copy, "inst"), recursive = TRUE)
    dir.create(file.path(copy, "python", "itclust"), recursive = TRUE)
    writeLines("../python", file.path(copy, "inst", "python"))
    for (script in c("configure.win", "cleanup.win")) {
        path <- normalizePath(file.path(root, script))
        withr::with_dir(copy, system2("sh", path))
        expect_true(dir.exists(file.path(copy, "inst", "python", "itclust")))
    }
})

test_that("the source that is carried has a version", {
    expect_match(.bundled_version(), "^[0-9]+[.][0-9]+")
})
