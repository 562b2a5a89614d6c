#' @rdname plotItClust
#' @aliases plotItClust,ANY-method
#' @export
setMethod("plotItClust", "ANY", function(x, type = c("embedding", "confidence",
    "novelty", "types", "flow", "calls", "markers"), dimred = NULL,
    color.by = NULL, key.added = "itclust", point.size = 0.6, genes = NULL,
    n.genes = 3L, assay.type = NULL) {
    type <- match.arg(type)
    cells <- .results_of(x, key.added)
    switch(type,
        types = .plot_types(cells, .matrix_of(x, "type_probabilities",
            key.added)),
        flow = .plot_flow(cells, .type_colours(x, cells, key.added)),
        calls = .plot_calls(cells, .type_colours(x, cells, key.added)),
        markers = .plot_markers(x, cells, genes, n.genes, assay.type,
            key.added),
        .plot_cells(x, cells, type, dimred, color.by, key.added, point.size,
            assay.type))
})

# What ItClust() wrote, one row a cell, under the names without prefix. merge()
# of Seurat objects turns factors into text: they become factors again.
.results_of <- function(x, key) {
    .check_name(key, "key.added")
    table <- .results_table(x)
    names <- .result_columns(key)
    if (!all(names %in% colnames(table)))
        .stop("'x' has no results under '", key, "'. Run ItClust(), or pass ",
            "key.added=; its columns are: ",
            if (length(colnames(table))) .quoted(colnames(table)) else "none",
            ".")
    out <- setNames(as.data.frame(table[, names]), .parts)
    for (part in c("level", "set"))
        out[[part]] <- table[[paste0(key, "_", part)]]
    for (part in intersect(c("label", "cluster", "initial", "level", "set"),
        names(out)))
        if (!is.factor(out[[part]]))
            out[[part]] <- factor(out[[part]], .natural(out[[part]]))
    out
}

.results_table <- function(x) if (is(x, "DataFrame")) x else .cell_table(x)

# One of the three matrices, wherever this class has it. Conversions between
# Seurat and SingleCellExperiment change the case of names and number columns.
.matrix_of <- function(x, kind, key) {
    name <- .matrix_name(kind, key)
    if (!is(x, "SingleCellExperiment") && !inherits(x, "Seurat"))
        return(as.matrix(.results_table(x)[[name]]))
    present <- .reductions_of(x)
    candidates <- c(.matrix_name(kind, key, embedding = key), name)
    at <- match(tolower(candidates), tolower(present))
    at <- at[!is.na(at)]
    if (!length(at))
        .stop("'x' has no ", if (inherits(x, "Seurat")) "reduction"
            else "reducedDim", " '", candidates[1L], "'. Run ItClust(); it ",
            "has: ", if (length(present)) .quoted(present) else "none", ".")
    columns <- NULL
    if (inherits(x, "Seurat")) {
        reduction <- slot(x, "reductions")[[present[at[1L]]]]
        columns <- slot(reduction, "misc")$columns
        matrix <- SeuratObject::Embeddings(reduction)
    } else
        matrix <- as.matrix(reducedDim(x, present[at[1L]]))
    if (!is.null(columns))
        colnames(matrix) <- columns
    else if (kind == "type_probabilities")
        colnames(matrix) <- .type_names(matrix, .results_of(x, key))
    matrix
}

# Names of reduced dimensions. In Seurat's slot, because a column of the same
# name hides a reduction from Seurat's own functions, as after as.Seurat().
.reductions_of <- function(x) {
    if (is(x, "SingleCellExperiment"))
        reducedDimNames(x)
    else if (inherits(x, "Seurat"))
        names(slot(x, "reductions"))
}

# Names of the columns of type probabilities. Where a conversion has put
# numbers in their place, each label takes the column that its cells favour.
.type_names <- function(matrix, cells) {
    known <- union(levels(droplevels(cells$initial)),
        levels(droplevels(cells$label)))
    known <- known[!grepl("^novel [0-9]+$", known)]
    names <- colnames(matrix)
    last <- ncol(matrix)
    if (identical(names[last], "novel"))
        return(names)
    names <- c(paste("type", seq_len(last - 1L)), "novel")
    if (length(known) == last - 1L)
        names[-last] <- sort(known, method = "radix")
    else for (label in known) {
        inside <- cells$label %in% label
        if (!any(inside))
            inside <- cells$initial %in% label
        sums <- colSums(matrix[inside, -last, drop = FALSE])
        names[which.max(sums)] <- label
    }
    names
}

