# Marker genes: mean log value (over the gene's largest) and share of cells with
# a count, of each cluster.

.plot_markers <- function(x, cells, genes, n, assay.type, key) {
    if (is(x, "DataFrame"))
        .stop("A DataFrame holds results alone: pass plotItClust(type = ",
            "\"markers\") an object with the genes.")
    genes <- if (is.null(genes)) .own_markers(x, key, n) else
        as.character(genes)
    unknown <- setdiff(genes, rownames(x))
    if (length(unknown))
        .stop(.quoted(unknown), " not among the genes of x.")
    clusters <- droplevels(cells$cluster)
    use <- !is.na(clusters)
    values <- .log_values(x, genes, assay.type)[, use, drop = FALSE]
    clusters <- clusters[use]
    sizes <- as.vector(table(clusters))
    mean <- .by_group(values, clusters) / sizes
    rate <- .by_group(values > 0, clusters) / sizes
    names <- paste0(levels(clusters), "  ",
        cells$label[use][match(levels(clusters), clusters)])
    highest <- pmax(apply(mean, 2L, max), 1e-9)
    table <- data.frame(
        gene = factor(rep(genes, each = nrow(mean)), levels = genes),
        cluster = factor(rep(names, length(genes)), levels = rev(names)),
        value = as.vector(t(t(mean) / highest)), rate = as.vector(rate))
    .marker_dots(table)
}

.marker_dots <- function(table) {
    ggplot2::ggplot(table, ggplot2::aes(.data$gene, .data$cluster,
        colour = .data$value, size = .data$rate)) +
        ggplot2::geom_point() +
        ggplot2::scale_size_area(max_size = 5, limits = c(0, 1),
            breaks = c(0.1, 0.5, 1)) +
        ggplot2::scale_colour_viridis_c(option = "cividis", direction = -1,
            limits = c(0, 1), breaks = c(0, 0.5, 1)) +
        ggplot2::labs(x = NULL, y = "cluster and its label",
            colour = "mean log value, of the largest  ", # room for the bar
            size = "cells with a count") +
        .theme() +
        ggplot2::theme(legend.position = "bottom", # all width for the genes
            legend.box = "vertical", legend.box.just = "left",
            legend.margin = ggplot2::margin(),
            legend.spacing.y = ggplot2::unit(4, "pt"),
            legend.key.height = ggplot2::unit(9, "pt"),
            axis.text.x = ggplot2::element_text(angle = 90, hjust = 1,
                vjust = 0.5, face = "italic"))
}

# Clusters by genes: sums over each cluster's cells.
.by_group <- function(values, groups) {
    member <- Matrix::fac2sparse(groups, drop.unused.levels = FALSE)
    as.matrix(member %*% Matrix::t(values))
}

# The first `n` markers of each cluster that the object has, each gene once.
.own_markers <- function(x, key, n) {
    found <- .record(x, key)$clusters$markers
    if (is.null(found))
        .stop("'x' holds no table of clusters with markers under '", key,
            "': pass genes=.")
    found <- lapply(strsplit(as.character(found), ", ", fixed = TRUE),
        function(genes) head(intersect(genes, rownames(x)), n))
    genes <- unique(unlist(found))
    if (!length(genes))
        .stop("None of the clusters' markers is a gene of x: pass genes=.")
    genes
}

# Log values of some genes: those that the object has, or log1p of counts per
# 10,000.
.log_values <- function(x, genes, assay.type) {
    if (is.null(assay.type) && is(x, "SummarizedExperiment"))
        assay.type <- intersect(c("logcounts", "counts"), assayNames(x))[1L]
    if (is.null(assay.type) && inherits(x, "Seurat"))
        assay.type <- intersect(c("data", "counts"), names(.layers(
            x[[SeuratObject::DefaultAssay(x)]])))[1L]
    if (is.na(assay.type))
        assay.type <- NULL
    values <- .assay_of(x, "x", assay.type, NULL, function(text) NULL)
    some <- .as_dgCMatrix(values[genes, , drop = FALSE], "x")
    whole <- !length(some@x) || all(some@x == round(some@x))
    if (!whole)
        return(some)
    totals <- if (is(values, "DelayedArray")) DelayedArray::colSums(values)
        else Matrix::colSums(values)
    log1p(some %*% Matrix::Diagonal(x = 1e4 / pmax(totals, 1)))
}
