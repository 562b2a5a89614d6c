#' @rdname ItClust
#' @aliases ItClust,ANY,ANY-method
#' @export
setMethod("ItClust", c("ANY", "ANY"), function(source, target, labels = NULL,
    assay.type = NULL, assay.type.source = assay.type, assay = NULL,
    altexp = NULL, gene.column = NULL, batch.key = NULL, clusters = NULL,
    tree = NULL, values = "auto", preset = "default", key.added = "itclust", seed = 0L,
    verbose = interactive(), ...) {
    .check_preset(preset)
    .check_target(target)
    .check_sound(source = source, target = target)
    .check_key(key.added, target)
    say <- .sayer(verbose)
    .check_batch_key(batch.key, source = source, target = target)
    .check_places(gene.column, altexp, assay, source = source, target = target)
    clusters <- .user_clusters(target, clusters)
    batch <- .batch(target, batch.key)
    values <- .kinds(values, 2L)
    tree <- .tree(tree, source)
    sources <- .with_tree(.sources(source, labels, assay.type.source, assay,
        say, batch.key, gene.column, altexp), tree)
    to <- .located(target, "target", assay.type, assay, say, gene.column,
        altexp)
    options <- c(
        list(preset = preset, key_added = key.added, values = values,
            random_state = .seed(seed)),
        .settings(list(...), preset), .batch_option(batch.key),
        .clusters_option(clusters), .tree_option(tree))
    on.exit(.clear(), add = TRUE)
    .hand_over_sources(sources, if (preset != "paper") rownames(to),
        values[[1L]])
    .hand_over_values("target", to, "target", values[[2L]],
        batch = batch, clusters = clusters)
    types <- .types_of(sources)
    rm(sources, to)
    .python("transfer", "label", say = say, progress = .progress(verbose),
        options = options)
    .output(target, .take_back(types), key.added)
})

# The arguments of ItClust(), for the check of what arrives in `...`.
.own_arguments <- c("labels", "assay.type", "assay.type.source", "assay",
    "altexp", "gene.column", "batch.key", "clusters", "tree", "values",
    "preset", "key.added", "seed", "verbose")

.batch_option <- function(batch.key) {
    if (!is.null(batch.key))
        list(batch_key = "batch")
}

.clusters_option <- function(clusters) {
    if (!is.null(clusters))
        list(clusters_key = "clusters")
}

# One name; and where something has that name already, ItClust must have
# written it.
.check_key <- function(key, target = NULL) {
    fine <- is.character(key) && length(key) == 1L && !is.na(key) &&
        grepl("^[A-Za-z][A-Za-z0-9._]*$", key)
    if (!fine)
        .stop("'key.added' must be one name of letters, digits, '.' and '_' ",
            "that begins with a letter. Received: ", .show(key), ".")
    taken <- if (!.is_ours(target, key)) .taken(target, key)
    if (length(taken))
        .stop("key.added = \"", key, "\" would overwrite what is in 'target' ",
            "under ", .quoted(taken), " and is not from ItClust(). Pass ",
            "another key.added=.")
}

# Names that ItClust() would write and that the object has, its own record
# among them.
.taken <- function(target, key) {
    kinds <- c("embedding", "probabilities", "type_probabilities")
    columns <- c(.result_columns(key), .level_columns(key), .group_columns(key))
    columns <- columns[columns %in% colnames(.cell_table(target))]
    sce <- is(target, "SingleCellExperiment")
    matrices <- vapply(kinds, .matrix_name, "", key = key,
        embedding = if (sce) key else paste0("X_", key))
    present <- if (sce) reducedDimNames(target)
        else if (inherits(target, "Seurat")) names(target)
        else colnames(.cell_table(target))
    if (inherits(target, "Seurat")) # columns and reductions share their names
        matrices <- c(matrices, key)
    record <- if (!is.null(.record(target, key))) key
    unique(c(columns, matrices[matrices %in% present], record))
}

