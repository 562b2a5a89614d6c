#' @rdname plotItClust
#' @aliases plotItClust,ANY-method
#' @export
setMethod("plotItClust", "ANY", function(x, type = c("embedding", "confidence",
    "novelty", "types", "flow", "calls"), dimred = NULL, color.by = NULL,
    key.added = "itclust", point.size = 0.6) {
    type <- match.arg(type)
    cells <- .results_of(x, key.added)
    switch(type,
        types = .plot_types(cells, .matrix_of(x, "type_probabilities",
            key.added)),
        flow = .plot_flow(cells),
        calls = .plot_calls(cells),
        .plot_cells(x, cells, type, dimred, color.by, key.added, point.size))
})

# What ItClust() wrote, one row a cell, under the names without prefix.
.results_of <- function(x, key) {
    table <- .results_table(x)
    names <- paste0(key, c("", "_cluster", "_confidence", "_novelty",
        "_initial"))
    if (!all(names %in% colnames(table)))
        .stop("'x' has no results under '", key, "'. Run ItClust(), or pass ",
            "key.added=; its columns are: ",
            if (length(colnames(table))) .quoted(colnames(table)) else "none",
            ".")
    out <- as.data.frame(table[, names])
    setNames(out, c("label", "cluster", "confidence", "novelty", "initial"))
}

.results_table <- function(x) if (is(x, "DataFrame")) x else .cell_table(x)

# One of the three matrices, wherever this class has it.
.matrix_of <- function(x, kind, key) {
    name <- .matrix_name(kind, key)
    if (is(x, "SingleCellExperiment"))
        return(reducedDim(x, .matrix_name(kind, key, embedding = key)))
    if (!inherits(x, "Seurat"))
        return(as.matrix(.results_table(x)[[name]]))
    reduction <- x[[name]]
    matrix <- SeuratObject::Embeddings(reduction)
    columns <- methods::slot(reduction, "misc")$columns
    if (!is.null(columns))
        colnames(matrix) <- columns
    matrix
}

# Two coordinates a cell, with the names of their axes as column names.
.layout_of <- function(x, dimred, key) {
    present <- if (is(x, "SingleCellExperiment")) reducedDimNames(x)
        else if (inherits(x, "Seurat")) SeuratObject::Reductions(x)
    if (is.null(dimred))
        dimred <- present[match(c("umap", "tsne"), tolower(present))]
    dimred <- dimred[!is.na(dimred)]
    if (!length(dimred)) {
        layout <- prcomp(.matrix_of(x, "embedding", key), rank. = 2L)$x
        colnames(layout) <- paste("ItClust embedding, PC", seq_len(2))
        return(layout)
    }
    dimred <- dimred[1L]
    if (!dimred %in% present)
        .stop("'x' has no reduced dimensions '", dimred, "'. Pass dimred=; ",
            "it has: ", .quoted(present), ".")
    layout <- if (inherits(x, "Seurat")) SeuratObject::Embeddings(x[[dimred]])
        else reducedDim(x, dimred)
    layout <- as.matrix(layout)[, seq_len(2)]
    colnames(layout) <- paste(dimred, seq_len(2))
    layout
}

.plot_cells <- function(x, cells, type, dimred, color.by, key, size) {
    layout <- .layout_of(x, dimred, key)
    shown <- if (type == "embedding") "label" else type
    cells$color <- if (is.null(color.by)) cells[[shown]]
        else .column(.results_table(x), color.by, "x", "color.by")
    name <- if (is.null(color.by)) shown else color.by
    cells$x <- layout[, 1L]
    cells$y <- layout[, 2L]
    first <- if (is.numeric(cells$color)) order(cells$color) else
        sample.int(nrow(cells))
    plot <- ggplot2::ggplot(cells[first, ], ggplot2::aes(.data$x, .data$y,
        colour = .data$color)) +
        ggplot2::geom_point(size = size) +
        ggplot2::labs(x = colnames(layout)[1L], y = colnames(layout)[2L],
            colour = name) +
        .theme() +
        ggplot2::theme(axis.text = ggplot2::element_blank(),
            axis.ticks = ggplot2::element_blank())
    if (is.numeric(cells$color))
        return(plot + ggplot2::scale_colour_viridis_c(
            limits = if (is.null(color.by)) c(0, 1)))
    plot + .palette(cells$color) + ggplot2::guides(colour =
        ggplot2::guide_legend(override.aes = list(size = 3)))
}

.plot_types <- function(cells, probabilities) {
    clusters <- droplevels(cells$cluster)
    use <- !is.na(clusters)
    mean <- rowsum(probabilities[use, , drop = FALSE], clusters[use]) /
        as.vector(table(clusters))
    label <- cells$label[match(rownames(mean), clusters)]
    names <- paste0(rownames(mean), "  ", label)
    table <- data.frame(
        cluster = factor(rep(names, ncol(mean)), levels = rev(names)),
        type = factor(rep(colnames(mean), each = nrow(mean)),
            levels = colnames(mean)),
        probability = as.vector(mean))
    ggplot2::ggplot(table, ggplot2::aes(.data$type, .data$cluster,
        fill = .data$probability)) +
        ggplot2::geom_tile(colour = "white") +
        ggplot2::scale_fill_viridis_c(limits = c(0, 1)) +
        ggplot2::labs(x = "source type", y = "cluster and its label",
            fill = "mean\nprobability") +
        .theme() +
        ggplot2::theme(axis.text.x = ggplot2::element_text(angle = 45,
            hjust = 1), panel.grid = ggplot2::element_blank())
}

.plot_calls <- function(cells) {
    cells <- cells[!is.na(cells$label), ]
    cells$label <- stats::reorder(droplevels(cells$label), cells$confidence,
        stats::median)
    ggplot2::ggplot(cells, ggplot2::aes(.data$confidence, .data$label)) +
        ggplot2::geom_violin(ggplot2::aes(fill = .data$label),
            cells[cells$label %in% names(which(table(cells$label) > 1L)), ],
            scale = "width", colour = NA, alpha = 0.5, show.legend = FALSE) +
        ggplot2::geom_jitter(height = 0.2, width = 0, size = 0.4) +
        .palette(cells$label, "fill") +
        ggplot2::xlim(0, 1) +
        ggplot2::labs(y = NULL) +
        .theme()
}

# Hues around the circle, in turn darker and lighter: neighbours differ.
.palette <- function(values, aesthetic = "colour") {
    names <- levels(droplevels(as.factor(values)))
    hues <- seq(15, 375, length.out = length(names) + 1L)[seq_along(names)]
    light <- rep_len(c(50, 70), length(names))
    ggplot2::scale_discrete_manual(aesthetic, na.value = "grey80",
        values = setNames(grDevices::hcl(hues, c = 90, l = light), names))
}

.theme <- function() {
    ggplot2::theme_minimal(base_size = 11) +
        ggplot2::theme(panel.grid.minor = ggplot2::element_blank(),
            plot.background = ggplot2::element_rect("white", NA))
}
