.ENVIRONMENT <- "r-itclust"

# What itclust imports, by module name, and by name for pip.
.MODULES <- c("tensorflow", "keras", "anndata", "scanpy", "igraph", "sklearn",
    "rpy2", "anndata2ri")

#' Set up Python for ItClust
#'
#' Makes the virtualenv `r-itclust`, which ItClust then finds by itself, with
#' the versions of the Python packages that this version was tested with. Needs
#' Python 3.11 or later, the network, about 2.5 GB of disk, and a few minutes;
#' is done once. The Python source of ItClust itself comes with the R package.
#'
#' rpy2 is compiled against the R that runs, and chosen by its version:
#' rpy2-rinterface 3.6.6 and later do not load before R 4.5.
#'
#' @param envname Name or path of the virtualenv.
#' @param python Python to make it with; `NULL` takes the newest `python3` on
#'   the PATH.
#' @param dry.run Whether to return the commands instead of running them.
#' @return The path of the virtualenv, invisibly; with `dry.run`, the commands,
#'   as a list of character vectors.
#' @examples
#' installItClust(python = "python3", dry.run = TRUE)
#' @export
installItClust <- function(envname = "r-itclust", python = NULL,
    dry.run = FALSE) {
    fine <- is.character(envname) && length(envname) == 1L && !is.na(envname) &&
        nzchar(trimws(envname))
    if (!fine)
        .stop("'envname' must be the name or the path of a virtualenv. ",
            "Received: ", .show(envname), ".")
    path <- if (grepl("[/\\\\]", envname)) path.expand(envname)
        else file.path(.environments(), envname)
    commands <- .install_commands(path, .system_python(python))
    if (dry.run)
        return(commands)
    if (reticulate::py_available(initialize = FALSE))
        .stop("Python is running in this session. Restart R, and call ",
            "installItClust() first.")
    for (step in names(commands)) {
        message(step, " ...")
        .run(commands[[step]])
    }
    message("Done. ItClust finds ", path,
        if (envname == .ENVIRONMENT) " by itself: " else
            paste0(" where RETICULATE_PYTHON is ", .python_in(path), ": "),
        "call ItClust().")
    invisible(path)
}

.environments <- function() {
    path.expand(Sys.getenv("WORKON_HOME", "~/.virtualenvs"))
}

.python_in <- function(path) {
    file.path(path, if (.Platform$OS.type == "windows") "Scripts" else "bin",
        "python")
}

.install_commands <- function(path, python) {
    inside <- .python_in(path)
    pip <- c(inside, "-m", "pip", "install", "--disable-pip-version-check")
    list(
        "Making the virtualenv" = c(python, "-m", "venv", path),
        "Updating pip" = c(pip, "--quiet", "--upgrade", "pip"),
        "Installing Python packages (minutes)" = c(pip, .requirements()))
}

# Lines for pip: what is locked, and rpy2 as this R needs it.
.requirements <- function(r = getRversion()) {
    file <- system.file("requirements.txt", package = "ItClust",
        mustWork = TRUE)
    lines <- trimws(sub("(^|\\s)#.*$", "", readLines(file)))
    c(lines[nzchar(lines)], .rpy2_for(r))
}

.rpy2_for <- function(r) {
    if (r >= "4.5")
        c("rpy2>=3.6.6,<3.7", "anndata2ri==2.0.1")
    else
        c("rpy2==3.6.6", "rpy2-rinterface==3.6.5", "rpy2-robjects==3.6.6",
            "anndata2ri==2.0.1")
}

.system_python <- function(python) {
    if (!is.null(python))
        return(python)
    names <- c("python3.13", "python3.12", "python3.11", "python3", "python")
    found <- Sys.which(names)
    for (candidate in found[nzchar(found)])
        if (.python_version(candidate) >= "3.11")
            return(unname(candidate))
    .stop("No Python 3.11 or later is on the PATH. Install one, or pass ",
        "python= with its path.", class = "itclust_python")
}

.python_version <- function(python) {
    code <- "import sys; print('%d.%d.%d' % sys.version_info[:3])"
    version <- tryCatch(
        numeric_version(.child(python, c("-c", shQuote(code)))),
        error = function(e) NULL)
    if (length(version) == 1L) version else numeric_version("0")
}

# A child Python must not load the libraries that R was started with.
.child <- function(command, args) {
    withr::local_envvar(LD_LIBRARY_PATH = NA)
    suppressWarnings(system2(command, args, stdout = TRUE, stderr = FALSE))
}