.result_columns <- function(key) {
    paste0(key, c("", "_cluster", "_confidence", "_novelty", "_initial"))
}

# Beside these, in results of today.
.level_columns <- function(key) paste0(key, c("_level", "_set"))

# What the first ones are called without the key.
.parts <- c("label", "cluster", "confidence", "novelty", "initial")

# Where the clusters are the user's own.
.group_columns <- function(key) paste0(key, c("_group", "_group_confidence"))

# Either the record of a run is there, or all of its columns: conversions keep
# these, and lose the record.
.is_ours <- function(target, key) {
    record <- .record(target, key)
    is.list(record) && all(c("clusters", "version") %in% names(record)) ||
        all(.result_columns(key) %in% colnames(.cell_table(target)))
}

# What a run left of itself beside the cells: clusters, parameters, history.
.record <- function(x, key) {
    if (inherits(x, "Seurat"))
        SeuratObject::Misc(x)[[key]]
    else if (is(x, "Annotated"))
        metadata(x)[[key]]
}

.check_preset <- function(preset) {
    if (!is.character(preset) || length(preset) != 1L || is.na(preset))
        .stop("'preset' must be one name, \"default\" or \"paper\". Received: ",
            .show(preset), ".")
}

# A list is several targets, which one model annotates.
.check_target <- function(target) {
    if (is.list(target) && !is.data.frame(target))
        .stop("'target' is a list. For several targets, train once: model <- ",
            "trainItClust(source); transferItClust(model, target).")
}

# What the values of source and target are, a list of `n`.
.kinds <- function(values, n) {
    kinds <- c("auto", "counts", "linear", "log")
    given <- if (n > 1L && length(values) == n) as.list(values)
        else rep(list(values), n)
    fine <- vapply(given, function(x) is.character(x) && length(x) == 1L &&
        x %in% kinds, logical(1))
    if (!all(fine))
        .stop("'values' must be one of ", .quoted(kinds), if (n > 1L)
            ", or a list of two of them, for source and target",
            ". Received: ", .show(values), ".")
    given
}

# Values that are declared to be logarithms must be able to be some.
.check_log <- function(x, what, values) {
    highest <- if (values == "log") max(x@x, 0) else 0
    if (is.finite(highest) && highest > 25)
        .stop("values = \"log\", but the values of '", what, "' go up to ",
            format(highest, digits = 4L), ": a logarithm of a count does not ",
            "exceed 25. Pass values = \"counts\" or \"linear\", or leave it ",
            "out.")
}

# Values in memory, checked against what they are declared to be.
.read <- function(values, what, kind) {
    values <- .legible(.as_dgCMatrix(values, what), what)
    .check_log(values, what, kind)
    values
}

# Types of one source or several, as Python sorts them: by code point.
.types_of <- function(sources) {
    found <- unlist(lapply(sources, function(x) levels(x$label)))
    sort(unique(found), method = "radix")
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
    given <- gsub(".", "_", names(dots), fixed = TRUE)
    for (i in which(!given %in% known)) {
        name <- names(dots)[i]
        if (given[i] %in% names(.ARGUMENTS))
            .stop("'", name, "' is called '", .ARGUMENTS[[given[i]]], "' in R.")
        offered <- c(own, gsub("_", ".", known, fixed = TRUE))
        .stop("'", name, "' is not an argument of ItClust(); did you mean '",
            .nearest(name, offered), "'?")
    }
    Map(.check_given, names(dots), dots)
    settings <- setNames(lapply(dots, .to_python), given)
    .python("arguments", preset, settings) # refuses what is out of range
    settings
}

.check_given <- function(name, value) {
    if (length(value) == 1L && is.atomic(value) && is.na(value))
        .stop("'", name, "' is NA; leave it out, or pass a value.")
    if (!is.atomic(value))
        .stop("'", name, "' must be a number, text, TRUE or FALSE, or several ",
            "of them. Received: ", .show(value), ".")
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
