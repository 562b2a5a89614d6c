# The one way to Python. Every call ends in .python(); objects cross through
# `.bridge`, progress and log lines through R functions.

# Call `what` of itclust.rbridge. Its warnings become warnings, its exceptions
# errors of class "itclust_<exception>", an interrupt an interrupt.
.python <- function(what, ..., say = NULL, progress = NULL, options = list()) {
    module <- .start()
    arguments <- c(list(...), options)
    if (!is.null(say))
        arguments["say"] <- list(.callback(function(text) say(.in_r(text))))
    if (!is.null(progress))
        arguments["progress"] <- list(.callback(progress))
    if (what %in% c("take", "give", "restore"))
        .guard()
    outcome <- do.call(module[[what]], arguments)
    for (text in unlist(outcome$warnings))
        warning(.in_r(text), call. = FALSE)
    if (outcome$ok)
        return(outcome$value)
    left <- .bridge$left
    .bridge$left <- NULL
    if (inherits(left, "error"))
        stop(left)
    if (outcome$kind == "interrupt" || !is.null(left))
        .interrupt()
    .bridge$traceback <- outcome$traceback
    .stop(.in_r(outcome$message), class = paste0("itclust_", outcome$type))
}

# "take" and "give" use rpy2, which lets go of Python's lock while R runs. If R
# then collects garbage, reticulate before 1.41 finalises its Python objects
# without the lock and the process aborts. So nothing may be left to finalise:
# collect now, in the function that calls, after its arguments have been forced.
.guard <- function() {
    if (.bridge$guarded)
        gc(verbose = FALSE)
    invisible()
}

# As Ctrl-C does: interrupt handlers first, then the top level. A script stops.
.interrupt <- function() {
    condition <- structure(class = c("interrupt", "condition"),
        list(message = "interrupted", call = NULL))
    signalCondition(condition)
    if (!interactive())
        .stop("Interrupted.", class = "itclust_interrupt")
    invokeRestart("abort")
}

# An R function for Python to call. No R condition may pass through Python,
# whose frames a jump would skip: on.exit() stops all of them here, also that of
# a handler further up. `.bridge$left` keeps the error, or "interrupt", that
# ends the run and that .python() takes up again.
.callback <- function(f) {
    function(...) {
        .bridge$left <- "interrupt"
        on.exit(if (!is.null(.bridge$left)) return("interrupt"))
        tryCatch({
            f(...)
            .bridge$left <- NULL
        }, error = function(e) .bridge$left <- e)
        "go on"
    }
}

# `.bridge` and Python share `object` for a moment; afterwards Python has a
# copy and R nothing.
.hand_over <- function(name, object, file = NULL) {
    .bridge[[name]] <- object
    rm(object)
    .quietly(.python("take", name, file))
    rm(list = name, envir = .bridge)
}

# Values are read here, one source after the other: of those on disk that
# Python does not read itself, `genes` only, where there are some.
.hand_over_sources <- function(sources, genes = NULL, kind = "auto") {
    labels <- names(sources)
    if (is.null(labels) || anyDuplicated(labels))
        labels <- as.character(seq_along(sources))
    for (i in seq_along(sources))
        .hand_over_values(paste0("source ", labels[i]), sources[[i]]$values,
            "source", kind, label = sources[[i]]$label,
            batch = sources[[i]]$batch, more = sources[[i]]$tree,
            genes = genes)
}

.take_back <- function(types = NULL) {
    .quietly(.python("give"))
    answer <- .bridge$answer
    rm("answer", envir = .bridge)
    answer$cells <- as.list(answer$cells)
    if (!is.null(answer$run$groups))
        answer$run$groups[] <- lapply(answer$run$groups, function(x)
            if (is.factor(x)) as.character(x) else x)
    if (is.null(types)) answer else .name_columns(answer, types)
}

# Names of columns as R users meet them. HDF5 keeps "/" for itself, so that
# Python writes "|" in its place: here types have their true names. Clusters are
# "cluster_0", ...: numbers alone break Seurat::as.Seurat().
.name_columns <- function(answer, types) {
    matrices <- answer$matrices
    found <- colnames(matrices$type_probabilities)
    true <- types[match(found, gsub("/", "|", types, fixed = TRUE))]
    exact <- found %in% types
    colnames(matrices$type_probabilities) <- ifelse(exact | is.na(true), found,
        true)
    colnames(matrices$probabilities) <- paste0("cluster_",
        colnames(matrices$probabilities))
    answer$matrices <- matrices
    answer
}

# rpy2 loads R packages the first time, and R warns of empty libraries then,
# past any handler.
.quietly <- function(call) {
    old <- options(warn = -1)
    on.exit(options(old))
    call
}

