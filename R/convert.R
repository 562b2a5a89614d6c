# From the user's objects to what Python needs: one sparse assay, labels,
# batches. Nothing else of the object crosses.

.LABEL_COLUMNS <- c("cell_type", "celltype", "cell.type", "cell type", "label",
    "labels")

# Expression values of `x` as a dgCMatrix, genes by cells, with gene names.
.input <- function(x, what, assay.type, assay, say, ...) {
    .as_dgCMatrix(.located(x, what, assay.type, assay, say, ...), what)
}

# The same, not read yet where it lies on disk.
.located <- function(x, what, assay.type, assay, say, gene.column = NULL,
    altexp = NULL) {
    .check_size(x, what)
    x <- .alternative(x, altexp)
    values <- .legible(.assay_of(x, what, assay.type, assay, say), what)
    if (is.null(rownames(values)))
        rownames(values) <- rownames(x)
    symbols <- .symbols(x, gene.column, assay)
    if (!is.null(symbols))
        return(.renamed(values, symbols, what, gene.column, say))
    if (is.null(rownames(values)))
        .stop("'", what, "' has no gene names: set rownames(", what, ").")
    .check_genes(rownames(values), what)
    values
}

.check_genes <- function(genes, what) {
    .check_text(genes)
    bad <- which(is.na(genes) | !nzchar(trimws(genes)))
    if (length(bad))
        .stop(length(bad), " of the ", length(genes), " gene names of '", what,
            "' are NA or blank, the first in row ", bad[1L], ". Leave such ",
            "rows out: ", what, "[!is.na(rownames(", what, ")), ].")
}

# Names of genes, types and groups; any encoding that R knows of will do.
.check_text <- function(x) {
    bad <- which(!validUTF8(enc2utf8(as.character(x))))
    if (length(bad))
        .stop("The name ", encodeString(x[bad[1L]], quote = "\""), " holds ",
            "bytes that are no text: say what they are, as iconv(x, ",
            "\"latin1\", \"UTF-8\") does.")
}

# What other packages say where values cannot be had (their file is gone, their
# slots contradict each other), as one line that names the dataset.
.legible <- function(values, what) {
    tryCatch(values, error = function(e) {
        if (inherits(e, "itclust_error"))
            stop(e)
        .stop("The expression values of '", what, "' cannot be read: ",
            gsub("\\s+", " ", trimws(conditionMessage(e))), ".")
    })
}

# Sparse matrices whose slots contradict each other, before Bioconductor meets
# them on its way to something else. Named arguments: the datasets.
.check_sound <- function(...) {
    given <- list(...)
    of_class <- function(class) function(x) is(x, class)
    for (what in names(given))
        for (x in Filter(of_class("SummarizedExperiment"), .flat(given[what])))
            for (values in Filter(of_class("Matrix"), as.list(
                SummarizedExperiment::assays(x, withDimnames = FALSE))))
                .legible(validObject(values), what)
}

# Gene names from a column of the rows' table: genes without a name are left
# out, names that repeat are Python's to unite.
.renamed <- function(values, symbols, what, gene.column, say) {
    .check_text(symbols)
    symbols <- trimws(as.character(symbols))
    named <- !is.na(symbols) & nzchar(symbols)
    if (!any(named))
        .stop("Every value of the column '", gene.column, "' of ", what,
            "'s genes is missing or blank.")
    say(paste0("Using column '", gene.column, "' of ", what, "'s genes as ",
        "gene names", if (!all(named)) paste0("; ", sum(!named),
            " genes have none and are left out"), "."))
    if (!all(named))
        values <- values[named, , drop = FALSE]
    rownames(values) <- symbols[named]
    values
}

# The column that names genes; NULL where this dataset has none.
.symbols <- function(x, gene.column, assay = NULL) {
    table <- if (!is.null(gene.column)) .gene_table(x, assay)
    if (!is.null(table) && gene.column %in% colnames(table))
        table[[gene.column]]
}

.gene_table <- function(x, assay = NULL) {
    if (is(x, "SummarizedExperiment"))
        SummarizedExperiment::rowData(x, use.names = FALSE)
    else if (inherits(x, "Seurat"))
        x[[if (is.null(assay)) SeuratObject::DefaultAssay(x) else assay]][[]]
}

