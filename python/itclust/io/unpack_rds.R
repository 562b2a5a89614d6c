# Rscript unpack_rds.R FILE.rds FOLDER: leaves assays (raw vectors of sparse columns), cells, genes and reduced
# dimensions in FOLDER. Base R, and the package that the object belongs to.

args <- commandArgs(trailingOnly = TRUE)
folder <- args[2]
out <- function(name) file.path(folder, name)

lines_to <- function(lines, name) {
  con <- file(out(name), "wb")
  on.exit(close(con))
  writeLines(enc2utf8(lines), con, useBytes = TRUE)
}

fail <- function(...) {
  lines_to(paste0(...), "error")
  quit(status = 3)
}

need <- function(package, what) {
  if (!requireNamespace(package, quietly = TRUE)) {
    fail("holds ", what, ", and R lacks the package ", package, " to open it. Install it in R; a library of your own is named by R_LIBS.")
  }
}

notes <- character()
note <- function(...) notes <<- c(notes, paste0(...))

sparse_to <- function(x, name) {
  need("Matrix", "a matrix")
  if (!is(x, "dgCMatrix")) {
    if (is.matrix(x)) storage.mode(x) <- "double"
    x <- if (is.matrix(x) || is(x, "Matrix")) {
      as(as(as(x, "dMatrix"), "generalMatrix"), "CsparseMatrix")
    } else {
      as(x, "dgCMatrix") # DelayedMatrix
    }
  }
  for (part in c("x", "i", "p")) {
    con <- file(out(paste0(name, ".", part)), "wb")
    writeBin(slot(x, part), con, endian = "little")
    close(con)
  }
}

quoted <- function(v) {
  ifelse(is.na(v), "", paste0("\"", gsub("\"", "\"\"", enc2utf8(as.character(v)), fixed = TRUE), "\""))
}

# names and, of a data frame's columns, those with one plain value a row
frame_to <- function(names, frame, name) {
  columns <- lapply(seq_len(ncol(frame)), function(j) {
    v <- frame[[j]]
    if (is(v, "Rle")) as.vector(v) else v
  })
  plain <- vapply(columns, function(v) is.factor(v) || (is.atomic(v) && is.null(dim(v))), logical(1))
  columns <- columns[plain]
  header <- paste(quoted(c("name", colnames(frame)[plain])), collapse = ",")
  lines_to(c(header, do.call(paste, c(list(quoted(names)), lapply(columns, quoted), sep = ","))), paste0(name, ".csv"))
  lines_to(vapply(columns, function(v) class(v)[1], ""), paste0(name, ".kinds"))
}

unpack <- function(assays, cells, genes, reduced = list()) {
  dims <- dim(assays[[1]])
  assays <- Filter(function(x) identical(dim(x), dims), assays)
  cell_names <- colnames(assays[[1]])
  gene_names <- rownames(assays[[1]])
  if (is.null(gene_names)) fail("names no genes: set the row names in R.")
  if (is.null(cell_names)) cell_names <- as.character(seq_len(dims[2]))
  for (k in seq_along(assays)) sparse_to(assays[[k]], paste0("assay", k))
  lines_to(sprintf("assay%d\t%s", seq_along(assays), names(assays)), "assays")
  frame_to(cell_names, cells, "cells")
  frame_to(gene_names, genes, "genes")
  for (k in seq_along(reduced)) {
    con <- file(out(paste0("reduced", k)), "wb")
    writeBin(as.double(as.matrix(reduced[[k]])), con, endian = "little")
    close(con)
  }
  lines_to(sprintf("reduced%d\t%s", seq_along(reduced), names(reduced)), "reduced")
  lines_to(notes, "notes")
}

empty_frame <- function(n) data.frame(row.names = seq_len(n))

