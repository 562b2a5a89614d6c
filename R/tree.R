# tree=, which types belong together: for Python a dict, or columns of the source
# and an ontology's file.

.ONTOLOGY <- "\\.obo(\\.gz)?$"
.TERMS <- "cell_type_ontology_term_id" # of CELLxGENE's schema

# What Python's `tree` is, and the columns that each source must hand over for
# it, a list by name; NULL where no tree is given.
.tree <- function(tree, source) {
    if (is.null(tree))
        return(NULL)
    if (!is.null(names(tree)) || is.list(tree))
        return(list(option = .as_dict(tree)))
    if (!is.character(tree) || !length(tree) || anyNA(tree))
        .stop(.TREES, " Received: ", .show(tree), ".")
    file <- grepl(.ONTOLOGY, tree)
    path <- if (any(file)) .ontology_file(tree, file)
    tables <- lapply(.flat(list(source)), .cell_table)
    columns <- tree[!file]
    if (!length(columns) && all(vapply(tables, function(x)
        .TERMS %in% colnames(x), logical(1))))
        columns <- .TERMS
    handed <- paste0("tree:", columns, recycle0 = TRUE)
    list(option = as.list(c(handed, path)), columns = lapply(tables,
        function(table) setNames(lapply(columns, function(name)
            .as_levels(.column(table, name, "source", "tree"))), handed)))
}

.TREES <- paste("'tree' must be a named vector with each type's parent, a",
    "named list with each parent's types, names of columns of the source from",
    "coarse to fine, or the name of an OBO file.")

.ontology_file <- function(tree, file) {
    if (which(file)[1L] != length(tree) || length(tree) > 2L)
        .stop("An OBO file comes last in 'tree', behind one column with its ",
            "ids at most: tree = c(\"", .TERMS, "\", \"cl.obo\").")
    path <- tree[file]
    if (!file.exists(path))
        .stop("There is no file '", path, "'. Pass the path of an ontology ",
            "that you have, such as cl.obo of the Cell Ontology.")
    normalizePath(path)
}

# One string an entry: parents by type. Else types by parent, at any depth.
.as_dict <- function(tree) {
    tree <- as.list(tree)
    if (is.null(names(tree)) || any(!nzchar(names(tree))) || anyNA(names(tree)))
        .stop(.TREES, " Received: ", .show(tree), " without names.")
    one <- vapply(tree, function(x) length(x) == 1L && .is_text(x), logical(1))
    if (all(one)) lapply(tree, as.character) else lapply(tree, .below)
}

.is_text <- function(x) is.character(x) || is.factor(x)

.below <- function(x) {
    if (.is_text(x))
        return(as.list(as.character(x)))
    if (!is.list(x))
        .stop(.TREES, " Received in it: ", .show(x), ".")
    if (!length(x))
        return(list())
    if (is.null(names(x)))
        names(x) <- rep("", length(x))
    leaf <- !nzchar(names(x))
    names(x)[leaf] <- vapply(x[leaf], function(y)
        if (length(y) == 1L && .is_text(y)) as.character(y) else
            .stop(.TREES, " Received in it: ", .show(y), "."), "")
    x[leaf] <- list(list())
    lapply(x, .below)
}

.tree_option <- function(tree) {
    if (!is.null(tree))
        list(tree = tree$option)
}

# Sources, each with its columns of the tree.
.with_tree <- function(sources, tree) {
    if (is.null(tree$columns))
        return(sources)
    Map(function(source, columns) c(source, list(tree = columns)), sources,
        tree$columns)
}
