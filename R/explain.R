#' Why a cluster has its label
#'
#' `explainItClust()` names, for each cluster, the genes that carry its label,
#' those that the source's type has and the cluster lacks, and those that the
#' cluster has beyond. `reportItClust()` writes one HTML page about a run, with
#' figures, what to look at, and these genes where it is given the source; it
#' needs no network to be read.
#'
#' A cluster's contrast is its mean log profile minus that of the clusters with
#' another label; a type's contrast is the same among the source's types. Each is
#' taken within one dataset, so that a shift between the datasets cancels. Their
#' cosine is the `agreement`, and each gene's `support` is its share in it.
#'
#' @inheritParams ItClust
#' @param source The labelled dataset that the run was made with, or the list of
#'   them. `reportItClust()`: `NULL` leaves out what needs it.
#' @param target The dataset that [ItClust()] annotated, with its genes.
#' @param key.added Name under which [ItClust()] stored its results.
#' @param n.genes Genes of each kind at most.
#' @param path File to write.
#' @param overwrite Whether an existing file is replaced.
#' @return `explainItClust()`: a [DataFrame][S4Vectors::DataFrame] with a row a
#'   cluster and gene: `cluster`, `label`, `compared_with` (the source type that
#'   the row speaks of: the label, or for a novel cluster the nearest type),
#'   `agreement`, `runner_up`, `agreement_runner_up`, `gene`, `kind`
#'   (`"carries"`, `"missing"` or `"unexpected"`), `support`,
#'   `support_runner_up`, `target_log2_fold`, `source_log2_fold`, `target_rate`
#'   and `source_rate` (shares of cells with a count), and `pvalue_adj` (of
#'   Welch's t test of the cluster against all other cells of the target,
#'   Benjamini-Hochberg).
#'
#'   `reportItClust()`: `path`, invisibly.
#' @examples
#' data <- mockItClustData(seed = 1)
#' if (itclustInfo()$ready) {
#'     annotated <- ItClust(data$source, data$target)
#'     why <- explainItClust(data$source, annotated, n.genes = 3)
#'     why[why$cluster == "0", c("label", "gene", "kind", "support")]
#'
#'     page <- tempfile(fileext = ".html")
#'     reportItClust(annotated, page, source = data$source)
#' }
#'
#' # Without Python: such a table for 350 blood cells, from a file.
#' why <- readRDS(system.file("extdata", "explained.rds", package = "ItClust"))
#' why[why$cluster == "0", c("label", "gene", "kind", "support")]
#' @export
explainItClust <- function(source, target, labels = NULL, assay.type = NULL,
    assay.type.source = assay.type, assay = NULL, altexp = NULL,
    gene.column = NULL, values = "auto", key.added = "itclust", n.genes = 10L,
    verbose = interactive()) {
    options <- .hand_over_run(source, target, labels, assay.type,
        assay.type.source, assay, altexp, gene.column, values, key.added,
        verbose)
    on.exit(.clear(), add = TRUE)
    .python("explain", "label", say = .sayer(verbose),
        options = c(options, n_genes = .to_python(n.genes)))
    .quietly(.python("give"))
    DataFrame(.bridge$answer$table, check.names = FALSE)
}

#' @rdname explainItClust
#' @export
reportItClust <- function(target, path, source = NULL, labels = NULL,
    assay.type = NULL, assay.type.source = assay.type, assay = NULL,
    altexp = NULL, gene.column = NULL, values = "auto",
    key.added = "itclust", overwrite = FALSE, verbose = interactive()) {
    .check_free(path, overwrite)
    options <- .hand_over_run(source, target, labels, assay.type,
        assay.type.source, assay, altexp, gene.column, values, key.added,
        verbose)
    on.exit(.clear(), add = TRUE)
    .python("report", path.expand(path), "label", say = .sayer(verbose),
        options = options)
    invisible(path)
}

# An annotated target with its results, and its source, where there is one, to
# Python; the options that Python's functions share.
.hand_over_run <- function(source, target, labels, assay.type,
    assay.type.source, assay, altexp, gene.column, values, key, verbose) {
    say <- .sayer(verbose)
    .check_annotated(target, key)
    datasets <- list(target = target)
    if (!is.null(source))
        datasets <- list(source = source, target = target)
    do.call(.check_places, c(list(gene.column, altexp, assay), datasets))
    values <- .kinds(values, 2L)
    if (!is.null(source))
        .hand_over_sources(.sources(source, labels, assay.type.source, assay,
            say, NULL, gene.column, altexp), kind = values[[1L]])
    to <- .read(.located(target, "target", assay.type, assay, say, gene.column,
        altexp), "target", values[[2L]])
    .hand_over("target", .package(to, more = .results_of(target, key)))
    .restore(target, key)
    list(key = key, values = if (is.null(source)) values[[2L]] else values)
}

.check_annotated <- function(x, key) {
    .check_target(x)
    .check_size(x, "target")
    .check_sound(target = x)
    .results_of(x, key)
    if (is.null(.record(x, key)$clusters))
        .stop("'target' has no table of clusters under '", key, "': a ",
            "conversion to another class loses it. Pass the object that ",
            "ItClust() returned.")
}

# Matrices and the record of the run, back to where Python looks for them.
.restore <- function(x, key) {
    run <- .record(x, key)
    kinds <- c("embedding", "probabilities", "type_probabilities")
    arrays <- lapply(setNames(kinds, kinds), function(kind)
        .matrix_of(x, kind, key))
    run$types <- as.list(colnames(arrays$type_probabilities))
    arrays$umap <- .umap_of(x)
    arrays$centroids <- run$history$centroids
    run$history$centroids <- NULL
    .bridge$arrays <- lapply(arrays, function(array) {
        storage.mode(array) <- "double"
        array
    })
    on.exit(rm("arrays", envir = .bridge))
    run$cluster_names <- as.list(rownames(run$clusters))
    run$clusters <- lapply(as.list(run$clusters), function(x)
        as.list(if (is.factor(x)) as.character(x) else x))
    run$groups <- NULL
    run$reliability <- lapply(as.list(run$reliability), as.list)
    run$genes <- as.list(run$genes)
    run$history <- lapply(run$history, as.list)
    run$params <- lapply(run$params, function(x)
        if (length(x) == 1L) x else as.list(x))
    .quietly(.python("restore", key, run))
}

.umap_of <- function(x) {
    present <- .reductions_of(x)
    if ("umap" %in% tolower(present))
        unname(.layout_of(x, present[match("umap", tolower(present))]))
}
