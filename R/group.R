#' Label clusters that you already have
#'
#' One label, one confidence and one novelty for each cluster of a clustering of
#' your own, from the evidence that [ItClust()] wrote for its cells. No Python
#' is needed, and nothing is trained again: `clusters = "leiden"` in the call of
#' [ItClust()] or [transferItClust()] does the same in one go.
#'
#' The label is the type, or `novel`, with the largest sum of probabilities over
#' the cluster's cells. The confidence is the share of the cluster's cells for
#' which that label is expected to be right: the mean over its cells of the
#' cell's own confidence where its label is this one, and of the type's
#' probability where it is not. The novelty is the mean novelty of its cells.
#' Cells without a label have no say.
#'
#' @param x An object that [ItClust()] returned.
#' @param clusters The clusters: the name of a column of the cells, or a vector
#'   with one value a cell.
#' @param key.added Name under which [ItClust()] stored its results.
#' @return A [DataFrame][S4Vectors::DataFrame] with a row a cluster, named by
#'   it: `label`, `confidence`, `novelty`, `n_cells`, `share` (of its cells that
#'   have this label by themselves) and `runner_up`.
#' @examples
#' annotated <- readRDS(system.file("extdata", "annotated.rds",
#'     package = "ItClust"))
#' mine <- kmeans(SingleCellExperiment::reducedDim(annotated, "UMAP"), 6)$cluster
#' groupItClust(annotated, mine)
#' @export
groupItClust <- function(x, clusters, key.added = "itclust") {
    cells <- .results_of(x, key.added)
    clusters <- .user_clusters(x, clusters)
    if (is.null(clusters))
        .stop("'clusters' must name a column of 'x', or hold one value a cell.")
    DataFrame(.groups(cells, .matrix_of(x, "type_probabilities", key.added),
        clusters), check.names = FALSE)
}

# The user's clusters as a factor, one value a cell; NULL where none are given.
.user_clusters <- function(x, clusters) {
    if (is.null(clusters))
        return(NULL)
    cells <- if (is(x, "DataFrame")) nrow(x) else ncol(x)
    if (is.character(clusters) && length(clusters) == 1L && cells != 1L)
        clusters <- .column(.results_table(x), clusters, "target", "clusters")
    if (length(clusters) != cells || !(is.atomic(clusters) ||
        is(clusters, "Rle") || is(clusters, "Factor")))
        .stop("'clusters' must name a column of target, or hold one value for ",
            "each of its ", cells, " cells. Received: ", .show(clusters), ".")
    clusters <- .as_levels(clusters)
    if (!nlevels(clusters))
        .stop("Every value of 'clusters' is missing or blank.")
    clusters
}

# One row a cluster. `cells` has label, confidence and novelty; `types` a column
# a source type, and `novel` last.
.groups <- function(cells, types, clusters) {
    counted <- !is.na(cells$label) & !is.na(clusters)
    n <- tabulate(clusters[counted], nlevels(clusters))
    sums <- rowsum(rbind(types[counted, , drop = FALSE],
        matrix(0, nlevels(clusters), ncol(types))),
        c(as.integer(clusters)[counted], seq_len(nlevels(clusters))))
    order <- apply(-sums, 1L, order)
    best <- order[1L, ]
    own <- .own_column(cells$label, colnames(types))
    belief <- types[cbind(seq_along(own), best[as.integer(clusters)])]
    agrees <- own == best[as.integer(clusters)]
    belief[which(agrees)] <- cells$confidence[which(agrees)]
    mean_of <- function(x) {
        sums <- tapply(x[counted], clusters[counted], sum)
        ifelse(n > 0L, as.vector(sums) / pmax(n, 1L), 0)
    }
    label <- colnames(types)[best]
    label[best == ncol(types)] <- .novel_names(cells$label, clusters)[
        best == ncol(types)]
    label[n == 0L] <- NA
    data.frame(row.names = levels(clusters), label = label,
        confidence = mean_of(belief), novelty = mean_of(cells$novelty),
        n_cells = as.vector(table(clusters)), share = mean_of(agrees),
        runner_up = ifelse(n > 0L, colnames(types)[order[2L, ]], NA))
}

# The column that each label stands for; the last for every novel one.
.own_column <- function(label, types) {
    own <- match(as.character(label), types[-length(types)])
    own[is.na(own) & !is.na(label)] <- length(types)
    own
}

# The most frequent novel label of each cluster's cells.
.novel_names <- function(label, clusters) {
    label <- as.character(label)
    new <- grepl("^novel [0-9]+$", label)
    vapply(levels(clusters), function(k) {
        found <- label[new & clusters %in% k]
        if (length(found)) names(which.max(table(found))) else "novel"
    }, "", USE.NAMES = FALSE)
}
