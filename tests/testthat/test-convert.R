quiet <- function(text) NULL

values <- matrix(c(0, 1, 0, 2, 3, 0, 0, 0, 4, 5, 0, 6), 4,
    dimnames = list(paste0("g", 1:4), paste0("c", 1:3)))

test_that("every kind of matrix becomes the same dgCMatrix", {
    expected <- as(values, "CsparseMatrix")
    expect_s4_class(expected, "dgCMatrix")
    integers <- values
    storage.mode(integers) <- "integer"
    forms <- list(double = values, integer = integers, dgC = expected,
        dgT = as(expected, "TsparseMatrix"),
        dgR = as(expected, "RsparseMatrix"),
        dge = as(as(values, "dMatrix"), "unpackedMatrix"),
        delayed = DelayedArray::DelayedArray(expected),
        delayed_dense = DelayedArray::DelayedArray(integers))
    for (form in names(forms))
        expect_identical(.as_dgCMatrix(forms[[form]], "target"), expected,
            label = form)
})

test_that("logical, pattern and symmetric matrices lose nothing", {
    logical <- values > 0
    expect_identical(as.matrix(.as_dgCMatrix(logical, "x")), logical * 1)
    sparse <- as(logical, "CsparseMatrix")
    expect_s4_class(sparse, "lgCMatrix")
    expect_identical(as.matrix(.as_dgCMatrix(sparse, "x")), logical * 1)
    pattern <- as(sparse, "nMatrix")
    expect_identical(as.matrix(.as_dgCMatrix(pattern, "x")), logical * 1)
    square <- Matrix::crossprod(as(values, "CsparseMatrix"))
    expect_s4_class(square, "dsCMatrix")
    expect_identical(as.matrix(.as_dgCMatrix(square, "x")), as.matrix(square))
    diagonal <- Matrix::Diagonal(x = c(1, 2, 3))
    expect_identical(as.matrix(.as_dgCMatrix(diagonal, "x")), diag(c(1, 2, 3)))
})

test_that("entries that a dgTMatrix holds twice are summed", {
    twice <- new("dgTMatrix", i = c(0L, 0L), j = c(1L, 1L), x = c(2, 3),
        Dim = c(2L, 2L))
    expect_identical(.as_dgCMatrix(twice, "x")@x, 5)
})

test_that("a dgCMatrix is not copied", {
    x <- as(values, "CsparseMatrix")
    expect_identical(rlang::obj_address(.as_dgCMatrix(x, "x")@x),
        rlang::obj_address(x@x))
})

test_that("HDF5-backed values are read block by block", {
    skip_if_not_installed("HDF5Array")
    dense <- as(values, "HDF5Array")
    sparse <- HDF5Array::writeHDF5Array(values, as.sparse = TRUE,
        with.dimnames = TRUE)
    expect_true(DelayedArray::is_sparse(sparse))
    on.exit(suppressMessages(DelayedArray::setAutoBlockSize()))
    suppressMessages(DelayedArray::setAutoBlockSize(32))
    expect_gt(length(DelayedArray::colAutoGrid(dense)), 1)
    expect_identical(.as_dgCMatrix(dense, "x"), as(values, "CsparseMatrix"))
    expect_identical(.as_dgCMatrix(sparse, "x"), as(values, "CsparseMatrix"))
    late <- log2(dense + 1)
    expect_equal(as.matrix(.as_dgCMatrix(late, "x")), log2(values + 1))
})

test_that("what is no matrix of numbers is refused by name", {
    expect_error(.input(as.data.frame(values), "source", NULL, NULL, quiet),
        "'source' is a data frame.*as.matrix\\(source\\)")
    expect_error(.input(1:3, "target", NULL, NULL, quiet),
        "'target' must be a SingleCellExperiment.*class 'integer', length 3")
    expect_error(.input(array("a", c(2, 2), list(1:2, 1:2)), "target", NULL,
        NULL, quiet), "type 'character'; they must be numbers")
    expect_error(.input(values[, 0], "target", NULL, NULL, quiet),
        "'target' is empty: 4 genes and 0 cells")
    expect_error(.input(unname(values), "source", NULL, NULL, quiet),
        "'source' has no gene names: set rownames\\(source\\)")
})