unpack_experiment <- function(x) {
  need("SummarizedExperiment", "a SummarizedExperiment")
  assays <- as.list(SummarizedExperiment::assays(x, withDimnames = TRUE))
  if (!length(assays)) fail("is a ", class(x)[1], " without assays.")
  if (is.null(names(assays))) names(assays) <- paste0("assay", seq_along(assays))
  reduced <- list()
  if (is(x, "SingleCellExperiment")) {
    need("SingleCellExperiment", "a SingleCellExperiment")
    reduced <- as.list(SingleCellExperiment::reducedDims(x))
    others <- SingleCellExperiment::altExpNames(x)
    if (length(others)) note("left the alternative experiments ", paste(others, collapse = ", "))
  }
  unpack(assays, SummarizedExperiment::colData(x), SummarizedExperiment::rowData(x), reduced)
}

# Layers of one name, also where Seurat 5 has split them: joined over all genes, in the object's order of cells.
joined_layer <- function(assay, name, cells) {
  found <- SeuratObject::Layers(assay)
  found <- if (name %in% found) name else found[startsWith(found, paste0(name, "."))]
  if (!length(found)) return(NULL)
  genes <- rownames(assay)
  parts <- lapply(found, function(layer) {
    part <- as(SeuratObject::LayerData(assay, layer = layer), "CsparseMatrix")
    absent <- setdiff(genes, rownames(part))
    zeros <- Matrix::sparseMatrix(integer(), integer(), x = double(), dims = c(length(absent), ncol(part)),
      dimnames = list(absent, colnames(part)))
    rbind(part, zeros)[genes, , drop = FALSE]
  })
  joined <- do.call(cbind, parts)
  if (!setequal(colnames(joined), cells)) fail("has cells that are in no layer '", name, "'.")
  joined[, cells, drop = FALSE]
}

unpack_seurat <- function(x) {
  need("SeuratObject", "a Seurat object")
  used <- SeuratObject::DefaultAssay(x)
  others <- setdiff(names(x@assays), used)
  note("took the default assay ", used, if (length(others)) ", left ", paste(others, collapse = ", "))
  assay <- x[[used]]
  layers <- if (is(assay, "Assay")) {
    list(counts = assay@counts, data = assay@data)
  } else {
    list(counts = joined_layer(assay, "counts", colnames(x)), data = joined_layer(assay, "data", colnames(x)))
  }
  layers <- Filter(function(m) !is.null(m) && all(dim(m) > 0), layers)
  if (!length(layers)) fail("has neither counts nor data in its assay ", used, ".")
  reduced <- lapply(x@reductions, SeuratObject::Embeddings)
  reduced <- Filter(function(m) identical(rownames(m), colnames(x)), reduced)
  unpack(layers, x[[]], empty_frame(nrow(layers[[1]])), reduced)
}

# While it is read, an object needs memory by the size of its file: a damaged length asks for more. gzip packs 1000 to 1 at most.
limited <- function(expr) {
  if (!exists("mem.maxVSize")) return(expr) # R before 4.2
  packed <- readBin(args[1], "raw", 1) != charToRaw("X")
  before <- mem.maxVSize(256 + (if (packed) 1000 else 8) * file.size(args[1]) / 2^20)
  on.exit(mem.maxVSize(min(before, 1e9))) # MB; R does not go back to no limit
  expr
}

x <- tryCatch(limited(readRDS(args[1])), error = function(e) fail("is damaged or cut short: ", conditionMessage(e), ". Get it again."))
owner <- attr(class(x), "package")
if (!is.null(owner) && owner != ".GlobalEnv") need(owner, paste("an object of class", class(x)[1]))
kinds <- c("SummarizedExperiment", "Seurat", "matrix", "Matrix")
kind <- c(kinds[vapply(kinds, function(kind) is(x, kind), logical(1))], "none")[1]
lines_to(character(), "opened") # from here on R may take long; a damaged object may never come back from is()
if (kind == "SummarizedExperiment") {
  unpack_experiment(x)
} else if (kind == "Seurat") {
  unpack_seurat(x)
} else if (kind != "none") {
  unpack(list(counts = x), empty_frame(ncol(x)), empty_frame(nrow(x)))
} else {
  fail("holds an object of class ", class(x)[1], "; read are SingleCellExperiment, SummarizedExperiment, Seurat and matrices.")
}
