# From the user's objects to what Python needs: one sparse assay, labels,
# batches. Nothing else of the object crosses.

.LABEL_COLUMNS <- c("cell_type", "celltype", "cell.type", "cell type", "label",
    "labels")

# Expression values of `x` as a dgCMatrix, genes by cells, with gene names.
.input <- function(x, what, assay.type, assay, say) {
    .check_size(x, what)
    values <- .assay_of(x, what, assay.type, assay, say)
    if (is.null(rownames(values)))
        rownames(values) <- rownames(x)
    if (is.null(rownames(values)))
        .stop("'", what, "' has no gene names: set rownames(", what, ").")
    .as_dgCMatrix(values, what)
}

.check_size <- function(x, what) {
    if (is.data.frame(x))
        .stop("'", what, "' is a data frame. Pass a matrix of genes by cells: ",
            "as.matrix(", what, ").")
    if (length(dim(x)) != 2L)
        .stop("'", what, "' must be a SingleCellExperiment, a ",
            "SummarizedExperiment, a Seurat object or a matrix of genes by ",
            "cells. Received: ", .show(x), ".")
    if (any(dim(x) == 0L))
        .stop("'", what, "' is empty: ", nrow(x), " genes and ", ncol(x),
            " cells.")
}

# S3 inside: UseMethod() climbs S4 classes too, and Seurat need not be there.
.assay_of <- function(x, what, assay.type, assay, say) UseMethod(".assay_of")

.assay_of.default <- function(x, what, assay.type, assay, say) x

.assay_of.SummarizedExperiment <- function(x, what, assay.type, assay, say) {
    present <- assayNames(x)
    if (is.null(assay.type)) {
        known <- intersect(c("counts", "logcounts"), present)
        if (length(known)) {
            assay.type <- known[1L]
            say(paste0("Using assay '", assay.type, "' of ", what, "."))
        } else if (length(SummarizedExperiment::assays(x)) == 1L) {
            assay.type <- 1L
            say(paste0("Using the only assay of ", what, "."))
        }
    }
    there <- length(assay.type) == 1L && if (is.character(assay.type))
        assay.type %in% present else
        assay.type %in% seq_along(SummarizedExperiment::assays(x))
    if (!there)
        .stop("'", what, "' has no assay ", .show(assay.type), ". Pass ",
            "assay.type=; its assays are: ",
            if (length(present)) .quoted(present) else "none with a name", ".")
    values <- assay(x, assay.type, withDimnames = FALSE)
    if (!is.null(rownames(x))) # the object's names, not those its assay had
        rownames(values) <- rownames(x)
    values
}

# Any matrix as dgCMatrix; one that is already one is not copied.
.as_dgCMatrix <- function(x, what) {
    if (is(x, "dgCMatrix"))
        return(x)
    if (is(x, "DelayedArray"))
        return(.realise(x, what))
    usable <- is(x, "Matrix") || is.matrix(x) && !is.character(x) &&
        !is.complex(x) && is.atomic(x)
    if (!usable)
        .stop("The expression values of '", what, "' are ",
            if (is.matrix(x)) paste0("of type '", typeof(x), "'")
            else paste0("of class '", class(x)[1L], "'"),
            "; they must be numbers in a matrix, a sparse Matrix or a ",
            "DelayedMatrix.")
    if (is.matrix(x) && !is.double(x))
        storage.mode(x) <- "double"
    as(as(as(x, "dMatrix"), "generalMatrix"), "CsparseMatrix")
}

# A DelayedMatrix block by block: what is dense is never whole in memory.
.realise <- function(x, what) {
    blocks <- blockApply(x, function(block) {
        block <- if (is.matrix(block)) block else as(block, "dgCMatrix")
        .as_dgCMatrix(block, what)
    }, grid = colAutoGrid(x), as.sparse = is_sparse(x), BPPARAM = NULL)
    whole <- do.call(cbind, blocks)
    dimnames(whole) <- dimnames(x)
    whole
}

# Labels and batches ---------------------------------------------------------

