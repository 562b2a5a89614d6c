# R's own part of the catalogue, read by test-catalogue.R: name = case(what must
# be said, arguments of ItClust()). `source` and `target` may be functions,
# which get those of tiny() and change them. `says` may be "taken", or begin
# with "warned: ". `call`: another function of source and target.

SMALL <- tiny()

case <- function(says, ..., call = NULL, needs = NULL)
    list(says = says, arguments = list(...), call = call, needs = needs)

# The call that a case is about.
as_call <- function(case) {
    data <- SMALL
    if (!is.null(case$call))
        return(function() case$call(data$source, data$target))
    arguments <- utils::modifyList(list(verbose = FALSE), case$arguments,
        keep.null = TRUE)
    for (name in c("source", "target")) {
        change <- arguments[[name]]
        arguments[name] <- list(if (is.function(change)) change(data[[name]])
            else if (name %in% names(arguments)) change else data[[name]])
    }
    function() do.call(ItClust, arguments)
}

# Without what differs from run to run.
anonymous <- function(text) {
    text <- gsub(normalizePath(tempdir()), ".", text, fixed = TRUE)
    text <- gsub(tempdir(), ".", text, fixed = TRUE)
    substr(encodeString(gsub("file[0-9a-f]{6,}", "x", text)), 1L, 300L)
}

as_matrix <- function(part) matrix(unlist(part$x), length(part$genes),
    dimnames = list(unlist(part$genes), unlist(part$cells)))

# Changes ----------------------------------------------------------------------

assays_of <- function(...) function(x) {
    values <- lapply(list(...), function(change) change(counts(x)))
    SummarizedExperiment(values, colData = colData(x))
}

values_of <- function(change) function(x) {
    counts(x, withDimnames = FALSE) <- change(counts(x))
    x
}

with_genes <- function(change) function(x) {
    rownames(x) <- change(rownames(x))
    x
}

labelled <- function(change) function(x) {
    x$cell_type <- change(as.character(x$cell_type))
    x
}

# Types A, B, C, ... under other names.
renamed <- function(...) labelled(function(v)
    c(...)[as.integer(factor(v))])

column <- function(name, value) function(x) {
    x[[name]] <- value(ncol(x))
    x
}

# A sparse matrix that is none: validity is checked when an object is made, not
# when a slot is set.
with_slot <- function(name, change) function(x) {
    m <- counts(x)
    slot(m, name) <- change(slot(m, name))
    m
}

# The same as an assay: no function of Bioconductor would put it there.
with_assay <- function(name, change) function(x) {
    x@assays@data@listData$counts <- with_slot(name, change)(x)
    x
}

LABELS <- rep(c("B", "T"), 25)

put <- function(at, value) function(v) {
    v[at] <- value
    v
}

# Values in an HDF5 file, to which something happens afterwards.
on_disk <- function(happens, sparse = FALSE) function(x) {
    path <- tempfile(fileext = ".h5")
    written <- HDF5Array::writeHDF5Array(as.matrix(counts(x)), path, "x",
        as.sparse = sparse)
    dimnames(written) <- dimnames(x)
    counts(x, withDimnames = FALSE) <- written
    happens(path)
    x
}

gone <- function(path) unlink(path)

cut_short <- function(path) {
    bytes <- readBin(path, "raw", file.size(path))
    writeBin(bytes[seq_len(length(bytes) %/% 2)], path)
}

other_shape <- function(path) {
    unlink(path)
    HDF5Array::writeHDF5Array(matrix(1, 7, 5), path, "x")
}

as_seurat <- function(x) suppressWarnings(SeuratObject::CreateSeuratObject(
    counts(x), meta.data = as.data.frame(colData(x))))

broken <- "a\xffb"
Encoding(broken) <- "UTF-8"

annotated <- function() readRDS(system.file("extdata", "annotated.rds",
    package = "ItClust"))

# A model that was saved, and then something happened to its bytes.
model_of <- function(bytes) new("ItClustModel", data = bytes, types = "B",
    genes = "g", preset = "default", version = "2.0.0")

file_of <- function(text) {
    path <- tempfile()
    writeLines(text, path)
    path
}

# Cases ------------------------------------------------------------------------