test_that("counts are taken before logcounts, and it is said", {
    sce <- SingleCellExperiment(list(logcounts = log1p(values),
        counts = values))
    expect_message(found <- .input(sce, "source", NULL, NULL, message),
        "Using assay 'counts' of source.")
    expect_identical(as.matrix(found), values)
    assay(sce, "counts") <- NULL
    expect_message(found <- .input(sce, "source", NULL, NULL, message),
        "Using assay 'logcounts' of source.")
    expect_equal(as.matrix(found), log1p(values))
    only <- SummarizedExperiment(list(tpm = values))
    expect_message(.input(only, "source", NULL, NULL, message),
        "the only assay")
    expect_identical(.input(only, "source", 1, NULL, quiet),
        .input(only, "source", "tpm", NULL, quiet))
})

test_that("an assay that is not there is an error with what is there", {
    sce <- SingleCellExperiment(list(a = values, b = values))
    expect_error(.input(sce, "target", NULL, NULL, quiet),
        "'target' has no assay NULL.*its assays are: 'a', 'b'")
    expect_error(.input(sce, "target", "counts", NULL, quiet),
        "has no assay \"counts\"")
    expect_error(.input(sce, "target", 3, NULL, quiet), "has no assay 3")
})

test_that("labels are found, or asked for with the columns", {
    sce <- SingleCellExperiment(list(counts = values),
        colData = DataFrame(batch = 1, Cell.Type = c("T", "B", "T")))
    expect_message(found <- .labels(sce, NULL, message), "'Cell.Type'")
    expect_identical(found, factor(c("T", "B", "T")))
    sce$labels <- "x"
    expect_error(.labels(sce, NULL, quiet),
        "Several columns.*'batch', 'Cell.Type', 'labels'")
    expect_error(.labels(sce, "celltype", quiet),
        "'celltype' is not a column of source. Pass labels=")
    expect_error(.labels(sce, c("T", "B"), quiet), "each of its 3 cells")
    expect_error(.labels(values, NULL, quiet), "its columns are: none")
    expect_identical(.labels(values, c("T", "B", "T"), quiet), found)
})

test_that("the names of label columns are Python's", {
    skip_without_python()
    naming <- reticulate::import_from_path("itclust.data.naming",
        .python_path())
    expect_setequal(.LABEL_COLUMNS, unlist(naming$LABEL_COLUMNS))
})

test_that("labels of any kind become levels without losing one", {
    x <- factor(c("b", NA, "a", "b"), levels = c("z", "b", "a"))
    expect_identical(.as_levels(x), factor(x, levels = c("b", "a")))
    expect_identical(.as_levels(S4Vectors::Rle(c("b", "b", "a"))),
        factor(c("b", "b", "a")))
    expect_identical(.as_levels(c("a", " ", "")), factor(c("a", NA, NA)))
    expect_identical(levels(.as_levels(c("b", "B", "a"))), c("B", "a", "b"))
    expect_identical(.as_levels(c(TRUE, NA)), factor(c("TRUE", NA)))
    expect_identical(.as_levels(2:1), factor(2:1))
    expect_error(.labels(values, c(NA, NA, ""), quiet), "Every label")
})

test_that("what crosses has unique names and nothing of the rest", {
    sparse <- .as_dgCMatrix(values, "x")
    colnames(sparse) <- c("c", "c", "c")
    sent <- .package(sparse, label = factor(c("a", "b", NA)))
    expect_identical(colnames(sent), c("1", "2", "3"))
    expect_identical(rownames(sent), rownames(values))
    expect_identical(names(colData(sent)), "label")
    expect_identical(assayNames(sent), "X")
})

test_that("batches are a column of the target, the source, or both", {
    a <- SingleCellExperiment(list(counts = values),
        colData = DataFrame(donor = c("x", "y", "x")))
    b <- SingleCellExperiment(list(counts = values))
    expect_identical(.batch(a, "donor"), factor(c("x", "y", "x")))
    expect_null(.batch(a, NULL))
    expect_null(.batch(b, "donor"))
    expect_null(.check_batch_key("donor", source = list(b, a), target = b))
    expect_null(.check_batch_key(NULL, source = b))
    expect_error(.check_batch_key("batch", source = b, target = a),
        "'batch' is not a column of target. Pass batch.key=")
    expect_error(.check_batch_key("batch", source = list(a, b)),
        "'batch' is not a column of source")
    expect_error(.check_batch_key(2, source = a), "name of one column")
})

