#' @rdname ItClust
#' @aliases ItClust,ANY,ANY-method
#' @export
setMethod("ItClust", c("ANY", "ANY"), function(source, target, labels = NULL,
    assay.type = NULL, assay.type.source = assay.type, assay = NULL,
    batch.key = NULL, values = "auto", preset = "default",
    key.added = "itclust", seed = 0L, verbose = interactive(), ...) {
    .check_key(key.added)
    say <- .sayer(verbose)
    .check_batch_key(batch.key, source = source, target = target)
    sources <- .sources(source, labels, assay.type.source, assay, say,
        batch.key)
    to <- .input(target, "target", assay.type, assay, say)
    options <- c(
        list(preset = preset, key_added = key.added, values = values,
            random_state = .seed(seed)),
        .settings(list(...), preset))
    on.exit(.clear(), add = TRUE)
    .hand_over_sources(sources)
    .hand_over("target", .package(to, batch = .batch(target, batch.key)))
    rm(sources, to)
    .python("transfer", "label", say = say, progress = .progress(verbose),
        options = c(options, .batch_option(batch.key)))
    .output(target, .take_back(), key.added)
})

# The arguments of ItClust(), for the check of what arrives in `...`.
.own_arguments <- c("labels", "assay.type", "assay.type.source", "assay",
    "batch.key", "values", "preset", "key.added", "seed", "verbose")

.batch_option <- function(batch.key) {
    if (!is.null(batch.key))
        list(batch_key = "batch")
}

.check_key <- function(key) {
    fine <- is.character(key) && length(key) == 1L && !is.na(key) &&
        grepl("^[A-Za-z][A-Za-z0-9._]*$", key)
    if (!fine)
        .stop("'key.added' must be one name of letters, digits, '.' and '_' ",
            "that begins with a letter. Received: ", .show(key), ".")
}

.seed <- function(seed) {
    if (is.null(seed))
        return(sample.int(.Machine$integer.max, 1L))
    fine <- is.numeric(seed) && length(seed) == 1L && !is.na(seed) &&
        seed >= 0 && seed <= .Machine$integer.max && seed == round(seed)
    if (!fine)
        .stop("'seed' must be one whole number from 0 to ",
            .Machine$integer.max, ", or NULL. Received: ", .show(seed), ".")
    as.integer(seed)
}

# Settings for Python from `...`: names with "_", whole numbers as integers.
.settings <- function(dots, preset, own = .own_arguments) {
    if (!length(dots))
        return(list())
    if (is.null(names(dots)) || any(!nzchar(names(dots))))
        .stop("Arguments after the first two must be named. The ",
            "arguments of ItClust() are: ", .quoted(own), ".")
    known <- unlist(.python("arguments", preset))
    renamed <- c(labels_key = "labels", layer = "assay.type",
        random_state = "seed", batch_key = "batch.key",
        key_added = "key.added", progress = "verbose")
    given <- gsub(".", "_", names(dots), fixed = TRUE)
    for (i in which(!given %in% known)) {
        name <- names(dots)[i]
        if (given[i] %in% names(renamed))
            .stop("'", name, "' is called '", renamed[[given[i]]], "' in R.")
        offered <- c(own, gsub("_", ".", known, fixed = TRUE))
        .stop("'", name, "' is not an argument of ItClust(); did you mean '",
            .nearest(name, offered), "'?")
    }
    setNames(lapply(dots, .to_python), given)
}

# R has doubles where Python wants integers, vectors where it wants lists.
.to_python <- function(value) {
    whole <- is.double(value) && all(is.finite(value)) &&
        all(abs(value) <= .Machine$integer.max) && all(value == round(value))
    if (whole)
        value <- as.integer(value)
    if (length(value) > 1L) as.list(unname(value)) else value
}

.nearest <- function(name, offered) {
    offered[which.min(adist(tolower(name), tolower(offered)))]
}

# Conditions ---------------------------------------------------------------

.stop <- function(..., class = NULL) {
    stop(errorCondition(paste0(...), class = c(class, "itclust_error"),
        call = NULL))
}

.quoted <- function(x, most = 20L) {
    more <- if (length(x) > most) paste(", and", length(x) - most, "more")
    paste0(paste0("'", head(x, most), "'", collapse = ", "), more)
}

# A value in an error message: short, whatever it is.
.show <- function(x) {
    if (is.null(x))
        return("NULL")
    if (is.atomic(x) && length(x) == 1L && is.null(attributes(x)))
        return(encodeString(as.character(x), quote =
            if (is.character(x)) "\"" else ""))
    paste0("an object of class '", class(x)[1L], "', length ", length(x))
}

.sayer <- function(verbose) {
    if (!isTRUE(verbose) && !isFALSE(verbose))
        .stop("'verbose' must be TRUE or FALSE. Received: ", .show(verbose),
            ".")
    if (verbose) function(text) message(text) else function(text) NULL
}

# A function of stage, fraction and text that reports a new stage, and then
# every few seconds how far it is. Messages: suppressMessages() and knitr see
# them.
.progress <- function(verbose, every = 3) {
    if (!verbose)
        return(NULL)
    last <- list(stage = "", time = -Inf)
    function(stage, fraction, text = "") {
        now <- proc.time()[["elapsed"]]
        if (stage != last$stage || now - last$time >= every || fraction >= 1) {
            last <<- list(stage = stage, time = now)
            message(sprintf("%3.0f%%  %s", 100 * fraction,
                if (nzchar(text)) paste0(stage, ": ", text) else stage))
        }
        invisible()
    }
}