H5 <- "HDF5Array"
S <- "SeuratObject"
CASES <- list(
"R: objects" = list(
    "source: NULL" = case("'source' must be a SingleCell", source = NULL),
    "target: a path" = case("'target' must be a SingleCell",
        target = "x.h5ad"),
    "target: a function" = case("'target' must be a SingleCell",
        target = function(x) mean),
    "target: a data frame" = case("Pass a matrix of genes by cells",
        target = function(x) as.data.frame(as.matrix(counts(x)))),
    "target: a list of two" = case("'target' is a list",
        target = function(x) list(x, x)),
    "source: an empty list" = case("Where 'source' is a list",
        source = list()),
    "source: two, and labels for three" = case("give one entry a dataset",
        source = function(x) list(x, x), labels = list("a", "b", "c")),
    "no cells" = case("'target' is empty: 60 genes and 0 cells",
        target = function(x) x[, 0L]),
    "no genes" = case("'source' is empty: 0 genes",
        source = function(x) x[0L, ]),
    "assays: none" = case("'target' has no assay",
        target = function(x) {
            assays(x) <- list()
            x
        }),
    "assays: two of other names" = case("its assays are: 'a', 'b'",
        target = assays_of(a = identity, b = identity)),
    "assay.type that is not there" = case("has no assay \"tpm\"",
        assay.type = "tpm"),
    "assay.type beyond the last" = case("has no assay 9", assay.type = 9),
    "assay.type: NA" = case("has no assay NA", assay.type = NA_character_),
    "assay.type: two" = case("has no assay", assay.type = c("a", "b")),
    "assay of a matrix" = case("'assay' is for Seurat objects",
        target = counts, assay = "RNA"),
    "an assay of text" = case("of type 'character'", target = assays_of(
        counts = function(m) matrix("a", nrow(m), ncol(m),
            dimnames = dimnames(m)))),
    "an assay of complex numbers" = case("of type 'complex'",
        target = assays_of(counts = function(m) as.matrix(m) + 0i)),
    "an assay of TRUE and FALSE" = case("taken", target = assays_of(
        counts = function(m) as.matrix(m) > 0)),
    "altexp that is not there" = case("'ADT' is no alternative experiment",
        altexp = "ADT"),
    "gene.column that is not there" = case("'symbol' is no column of the genes",
        gene.column = "symbol"),
    "Seurat: an assay that is not there" = case("'target' has no assay 'SCT'",
        target = as_seurat, assay = "SCT", needs = S),
    "Seurat: a layer that is not there" = case("has no layer \"tpm\"",
        target = as_seurat, assay.type = "tpm", assay.type.source = "counts",
        needs = S),
    "HDF5: the file is gone" = case("'target' cannot be read: file",
        target = on_disk(gone), needs = H5),
    "HDF5: the file is cut" = case("'target' cannot be read: failed to open",
        target = on_disk(cut_short), needs = H5),
    "HDF5: the file is another's" = case("with incorrect dimensions",
        target = on_disk(other_shape), needs = H5),
    "HDF5, sparse: the file is gone" = case("'target' cannot be read: file",
        target = on_disk(gone, TRUE), needs = H5)),
"R: names" = list(
    "genes: no names" = case("'target' has no gene names", target = function(x)
        unname(counts(x))),
    "genes: one is NA" = case("1 of the 60 gene names of 'source' are NA",
        source = with_genes(put(3L, NA))),
    "genes: one is blank" = case("gene names of 'target' are NA or blank",
        target = with_genes(put(3L, " "))),
    "genes: an invalid byte" = case("bytes that are no text",
        target = with_genes(put(3L, broken))),
    "cells: the same name twice" = case("taken", target = function(x) {
        colnames(x)[2L] <- colnames(x)[1L]
        x
    }),
    "cells: NA" = case("taken", target = function(x) {
        m <- counts(x)
        colnames(m)[2L] <- NA
        m
    })),
"R: values" = list(
    "values: NA" = case("NaN, infinite or beyond", target = values_of(
        put(5L, NA))),
    "values: logs that are counts" = case("a logarithm of a count",
        target = values_of(function(m) m * 100), values = "log"),
    "dgCMatrix: an index beyond the genes" = case("'i' slot has elements not",
        source = with_slot("i", put(3L, 60L)), labels = LABELS),
    "dgCMatrix: an index of 2^30" = case("'i' slot has elements not in",
        source = with_slot("i", put(1L, as.integer(2^30))), labels = LABELS),
    "dgCMatrix: a negative index" = case("'i' slot has elements not in",
        source = with_slot("i", put(3L, -1L)), labels = LABELS),
    "dgCMatrix: pointers that fall" = case("'p' slot",
        source = with_slot("p", function(p) put(2L, max(p))(p)),
        labels = LABELS),
    "dgCMatrix: a pointer beyond the values" = case("slot",
        source = with_slot("p", function(p) put(length(p), 1000000L)(p)),
        labels = LABELS),
    "dgCMatrix: a value too few" = case("'i' and 'x' slots do not have",
        source = with_slot("x", function(x) x[-1L]), labels = LABELS),
    "assay: an index beyond the genes" = case("'source' cannot be read",
        source = with_assay("i", put(3L, 60L))),
    "assay: pointers that fall" = case("'target' cannot be read",
        target = with_assay("p", function(p) put(2L, max(p))(p))),
    "assay: a pointer too few" = case("'source' cannot be read",
        source = with_assay("p", function(p) p[-2L])),
    "assay: a value too few" = case("'source' cannot be read",
        source = function(x) list(with_assay("x", function(x) x[-1L])(x), x)),
    "assay: a value too few, of a model's target" = case(
        "'target' cannot be read", call = function(source, target)
            transferItClust(model_of(as.raw(1)), with_assay("x",
                function(x) x[-1L])(target)))),
"R: labels" = list(
    "labels: a column that is not there" = case(
        "'type' is not a column of source", labels = "type"),
    "labels: two columns named like labels" = case("Several columns of source",
        source = column("label", function(n) rep("a", n))),
    "labels: one too few" = case("each of its 50 cells", labels = rep("a", 49)),
    "labels: a matrix" = case("'labels' must", labels = matrix("a", 50, 1)),
    "labels: a list" = case("'labels' must", labels = as.list(1:50)),
    "labels: all NA" = case("Every label of 'source' is missing",
        source = labelled(function(v) NA)),
    "labels: the cells' names" = case("names of the cells",
        source = function(x) {
            x$cell_type <- colnames(x)
            x
        }),
    "labels: a measurement" = case("fractions", labels = (1:50) / 7),
    "labels: in Latin-1" = case("taken", source = renamed(
        iconv("\u00e9t\u00e9", "UTF-8", "latin1"), "B", "T")),
    "labels: an invalid byte" = case("bytes that are no text",
        source = renamed(broken, "B", "T"))),
"R: arguments" = list(
    "key.added: a slash" = case("'key.added' must be", key.added = "a/b"),
    "key.added: two" = case("'key.added' must be", key.added = c("a", "b")),
    "key.added: a column of the target" = case("would overwrite",
        target = column("donor", seq_len), key.added = "donor"),
    "key.added: whose part is a column" = case("would overwrite",
        target = column("itclust_level", seq_len)),
    "seed: below 0" = case("'seed' must be one whole number", seed = -1),
    "seed: a half" = case("'seed' must be one whole number", seed = 0.5),
    "seed: 2^32" = case("'seed' must be one whole number", seed = 2^32),
    "verbose: a word" = case("'verbose' must be TRUE or FALSE",
        verbose = "yes"),
    "preset: unknown" = case("preset='papr' is unknown", preset = "papr",
        n.latent = 3),
    "preset: two" = case("'preset' must be one name",
        preset = c("default", "paper")),
    "values: unknown" = case("'values' must be one of", values = "tpm"),
    "batch.key: not there" = case("'donor' is not a column",
        batch.key = "donor"),
    "batch.key: all NA" = case("Every value of the batch column",
        source = column("donor", function(n) rep(NA, n)), batch.key = "donor"),
    "clusters: one too few" = case("each of its 40 cells", clusters = 1:39),
    "tree: a number" = case("'tree' must be a named vector", tree = 5),
    "tree: a file that is not there" = case("There is no file",
        tree = "none.obo"),
    "an unknown setting" = case("did you mean 'n.latent'", n.latnet = 3),
    "a setting in Python's words" = case("is called 'labels' in R",
        labels_key = "cell_type"),
    "a setting that is NA" = case("'tol' is NA", tol = NA),
    "a setting that is a function" = case("'dropout' must be a number",
        dropout = mean)),
"R: models and results" = list(
    "model: NULL" = case("'model' must come from", call = function(s, t)
        saveItClust(NULL, tempfile())),
    "model: bytes that are none" = case("is not an ItClust model file",
        call = function(s, t) transferItClust(model_of(as.raw(1:9)), t)),
    "loadItClust: no file" = case("There is no file", call = function(s, t)
        loadItClust(tempfile())),
    "loadItClust: a folder" = case("There is no file", call = function(s, t)
        loadItClust(tempdir())),
    "loadItClust: text" = case("is not an ItClust model file",
        call = function(s, t) loadItClust(file_of("hello"))),
    "loadItClust: NA" = case("'path' must be", call = function(s, t)
        loadItClust(NA)),
    "saveItClust: a file that is there" = case("Pass overwrite = TRUE",
        call = function(s, t) saveItClust(model_of(as.raw(1)), file_of("a"))),
    "saveItClust: no such folder" = case("does not exist",
        call = function(s, t) saveItClust(model_of(as.raw(1)),
            file.path(tempdir(), "none", "x"))),
    "transferItClust: no target" = case("'target' is an empty list",
        call = function(s, t) transferItClust(model_of(as.raw(1)), list())),
    "plotItClust: no results" = case("no results under 'itclust'",
        call = function(s, t) plotItClust(t)),
    "explainItClust: no results" = case("no results under 'itclust'",
        call = function(s, t) explainItClust(s, t)),
    "reportItClust: no results" = case("no results under 'itclust'",
        call = function(s, t) reportItClust(t, tempfile())),
    "reportItClust: no such folder" = case("does not exist",
        call = function(s, t) reportItClust(annotated(),
            file.path(tempdir(), "none", "x.html"))),
    "reportItClust: the record is lost" = case("has no table of clusters",
        call = function(s, t) {
            x <- annotated()
            metadata(x) <- list()
            reportItClust(x, tempfile())
        }),
    "groupItClust: clusters that are missing" = case("is missing or blank",
        call = function(s, t) {
            x <- annotated()
            groupItClust(x, rep(NA, ncol(x)))
        })))