test_that("several sources are one list", {
    a <- SingleCellExperiment(list(counts = values),
        colData = DataFrame(label = c("x", "y", "x")))
    both <- .sources(list(p = a, q = a), "label", NULL, NULL, quiet)
    expect_named(both, c("p", "q"))
    expect_identical(both$p, both$q)
    expect_identical(both$p, .sources(a, "label", NULL, NULL, quiet)[[1]])
    mixed <- .sources(list(a, values), list("label", c("x", "y", "x")), NULL,
        NULL, quiet)
    expect_identical(mixed[[1]]$label, mixed[[2]]$label)
    expect_error(.sources(list(a, a), c("x", "y", "x"), NULL, NULL, quiet),
        "a list of one vector a dataset")
})

# A file as 10x Genomics write it: HDF5Array's own writer fails on small ones.
tenx <- function(x) {
    path <- tempfile(fileext = ".h5")
    rhdf5::h5errorHandling("normal") # Python's h5py has switched it off
    rhdf5::h5createFile(path)
    rhdf5::h5createGroup(path, "m")
    parts <- list(data = x@x, indices = x@i, indptr = x@p, shape = dim(x),
        genes = rownames(x), barcodes = colnames(x))
    for (name in names(parts))
        rhdf5::h5write(parts[[name]], path, paste0("m/", name))
    HDF5Array::TENxMatrix(path, "m")
}

test_that("sparse files are read in one go, chunks once", {
    skip_if_not_installed("rhdf5")
    rhdf5::h5errorHandling("normal") # Python's h5py has switched it off
    withr::defer(rhdf5::h5errorHandling("suppress"))
    skip_if_not_installed("HDF5Array")
    wide <- Matrix::rsparsematrix(50, 60, 0.2, rand.x = function(n)
        as.numeric(sample(9, n, TRUE)))
    dimnames(wide) <- list(paste0("g", 1:50), paste0("c", 1:60))
    file <- tenx(wide)
    expect_true(.is_sparse_file(file))
    expect_identical(.as_dgCMatrix(file, "x"), wide)
    rownames(file) <- paste0("h", 1:50)
    expect_true(.is_sparse_file(file))
    expect_identical(rownames(.as_dgCMatrix(file, "x")), paste0("h", 1:50))
    expect_false(.is_sparse_file(file[1:5, ]))
    expect_equal(as.matrix(.as_dgCMatrix(file[5:1, ], "x")),
        as.matrix(file[5:1, ]))
    expect_false(.is_sparse_file(wide))

    dense <- HDF5Array::writeHDF5Array(as.matrix(wide), chunkdim = c(10, 7),
        with.dimnames = TRUE)
    on.exit(suppressMessages(DelayedArray::setAutoBlockSize()))
    suppressMessages(DelayedArray::setAutoBlockSize(50 * 8 * 17))
    widths <- dim(.column_blocks(dense))[2]
    expect_identical(ncol(.column_blocks(dense)[[1L]]), 14L)
    expect_identical(.as_dgCMatrix(dense, "x"), wide)
})

test_that("only what lies in a file as it is is handed over by its file", {
    skip_if_not_installed("rhdf5")
    rhdf5::h5errorHandling("normal") # Python's h5py has switched it off
    withr::defer(rhdf5::h5errorHandling("suppress"))
    skip_if_not_installed("HDF5Array")
    dense <- as(values, "HDF5Array")
    expect_identical(.file_of(dense)[c("name", "sparse")], list(
        name = DelayedArray::seed(dense)@name, sparse = FALSE))
    renamed <- dense
    rownames(renamed) <- paste0("h", seq_len(nrow(values)))
    expect_identical(.file_of(renamed), .file_of(dense))
    sparse <- tenx(as(values, "CsparseMatrix"))
    expect_identical(.file_of(sparse)[c("name", "sparse")], list(name = "/m",
        sparse = TRUE))
    for (x in list(dense[2:1, ], dense[, 2:1], log1p(dense), t(dense),
        DelayedArray::cbind(dense, dense), DelayedArray::DelayedArray(values), values))
        expect_null(.file_of(x))
})

