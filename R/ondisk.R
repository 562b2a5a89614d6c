# Values that lie in an HDF5 file, cells beside cells: Python gets the file's
# name and reads slices of cells from it, and R reads nothing.

# Where the values of a DelayedMatrix lie, if nothing was done to them since:
# path, name of the dataset or group, and whether it is a sparse one. NULL else.
.file_of <- function(x) {
    if (!is(x, "DelayedArray") ||
        !DelayedArray::isPristine(x, ignore.dimnames = TRUE))
        return(NULL)
    seed <- DelayedArray::seed(x)
    while (is(seed, "DelayedUnaryIsoOp")) # names alone
        seed <- seed@seed
    if (is(seed, "CSC_H5SparseMatrixSeed") && is.null(seed@subdata))
        list(path = seed@filepath, name = seed@group, sparse = TRUE)
    else if (is(seed, "HDF5ArraySeed") && length(dim(seed)) == 2L)
        list(path = seed@filepath, name = seed@name, sparse = FALSE)
}

# Values, with what .package() adds to them, to Python: by their file where
# Python can read it, else from memory. `genes`: the only ones of interest.
.hand_over_values <- function(name, values, what, kind, ..., genes = NULL) {
    file <- .file_of(values)
    if (!is.null(file) && .hand_over_file(name, values, file, ...))
        return(invisible())
    if (!is.null(genes))
        values <- .legible(.cut(values, genes), what)
    .hand_over(name, .package(.read(values, what, kind), ...))
}

# FALSE where Python cannot: another program holds the file, or it is packed in
# a way that h5py does not know.
.hand_over_file <- function(name, values, file, ...) {
    none <- new("dgCMatrix", Dim = dim(values), p = integer(ncol(values) + 1L),
        Dimnames = list(rownames(values), NULL))
    file$links <- tempfile(fileext = ".h5") # until R ends: it is read from
    tryCatch({
        .hand_over(name, .package(none, ...), file)
        TRUE
    }, itclust_error = function(e) FALSE)
}