# Runs a command, passing its lines on as messages.
.run <- function(command) {
    withr::local_envvar(LD_LIBRARY_PATH = NA)
    withr::local_path(R.home("bin"))
    output <- pipe(paste(c(shQuote(command), "2>&1"), collapse = " "), "r")
    lines <- character()
    while (length(line <- readLines(output, 1L))) {
        lines <- c(lines, line)
        message("  ", substr(line, 1L, 110L))
    }
    if (!identical(status <- close(output), 0L) && !is.null(status))
        .stop("The command failed (", status, "): ",
            paste(command, collapse = " "), "\n",
            paste(utils::tail(lines, 5L), collapse = "\n"),
            class = "itclust_python")
}

#' What ItClust runs on
#'
#' For bug reports, and for code that must know whether Python is set up.
#' Python is not started for it: a separate process is asked for its versions.
#'
#' @return A list of class `ItClustInfo`: `ready`, whether [ItClust()] can run:
#'   every Python package is there, or reticulate (1.41 or later) fetches them
#'   at the first call with the `uv` that it finds here; `python`, the Python
#'   that is or would be used (`NA`: none yet); `source`, how it was found
#'   (`"py_require"`: reticulate fetches it); `versions`, of R, reticulate,
#'   ItClust and the Python packages; `missing`, Python packages that are not
#'   there.
#' @examples
#' itclustInfo()
#' @export
itclustInfo <- function() {
    found <- .find_python()
    fetched <- found$source == "py_require" && .has_uv()
    versions <- .module_versions(found$python)
    r <- vapply(c("ItClust", "reticulate", "SingleCellExperiment"),
        function(p) as.character(packageVersion(p)), "")
    missing <- if (fetched) character() else setdiff(.MODULES, names(versions))
    structure(class = "ItClustInfo", list(
        ready = !length(missing), python = found$python, source = found$source,
        platform = R.version$platform,
        versions = c(R = as.character(getRversion()), r, versions),
        missing = missing))
}

#' @method print ItClustInfo
#' @export
print.ItClustInfo <- function(x, ...) {
    cat("ItClust is ", if (x$ready) "ready" else "not ready", "\n",
        "platform: ", x$platform, "\n",
        "python:   ", if (x$source == "py_require")
            "fetched by reticulate at the first call" else x$python, " (",
        x$source, ")\n", sep = "")
    cat(sprintf("%-21s %s\n", names(x$versions), x$versions), sep = "")
    if (!x$ready && x$source == "py_require")
        cat("The first call downloads uv, and with it Python and its packages;",
            "\ninstallItClust() installs them now.\n", sep = "")
    else if (!x$ready)
        cat("missing:  ", paste(x$missing, collapse = ", "), "\n",
            .no_python(""), "\n", sep = "")
    invisible(x)
}

.find_python <- function() {
    .drop_empty()
    chosen <- Sys.getenv("RETICULATE_PYTHON")
    if (reticulate::py_available(initialize = FALSE))
        list(python = reticulate::py_config()$python, source = "running")
    else if (nzchar(chosen))
        list(python = chosen, source = "RETICULATE_PYTHON")
    else if (.user_chose())
        list(python = .discovered()$python,
            source = "chosen through reticulate")
    else if (reticulate::virtualenv_exists(.ENVIRONMENT))
        list(python = reticulate::virtualenv_python(.ENVIRONMENT),
            source = "virtualenv r-itclust")
    else if (.fetches())
        list(python = NA_character_, source = "py_require")
    else
        list(python = NA_character_, source = "none set up")
}

# Whether reticulate itself fetches what is missing, at the first call.
.fetches <- function(version = packageVersion("reticulate")) {
    version >= "1.41"
}

# It does so with uv, which it downloads where there is none.
.has_uv <- function() {
    !nzchar(Sys.getenv("UV_OFFLINE")) && (nzchar(Sys.which("uv")) ||
        nzchar(Sys.getenv("RETICULATE_UV")))
}

# Versions of those of .MODULES that `python` has, without importing them.
.module_versions <- function(python) {
    if (is.na(python))
        return(character())
    code <- paste0("import importlib.metadata as m, importlib.util as u, sys\n",
        "d = m.packages_distributions()\n",
        "print('python', sys.version.split()[0])\n",
        "for n in sys.argv[1:]:\n",
        "    if u.find_spec(n):\n",
        "        try: print(n, m.version(n))\n",
        "        except m.PackageNotFoundError: print(n, m.version(d[n][0]))")
    out <- tryCatch(.child(python, c("-c", shQuote(code), .MODULES)),
        error = function(e) character())
    parts <- strsplit(out, " ", fixed = TRUE)
    setNames(vapply(parts, `[`, "", 2L), vapply(parts, `[`, "", 1L))
}