# The alternative experiment of that name, where `x` has one.
.alternative <- function(x, altexp) {
    if (is.null(altexp) || !is(x, "SingleCellExperiment") ||
        !altexp %in% SingleCellExperiment::altExpNames(x))
        return(x)
    SingleCellExperiment::altExp(x, altexp)
}

# `gene.column`, `altexp` and `assay` must be one name, and be there in one of
# the datasets at least. Named arguments: the datasets.
.check_places <- function(gene.column, altexp, assay, ...) {
    datasets <- .flat(list(...))
    .check_name(gene.column, "gene.column")
    .check_name(altexp, "altexp")
    .check_name(assay, "assay")
    seurat <- vapply(datasets, inherits, logical(1), "Seurat")
    if (!is.null(assay) && !any(seurat))
        .stop("'assay' is for Seurat objects, and there is none. Which values ",
            "to take from a ", class(datasets[[length(datasets)]])[1L],
            " is said by assay.type = ", .show(assay), ".")
    experiments <- unlist(lapply(datasets, function(x)
        if (is(x, "SingleCellExperiment"))
            SingleCellExperiment::altExpNames(x)))
    .check_there(altexp, experiments, "altexp", "alternative experiment")
    columns <- if (!is.null(gene.column)) unlist(lapply(datasets, function(x)
        colnames(.gene_table(.alternative(x, altexp), assay))))
    .check_there(gene.column, columns, "gene.column", "column of the genes")
}

.check_name <- function(name, argument) {
    fine <- is.null(name) ||
        is.character(name) && length(name) == 1L && !is.na(name)
    if (!fine)
        .stop("'", argument, "' must be one name. Received: ", .show(name),
            ".")
}

.check_there <- function(name, present, argument, what) {
    if (is.null(name) || name %in% present)
        return(invisible())
    present <- unique(present)
    .stop("'", name, "' is no ", what, " of any dataset. Pass ", argument,
        "=; there are: ", if (length(present)) .quoted(present) else "none",
        ".")
}

