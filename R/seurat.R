# Seurat objects, versions 4 and 5. SeuratObject is a suggested package: it is
# there when somebody has such an object.

.assay_of.Seurat <- function(x, what, assay.type, assay, say) {
    assay <- if (is.null(assay)) SeuratObject::DefaultAssay(x) else assay
    present <- SeuratObject::Assays(x)
    if (!assay %in% present)
        .stop("'", what, "' has no assay '", assay, "'. Pass assay=; its ",
            "assays are: ", .quoted(present), ".")
    object <- x[[assay]]
    layers <- .layers(object)
    if (is.null(assay.type)) {
        assay.type <- intersect(c("counts", "data"), names(layers))[1L]
        if (!is.na(assay.type))
            say(paste0("Using layer '", assay.type, "' of assay '", assay,
                "' of ", what, "."))
    }
    if (!assay.type %in% names(layers))
        .stop("Assay '", assay, "' of '", what, "' has no layer ",
            .show(assay.type), ". Pass assay.type=; its layers are: ",
            .quoted(names(layers)), ".")
    .layer(object, layers[[assay.type]], colnames(x), what)
}

# Layers that hold something: name -> names of the parts that it is split into.
.layers <- function(assay) {
    if (!.is_v5(assay)) {
        slots <- c("counts", "data", "scale.data")
        full <- vapply(slots, function(s) length(methods::slot(assay, s)) > 0L,
            logical(1))
        return(setNames(as.list(slots), slots)[full])
    }
    parts <- .v5("Layers")(assay)
    bases <- unique(c(parts, sub("\\.[^.]*$", "",
        grep("^(counts|data|scale\\.data)\\.", parts, value = TRUE))))
    bases <- union(bases, intersect(c("counts", "data", "scale.data"),
        sub("^(counts|data|scale\\.data)\\..*$", "\\1", parts)))
    setNames(lapply(bases, function(base) {
        if (base %in% parts) base
        else parts[startsWith(parts, paste0(base, "."))]
    }), bases)
}

# What SeuratObject has since version 5.
.v5 <- function(name) getExportedValue("SeuratObject", name)

.is_v5 <- function(assay) is(assay, "StdAssay")

# One layer, all its parts side by side, cells in the object's order.
.layer <- function(assay, parts, cells, what) {
    if (!.is_v5(assay))
        return(methods::slot(assay, parts))
    read <- lapply(parts, function(part)
        .v5("LayerData")(assay, layer = part))
    genes <- unique(unlist(lapply(read, rownames)))
    whole <- do.call(cbind, lapply(read, .with_genes, genes, what))
    missing <- setdiff(cells, colnames(whole))
    if (length(missing))
        .stop("Layer ", .quoted(parts), " of '", what, "' lacks ",
            length(missing), " of ", length(cells), " cells, such as ",
            .quoted(missing, 1L), ".")
    if (identical(colnames(whole), cells)) whole else whole[, cells]
}

# `x` with all `genes`, in their order; rows that it lacks are zero.
.with_genes <- function(x, genes, what) {
    if (identical(rownames(x), genes))
        return(x)
    x <- .as_dgCMatrix(x, what)
    new <- setdiff(genes, rownames(x))
    zero <- Matrix::sparseMatrix(i = integer(), j = integer(),
        x = numeric(), dims = c(length(new), ncol(x)),
        dimnames = list(new, colnames(x)))
    rbind(x, zero)[genes, , drop = FALSE]
}

.output.Seurat <- function(target, answer, key, assay = NULL) {
    cells <- as.data.frame(answer$cells, row.names = colnames(target),
        optional = TRUE)
    stale <- setdiff(.group_columns(key), names(cells))
    for (name in intersect(stale, colnames(target[[]])))
        target[[name]] <- NULL
    target <- SeuratObject::AddMetaData(target, cells)
    suffix <- c(embedding = "", probabilities = "P", type_probabilities = "T")
    for (kind in names(answer$matrices)) {
        prefix <- paste0(toupper(gsub("[^[:alnum:]]", "", key)),
            suffix[[kind]], "_")
        target[[.matrix_name(kind, key)]] <- .dim_reduc(
            answer$matrices[[kind]], prefix, colnames(target),
            SeuratObject::DefaultAssay(target))
    }
    suppressWarnings(SeuratObject::Misc(target, key) <- answer$run)
    target
}

# The columns' own names (clusters, types) are in the reduction's `misc`.
.dim_reduc <- function(matrix, prefix, cells, assay) {
    columns <- colnames(matrix)
    dimnames(matrix) <- list(cells, paste0(prefix, seq_len(ncol(matrix))))
    SeuratObject::CreateDimReducObject(matrix, key = prefix, assay = assay,
        misc = list(columns = columns))
}
