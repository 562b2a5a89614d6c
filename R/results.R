# From Python's answer to the user's object. `answer` is a list: `cells`, a
# data frame; `matrices`, each a row a cell; `run`, a list.

.output <- function(target, answer, key) UseMethod(".output")

.output.default <- function(target, answer, key) {
    out <- DataFrame(row.names = NULL, answer$cells, check.names = FALSE)
    if (!is.null(colnames(target)) && !anyDuplicated(colnames(target)))
        rownames(out) <- colnames(target)
    out <- .add_matrices(out, answer, key)
    metadata(out)[[key]] <- answer$run
    out
}

.output.SummarizedExperiment <- function(target, answer, key) {
    cells <- .add_columns(colData(target), answer, key)
    colData(target) <- .add_matrices(cells, answer, key)
    metadata(target)[[key]] <- answer$run
    target
}

.output.SingleCellExperiment <- function(target, answer, key) {
    colData(target) <- .add_columns(colData(target), answer, key)
    for (kind in names(answer$matrices)) {
        name <- .matrix_name(kind, key, embedding = key)
        matrix <- answer$matrices[[kind]]
        rownames(matrix) <- colnames(target)
        reducedDim(target, name, withDimnames = FALSE) <- matrix
    }
    metadata(target)[[key]] <- answer$run
    target
}

# Columns of an earlier run that this one does not write are taken out.
.add_columns <- function(table, answer, key) {
    stale <- setdiff(.group_columns(key), names(answer$cells))
    table <- table[, !colnames(table) %in% stale, drop = FALSE]
    for (name in names(answer$cells))
        table[[name]] <- answer$cells[[name]]
    table
}

# Matrices as nested DataFrames.
.add_matrices <- function(table, answer, key) {
    for (kind in names(answer$matrices))
        table[[.matrix_name(kind, key)]] <- DataFrame(answer$matrices[[kind]],
            check.names = FALSE)
    table
}

# `kind` is "embedding", "probabilities" or "type_probabilities".
.matrix_name <- function(kind, key, embedding = paste0("X_", key)) {
    if (kind == "embedding") embedding else paste0(key, "_", kind)
}