# The source's labels as a factor, one a cell, in the order of its levels.
.labels <- function(source, labels, say) {
    table <- .cell_table(source)
    cells <- ncol(source)
    if (is.null(labels))
        labels <- .find_labels(table, say)
    if (is.character(labels) && length(labels) == 1L)
        labels <- .column(table, labels, "source", "labels")
    if (length(labels) != cells)
        .stop("'labels' must name a column of source, or hold one label for ",
            "each of its ", cells, " cells. Received: ", .show(labels), ".")
    labels <- .as_levels(labels)
    if (!nlevels(labels))
        .stop("Every label of 'source' is missing or blank.")
    labels
}

.find_labels <- function(table, say) {
    hits <- colnames(table)[tolower(colnames(table)) %in% .LABEL_COLUMNS]
    if (length(hits) != 1L)
        .stop(if (length(hits)) "Several columns of source may hold the labels"
            else "No column of source is named like labels",
            ". Pass labels=; its columns are: ",
            if (length(colnames(table))) .quoted(colnames(table)) else "none",
            ".")
    say(paste0("Using column '", hits, "' of source as labels."))
    hits
}

.column <- function(table, name, what, argument) {
    if (!name %in% colnames(table))
        .stop("'", name, "' is not a column of ", what, ". Pass ", argument,
            "=; its columns are: ",
            if (length(colnames(table))) .quoted(colnames(table)) else "none",
            ".")
    table[[name]]
}

# A factor without unused levels. The order that a factor has is kept; other
# values are ordered by code point as in Python, whatever the locale.
.as_levels <- function(x) {
    if (is(x, "Rle") || is(x, "Factor"))
        x <- as.vector(x)
    if (!is.factor(x)) {
        x <- enc2utf8(as.character(x))
        x <- factor(x, levels = sort(unique(x), method = "radix"))
    }
    blank <- !nzchar(trimws(as.character(x)))
    x[!is.na(blank) & blank] <- NA
    droplevels(x)
}

.cell_table <- function(x) {
    if (is(x, "SummarizedExperiment"))
        colData(x)
    else if (inherits(x, "Seurat"))
        x[[]]
    else
        NULL
}

# Batches of one dataset as a factor; NULL where it has no such column.
.batch <- function(x, batch.key) {
    table <- .cell_table(x)
    if (!is.null(batch.key) && batch.key %in% colnames(table))
        .as_levels(table[[batch.key]])
}

# The column must be in one of the datasets at least. Named arguments.
.check_batch_key <- function(batch.key, ...) {
    if (is.null(batch.key))
        return(invisible())
    if (!is.character(batch.key) || length(batch.key) != 1L ||
        is.na(batch.key))
        .stop("'batch.key' must be the name of one column. Received: ",
            .show(batch.key), ".")
    datasets <- unlist(lapply(list(...), function(x)
        if (is.list(x) && !is.data.frame(x)) x else list(x)),
        recursive = FALSE)
    tables <- lapply(datasets, .cell_table)
    there <- vapply(tables, function(x) batch.key %in% colnames(x), logical(1))
    if (!any(there))
        .column(tables[[length(tables)]], batch.key, names(list(...))[
            ...length()], "batch.key")
}

# One source or a list of several: values, labels and batches of each.
.sources <- function(source, labels, assay.type, assay, say, batch.key = NULL) {
    if (!is.list(source) || is.data.frame(source))
        return(list(list(label = .labels(source, labels, say),
            values = .input(source, "source", assay.type, assay, say),
            batch = .batch(source, batch.key))))
    if (!length(source) || !(is.list(labels) || length(labels) < 2L))
        .stop("Where 'source' is a list of datasets, 'labels' must be a ",
            "column of each, or a list of one vector a dataset. Received: ",
            length(source), " datasets, and for 'labels' ", .show(labels), ".")
    Map(function(x, label)
        .sources(x, label, assay.type, assay, say, batch.key)[[1L]],
        source, if (is.list(labels)) labels else list(labels))
}

# What crosses: one assay, the labels, the batches, and names that are unique.
.package <- function(values, label = NULL, batch = NULL) {
    cells <- DataFrame(row.names = as.character(seq_len(ncol(values))))
    cells$label <- label
    cells$batch <- batch
    colnames(values) <- rownames(cells)
    SingleCellExperiment(list(X = values), colData = cells)
}