test_that("values in files give the answer of those in memory, unread by R", {
    skip_without_python()
    skip_if_not_installed("rhdf5")
    rhdf5::h5errorHandling("normal")
    withr::defer(rhdf5::h5errorHandling("suppress"))
    skip_if_not_installed("HDF5Array")
    d <- tiny()
    expected <- quick(d$source, d$target)
    kinds <- list(sparse = tenx, dense = function(x)
        as(as.matrix(x), "HDF5Array"))
    here <- asNamespace("ItClust")
    suppressMessages(trace(".realise", quote(stop("it was read")), where = here,
        print = FALSE))
    withr::defer(suppressMessages(untrace(".realise", where = here)))
    for (kind in kinds) {
        x <- d
        for (which in c("source", "target"))
            counts(x[[which]]) <- kind(counts(d[[which]]))
        out <- quick(x$source, x$target)
        expect_identical(colData(out), colData(expected))
        expect_identical(reducedDims(out), reducedDims(expected))
        model <- quick_train(x$source)
        expect_identical(transferItClust(model, x$target,
            verbose = FALSE)$itclust_confidence, expected$itclust_confidence)
    }
    counts(x$target) <- counts(x$target) * 2
    expect_error(quick(d$source, x$target), "it was read")
})

test_that("a file that Python cannot read is read by R", {
    skip_without_python()
    skip_if_not_installed("rhdf5")
    rhdf5::h5errorHandling("normal")
    withr::defer(rhdf5::h5errorHandling("suppress"))
    d <- tiny()
    expect_false(.hand_over_file("target", counts(d$target),
        list(path = tempfile(), name = "x", sparse = FALSE)))
    path <- tempfile(fileext = ".h5")
    rhdf5::h5createFile(path)
    rhdf5::h5write(matrix(1, 3, 2), path, "x")
    for (name in c("x", "y"))
        expect_false(.hand_over_file("target", counts(d$target),
            list(path = path, name = name, sparse = FALSE)))
    expect_false(.hand_over_file("target", counts(d$target),
        list(path = path, name = "x", sparse = TRUE)))
})

test_that("of a source on disk the target's genes alone are read", {
    delayed <- DelayedArray::DelayedArray(values)
    expect_identical(rownames(.cut(delayed, c("g2", "g4", "g9"))),
        c("g2", "g4"))
    expect_identical(.cut(delayed, "other"), delayed) # names to be matched yet
    expect_identical(.cut(values, "g2"), values)
    expect_identical(.cut(delayed, rownames(values)), delayed)
    skip_without_python()
    d <- tiny()
    some <- d$target[c(1:45, 50:60), ]
    assay(d$source, "counts") <- DelayedArray::DelayedArray(
        counts(d$source))
    expect_identical(quick(d$source, some), quick(tiny()$source, some))
})

test_that("gene names come from a column, alternative experiments by name", {
    sce <- SingleCellExperiment(list(counts = values),
        rowData = DataFrame(Symbol = c("A", NA, "B", "")))
    expect_message(found <- .input(sce, "target", NULL, NULL, message,
        gene.column = "Symbol"), "2 genes have none and are left out")
    expect_identical(as.matrix(found), rbind(A = values[1, ], B = values[3, ]))
    rowData(sce)$Symbol <- ""
    expect_error(.input(sce, "target", NULL, NULL, quiet,
        gene.column = "Symbol"), "Every value of the column 'Symbol'")
    expect_identical(as.matrix(.input(sce, "target", NULL, NULL, quiet,
        gene.column = "other")), values)
    expect_error(.check_places("other", NULL, NULL, target = sce),
        "'other' is no column of the genes.*'Symbol'")
    altExp(sce, "tags") <- SummarizedExperiment(list(counts = values[2:3, ]))
    expect_identical(rownames(.input(sce, "target", NULL, NULL, quiet,
        altexp = "tags")), c("g2", "g3"))
    expect_silent(.check_places(NULL, "tags", NULL, target = sce))
    expect_error(.check_places(NULL, "no", NULL, target = sce),
        "'no' is no alternative experiment.*'tags'")
    expect_error(.check_places(3, NULL, NULL, target = sce), "one name")
    skip_if_not_installed("SeuratObject")
    x <- tiny()$target
    object <- suppressWarnings(SeuratObject::CreateSeuratObject(counts(x)))
    object[["RNA"]] <- SeuratObject::AddMetaData(object[["RNA"]],
        setNames(paste0("s", seq_len(60)), rownames(object)), "Symbol")
    expect_identical(rownames(.input(object, "target", NULL, NULL, quiet,
        gene.column = "Symbol"))[60], "s60")
})