# Datasets of which some may be lists of several.
.flat <- function(datasets) {
    unlist(lapply(datasets, function(x)
        if (is.list(x) && !is.data.frame(x)) x else list(x)),
        recursive = FALSE)
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
    if (is(x, "Matrix")) # slots that were set by hand crash what reads them
        validObject(x)
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

# A DelayedMatrix. What lies on disk as columns of a sparse matrix is read in
# one go by its own package; the rest block by block, so that what is dense is
# never whole in memory.
.realise <- function(x, what) {
    whole <- if (.is_sparse_file(x)) as(DelayedArray::seed(x), "dgCMatrix")
        else .realise_blocks(x, what)
    dimnames(whole) <- dimnames(x)
    whole
}

.is_sparse_file <- function(x) {
    is(x, "DelayedArray") &&
        DelayedArray::isPristine(x, ignore.dimnames = TRUE) &&
        is(DelayedArray::seed(x), "H5SparseMatrixSeed")
}

.realise_blocks <- function(x, what) {
    blocks <- blockApply(x, function(block) {
        block <- if (is.matrix(block)) block else as(block, "dgCMatrix")
        .as_dgCMatrix(block, what)
    }, grid = .column_blocks(x), as.sparse = is_sparse(x), BPPARAM = NULL)
    do.call(cbind, blocks)
}

# Whole columns, as many as fit a block; where the file is cut into chunks, a
# multiple of their width, or each chunk would be unpacked for several blocks.
.column_blocks <- function(x) {
    fit <- ncol(colAutoGrid(x)[[1L]])
    chunk <- DelayedArray::chunkdim(x)[2L]
    if (length(chunk) && !is.na(chunk) && chunk > 1L && fit < ncol(x))
        fit <- min(ncol(x), max(fit %/% chunk, 1L) * chunk)
    colAutoGrid(x, ncol = fit)
}

# Of a source on disk, only the genes that the target has are read: the others
# are left out anyway. Names that do not match as they are stay all.
.cut <- function(values, genes) {
    if (!is(values, "DelayedArray"))
        return(values)
    shared <- rownames(values) %in% genes
    if (all(shared) || sum(shared) < min(nrow(values), length(genes)) / 2)
        return(values)
    if (.is_sparse_file(values))
        values <- .realise(values, "source")
    values[shared, , drop = FALSE]
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
    if (is.list(labels) || !is.null(dim(labels)))
        .stop("'labels' must be a vector or a factor. Received: ",
            .show(labels), ".")
    .check_types(labels, colnames(source))
    labels <- .as_levels(labels)
    if (!nlevels(labels))
        .stop("Every label of 'source' is missing or blank.")
    labels
}

# What Python cannot see: it gets the labels as a factor, and no names of cells.
.check_types <- function(labels, cells) {
    if (length(cells) > 2L && identical(as.character(labels), cells))
        .stop("'labels' are the names of the cells, not their types. Pass ",
            "labels= with the column of cell types.")
    fractions <- is.double(labels) && !is.object(labels) &&
        any(labels %% 1 != 0, na.rm = TRUE)
    if (fractions && length(unique(labels)) > 20L)
        .stop("'labels' are ", length(unique(labels)), " different fractions, ",
            "a measurement and no types. Pass labels= with the column of cell ",
            "types.")
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
    .check_text(levels(x))
    kept <- levels(x)[!is.na(levels(x)) & nzchar(trimws(levels(x)))]
    droplevels(factor(x, levels = kept, exclude = NULL))
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
    if (is.null(batch.key) || !batch.key %in% colnames(table))
        return(NULL)
    batch <- .as_levels(table[[batch.key]])
    if (!nlevels(batch))
        .stop("Every value of the batch column '", batch.key, "' is missing or",
            " blank. Leave batch.key= out, or fill the column.")
    batch
}

# The column must be in one of the datasets at least. Named arguments.
.check_batch_key <- function(batch.key, ...) {
    if (is.null(batch.key))
        return(invisible())
    if (!is.character(batch.key) || length(batch.key) != 1L ||
        is.na(batch.key))
        .stop("'batch.key' must be the name of one column. Received: ",
            .show(batch.key), ".")
    tables <- lapply(.flat(list(...)), .cell_table)
    there <- vapply(tables, function(x) batch.key %in% colnames(x), logical(1))
    if (!any(there))
        .column(tables[[length(tables)]], batch.key, names(list(...))[
            ...length()], "batch.key")
}

# One source or a list of several: values (not read yet where they lie on
# disk), labels and batches of each. `...` goes to .located().
.sources <- function(source, labels, assay.type, assay, say, batch.key = NULL,
    ...) {
    if (!is.list(source) || is.data.frame(source)) {
        .check_size(source, "source")
        return(list(list(label = .labels(source, labels, say),
            values = .located(source, "source", assay.type, assay, say, ...),
            batch = .batch(source, batch.key))))
    }
    if (!length(source) || !(is.list(labels) || length(labels) < 2L))
        .stop("Where 'source' is a list of datasets, 'labels' must be a ",
            "column of each, or a list of one vector a dataset. Received: ",
            length(source), " datasets, and for 'labels' ", .show(labels), ".")
    if (is.list(labels) && length(labels) != length(source))
        .stop("'labels' is a list of ", length(labels), ", and 'source' one of ",
            length(source), " datasets: give one entry a dataset.")
    Map(function(x, label)
        .sources(x, label, assay.type, assay, say, batch.key, ...)[[1L]],
        source, if (is.list(labels)) labels else list(labels))
}

# What crosses: one assay, the labels, the batches, the user's clusters, and names
# that are unique.
.package <- function(values, label = NULL, batch = NULL, clusters = NULL,
    more = NULL) {
    cells <- DataFrame(row.names = as.character(seq_len(ncol(values))))
    cells$label <- label
    cells$batch <- batch
    cells$clusters <- clusters
    for (name in names(more))
        cells[[name]] <- more[[name]]
    colnames(values) <- rownames(cells)
    SingleCellExperiment(list(X = values), colData = cells)
}