# After a run, whether it went well or not: nothing of the user's stays.
.clear <- function() {
    here <- grep("^(source .*|target|answer|arrays)$", ls(.bridge), value = TRUE)
    rm(list = here, envir = .bridge)
    if (!is.null(.bridge$module) && identical(.bridge$pid, Sys.getpid()))
        .bridge$module$forget()
    invisible()
}

# Starting ---------------------------------------------------------------------

.start <- function() {
    .check_fork()
    if (!is.null(.bridge$module))
        return(.bridge$module)
    running <- reticulate::py_available(initialize = FALSE)
    if (!running)
        .choose_python()
    .initialise()
    .check_modules()
    module <- reticulate::import_from_path("itclust.rbridge",
        path = .python_path())
    .check_version(module)
    .bridge$guarded <- packageVersion("reticulate") < "1.41"
    .bridge$pid <- Sys.getpid()
    .bridge$module <- module
}

.python_path <- function() {
    system.file("python", package = "ItClust", mustWork = TRUE)
}

# A forked worker inherits Python's locks, but not the threads that hold them.
.check_fork <- function() {
    here <- Sys.getpid()
    started <- if (!is.null(.bridge$pid))
        .bridge$pid
    else if (reticulate::py_available(initialize = FALSE))
        .bridge$loaded
    else
        here
    if (started != here)
        .stop("Python was started in process ", started, ", and this is ",
            "a forked worker of it (", here, "), where it would hang. Use ",
            "workers that start afresh: BiocParallel::SnowParam() or ",
            "parallel::makePSOCKcluster().", class = "itclust_fork")
}

# First that applies: RETICULATE_PYTHON or the user's own use_python(), the
# virtualenv that installItClust() made, what reticulate can fetch by itself.
.choose_python <- function() {
    .drop_empty()
    if (nzchar(Sys.getenv("RETICULATE_PYTHON")) || .user_chose())
        return("chosen")
    if (reticulate::virtualenv_exists(.ENVIRONMENT)) {
        reticulate::use_virtualenv(.ENVIRONMENT, required = TRUE)
        return("virtualenv")
    }
    if (!.fetches())
        .stop(.no_python("No Python has been set up for ItClust."))
    declare <- getExportedValue("reticulate", "py_require")
    declare(.requirements())
    "py_require"
}

# Set but empty, the variable makes reticulate fail.
.drop_empty <- function() {
    if (!nzchar(Sys.getenv("RETICULATE_PYTHON", "unset")))
        Sys.unsetenv("RETICULATE_PYTHON")
}

.user_chose <- function() {
    nzchar(Sys.getenv("RETICULATE_PYTHON_ENV")) ||
        isTRUE(nzchar(.discovered()$forced))
}

# What reticulate would take; NULL where it stumbles over a broken virtualenv. It
# warns of any pyproject.toml that it meets, and offers to install miniconda,
# which is not what anybody asked for here.
.discovered <- function() {
    withr::local_envvar(RETICULATE_MINICONDA_ENABLED = "FALSE")
    tryCatch(suppressWarnings(reticulate::py_discover_config()),
        error = function(e) NULL)
}

.initialise <- function() {
    tryCatch(reticulate::py_config(), error = function(e)
        .stop(.no_python(paste0("Python could not be started (",
            conditionMessage(e), ").")), class = "itclust_python"))
}

.check_modules <- function() {
    find <- reticulate::import("importlib.util")$find_spec
    there <- vapply(.MODULES, function(m) !is.null(find(m)), logical(1))
    if (!all(there))
        .stop(.no_python(paste0("The Python in use, ",
            reticulate::py_config()$python, ", lacks: ",
            paste(.MODULES[!there], collapse = ", "), ".")),
            class = "itclust_python")
}

.check_version <- function(module) {
    python <- module$version()$value
    ours <- .bundled_version()
    if (python != ours)
        .stop("The Python package itclust ", python, " was loaded before, ",
            "and this is ItClust for R with itclust ", ours, ". Restart R and ",
            "call ItClust() first.", class = "itclust_python")
}

# Version of the Python source that this package carries.
.bundled_version <- function() {
    lines <- readLines(file.path(.python_path(), "itclust", "__init__.py"))
    line <- grep("^__version__ *=", lines, value = TRUE)
    sub("^__version__ *= *[\"']([^\"']*)[\"'].*", "\\1", line[1L])
}

.no_python <- function(text) {
    paste(text, "Run ItClust::installItClust() once and restart R, or set",
        "the environment variable RETICULATE_PYTHON to a Python that has",
        "itclust's packages.")
}
