#' A trained model
#'
#' Holds the saved model, byte for byte as its file, so that it survives
#' [saveRDS()] and new sessions, and what is worth knowing without Python.
#'
#' @slot data Content of the model file.
#' @slot types Cell types that the model knows.
#' @slot genes Genes that it uses.
#' @slot preset Preset that it was trained with.
#' @slot version Version of itclust that saved it.
#' @param object An `ItClustModel`.
#' @return `show()` prints a summary.
#' @seealso [trainItClust()], [loadItClust()]
#' @examples
#' readRDS(system.file("extdata", "model.rds", package = "ItClust"))
#' @export
setClass("ItClustModel", slots = c(data = "raw", types = "character",
    genes = "character", preset = "character", version = "character"))

setValidity("ItClustModel", function(object) {
    if (!length(object@data))
        return("the model is empty: train it, or read it with loadItClust()")
    TRUE
})

#' @describeIn ItClustModel-class Prints types, genes and size.
#' @export
setMethod("show", "ItClustModel", function(object) {
    cat("ItClust model (", object@preset, " preset, itclust ", object@version,
        ", ", format(structure(length(object@data), class = "object_size"),
            units = "auto"), ")\n",
        .wrapped(length(object@types), " types: ", .quoted(object@types, 8L)),
        .wrapped(length(object@genes), " genes: ", .quoted(object@genes, 5L)),
        sep = "")
})

# A line for show(), broken where the console ends.
.wrapped <- function(...) {
    paste0(paste(strwrap(paste0(...), exdent = 2L), collapse = "\n"), "\n")
}

#' @rdname trainItClust
#' @aliases trainItClust,ANY-method
#' @export
setMethod("trainItClust", "ANY", function(source, labels = NULL,
    assay.type = NULL, assay = NULL, altexp = NULL, gene.column = NULL,
    batch.key = NULL, tree = NULL, values = "auto", genes = NULL,
    preset = "default", seed = 0L, verbose = interactive(), ...) {
    .check_preset(preset)
    say <- .sayer(verbose)
    .check_sound(source = source)
    .check_batch_key(batch.key, source = source)
    .check_places(gene.column, altexp, assay, source = source)
    values <- .kinds(values, 1L)[[1L]]
    tree <- .tree(tree, source)
    sources <- .with_tree(.sources(source, labels, assay.type, assay, say,
        batch.key, gene.column, altexp), tree)
    options <- c(
        list(preset = preset, random_state = .seed(seed), values = values),
        if (!is.null(genes)) list(genes = as.list(as.character(genes))),
        .batch_option(batch.key), .tree_option(tree),
        .settings(list(...), preset))
    on.exit(.clear(), add = TRUE)
    .hand_over_sources(sources, kind = values)
    rm(sources)
    path <- tempfile(fileext = ".itclust")
    on.exit(unlink(path, recursive = TRUE), add = TRUE)
    about <- .python("train", path, "label", say = say,
        progress = .progress(verbose), options = options)
    .model(path, about)
})

#' @rdname trainItClust
#' @aliases transferItClust,ItClustModel,ANY-method
#' @export
setMethod("transferItClust", c("ItClustModel", "ANY"), function(model, target,
    assay.type = NULL, assay = NULL, altexp = NULL, gene.column = NULL,
    batch.key = NULL, clusters = NULL, values = "auto",
    key.added = "itclust", verbose = interactive()) {
    .check_sound(target = target)
    .check_key(key.added, target)
    say <- .sayer(verbose)
    validObject(model)
    .check_batch_key(batch.key, target = target)
    .check_places(gene.column, altexp, assay, target = target)
    values <- .kinds(values, 1L)[[1L]]
    clusters <- .user_clusters(target, clusters)
    to <- .located(target, "target", assay.type, assay, say, gene.column,
        altexp)
    on.exit(.clear(), add = TRUE)
    .hand_over_values("target", to, "target", values,
        batch = .batch(target, batch.key), clusters = clusters)
    rm(to)
    path <- .as_file(model)
    on.exit(unlink(path), add = TRUE)
    .python("apply", path, say = say, progress = .progress(verbose),
        options = c(list(key_added = key.added, values = values),
            .batch_option(batch.key), .clusters_option(clusters)))
    .output(target, .take_back(model@types), key.added)
})

#' @rdname trainItClust
#' @aliases transferItClust,ItClustModel,list-method
#' @export
setMethod("transferItClust", c("ItClustModel", "list"), function(model, target,
    ..., BPPARAM = NULL) {
    if (is.data.frame(target))
        .check_size(target, "target")
    if (!length(target))
        .stop("'target' is an empty list.")
    if (is.null(BPPARAM))
        return(lapply(target, function(x) transferItClust(model, x, ...)))
    if (!requireNamespace("BiocParallel", quietly = TRUE))
        .stop("BPPARAM= needs the package BiocParallel: ",
            "BiocManager::install(\"BiocParallel\").")
    BiocParallel::bplapply(target, .transfer_one, model = model, ...,
        BPPARAM = BPPARAM)
})

# What a worker runs; ItClust is found there by its name.
.transfer_one <- function(target, model, ...) {
    ItClust::transferItClust(model, target, ...)
}

#' @rdname trainItClust
#' @export
saveItClust <- function(model, path, overwrite = FALSE) {
    .check_model(model)
    .check_free(path, overwrite)
    part <- tempfile(".itclust-", tmpdir = dirname(path))
    on.exit(unlink(part))
    writeBin(model@data, part)
    if (!file.rename(part, path))
        .stop("'", path, "' could not be written.")
    invisible(path)
}

#' @rdname trainItClust
#' @export
loadItClust <- function(path) {
    .check_path(path)
    if (!file.exists(path) || dir.exists(path))
        .stop("There is no file '", path, "'.")
    .model(path, .python("describe", path.expand(path)))
}

.model <- function(path, about) {
    new("ItClustModel", data = readBin(path, "raw", file.size(path)),
        types = as.character(unlist(about$types)),
        genes = as.character(unlist(about$genes)),
        preset = about$preset, version = about$version)
}

.as_file <- function(model) {
    path <- tempfile(fileext = ".itclust")
    writeBin(model@data, path)
    path
}

.check_model <- function(model) {
    if (!is(model, "ItClustModel"))
        .stop("'model' must come from trainItClust() or loadItClust(). ",
            "Received: ", .show(model), ".")
    validObject(model)
}

# A file that may be written.
.check_free <- function(path, overwrite) {
    .check_path(path)
    if (file.exists(path) && !overwrite)
        .stop("'", path, "' exists. Pass overwrite = TRUE to replace it.")
    if (!dir.exists(dirname(path)))
        .stop("The folder '", dirname(path), "' does not exist.")
}

.check_path <- function(path) {
    if (!is.character(path) || length(path) != 1L || is.na(path))
        .stop("'path' must be the name of one file. Received: ", .show(path),
            ".")
}