# Two coordinates a cell, with the names of their axes as column names.
.layout_of <- function(x, dimred, key = NULL) {
    present <- .reductions_of(x)
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
    layout <- if (inherits(x, "Seurat"))
        SeuratObject::Embeddings(slot(x, "reductions")[[dimred]])
        else reducedDim(x, dimred)
    layout <- as.matrix(layout)[, seq_len(2)]
    colnames(layout) <- paste(dimred, seq_len(2))
    layout
}

.plot_cells <- function(x, cells, type, dimred, color.by, key, size,
    assay.type) {
    layout <- .layout_of(x, dimred, key)
    shown <- if (type == "embedding") "label" else type
    cells$color <- if (is.null(color.by)) cells[[shown]]
        else .color_values(x, color.by, assay.type)
    name <- if (is.null(color.by)) shown else color.by
    cells$x <- layout[, 1L]
    cells$y <- layout[, 2L]
    numbers <- is.numeric(cells$color)
    # on top: what to look at; types in an order of their own, the same always
    sure <- numbers && type == "confidence" && is.null(color.by)
    first <- if (!numbers) withr::with_seed(0L, sample.int(nrow(cells)))
        else order(cells$color, decreasing = sure)
    plot <- ggplot2::ggplot(cells[first, ], ggplot2::aes(.data$x, .data$y,
        colour = .data$color)) +
        ggplot2::geom_point(size = size) +
        ggplot2::labs(x = colnames(layout)[1L], y = colnames(layout)[2L],
            colour = name) +
        .theme() +
        ggplot2::theme(axis.text = ggplot2::element_blank(),
            axis.ticks = ggplot2::element_blank())
    if (numbers)
        return(plot + ggplot2::scale_colour_viridis_c(option = "cividis",
            limits = if (is.null(color.by)) c(0, 1)))
    colours <- .colours_of(cells$color, .type_colours(x, cells, key))
    plot + .palette(cells$color, colours) + ggplot2::guides(colour =
        ggplot2::guide_legend(override.aes = list(size = 3)))
}

# A column of the cells, or a gene's log values.
.color_values <- function(x, color.by, assay.type) {
    .check_name(color.by, "color.by")
    table <- .results_table(x)
    genes <- if (!is(x, "DataFrame")) rownames(x)
    if (color.by %in% colnames(table)) {
        values <- table[[color.by]]
        return(if (is.numeric(values) || is.factor(values)) values
            else factor(values, .natural(values)))
    }
    if (!color.by %in% genes)
        .stop("'", color.by, "' is neither a column nor a gene of x. Pass ",
            "color.by=; its columns are: ",
            if (length(colnames(table))) .quoted(colnames(table)) else "none",
            ".")
    .log_values(x, color.by, assay.type)[1L, ]
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
        ggplot2::scale_fill_distiller(palette = "Blues", direction = 1,
            limits = c(0, 1)) +
        ggplot2::labs(x = "source type", y = "cluster and its label",
            fill = "mean\nprobability") +
        .theme() +
        ggplot2::theme(axis.text.x = ggplot2::element_text(angle = 45,
            hjust = 1), panel.grid = ggplot2::element_blank())
}

# Fewer cells than `fewest` have no shape of their own: points alone.
.plot_calls <- function(cells, colours, fewest = 5L) {
    cells <- cells[!is.na(cells$label), ]
    shift <- withr::with_seed(0L, stats::runif(nrow(cells), -0.2, 0.2))
    cells$label <- stats::reorder(droplevels(cells$label), cells$confidence,
        stats::median)
    shaped <- names(which(table(cells$label) >= fewest))
    ggplot2::ggplot(cells, ggplot2::aes(.data$confidence, .data$label)) +
        ggplot2::geom_violin(ggplot2::aes(fill = .data$label),
            cells[cells$label %in% shaped, ],
            scale = "width", colour = NA, alpha = 0.5, show.legend = FALSE) +
        ggplot2::geom_point(ggplot2::aes(y = as.integer(.data$label) + shift),
            size = 0.4) +
        .palette(cells$label, colours, "fill") +
        ggplot2::scale_y_discrete(limits = levels(cells$label)) +
        ggplot2::xlim(0, 1) +
        ggplot2::labs(y = NULL) +
        .theme()
}

.palette <- function(values, colours, aesthetic = "colour") {
    names <- levels(droplevels(as.factor(values)))
    ggplot2::scale_discrete_manual(aesthetic, na.value = .MISSING,
        values = colours[names])
}

.theme <- function() {
    ggplot2::theme_minimal(base_size = 11) +
        ggplot2::theme(panel.grid.minor = ggplot2::element_blank(),
            axis.title.x = ggplot2::element_text(margin =
                ggplot2::margin(t = 6)),
            axis.title.y.left = ggplot2::element_text(angle = 90,
                margin = ggplot2::margin(r = 6)),
            plot.background = ggplot2::element_rect("white", NA))
}
