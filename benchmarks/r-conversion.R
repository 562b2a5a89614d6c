# What handing a dataset from R to Python costs, beside an h5ad on disk.
#   Rscript benchmarks/r-conversion.R [GENES CELLS SHARE]      default: 15000 50000 0.1
# Prints a Markdown table: seconds, those of the processor, which neighbours do not lengthen, and peak memory above what
# was there before. Linux. The last three rows, where HDF5Array is installed: the same values as a dense HDF5Array on
# disk, given to Python by their file, read there in one walk, and read by R, as where something was computed on them.

suppressPackageStartupMessages({
    library(ItClust)
    library(SingleCellExperiment)
})
for (name in c(".bridge", ".package", ".start", ".hand_over", ".take_back",
    ".python_path", ".as_dgCMatrix", ".hand_over_values"))
    assign(name, get(name, asNamespace("ItClust")))

given <- as.numeric(commandArgs(TRUE))
size <- if (length(given) == 3L) given else c(15000, 50000, 0.1)

simulate <- function(genes, cells, share) {
    each <- as.integer(genes * share)
    set.seed(1)
    rows <- unlist(lapply(seq_len(cells), function(i)
        sort.int(sample.int(genes, each), method = "quick") - 1L))
    new("dgCMatrix", i = rows, p = seq.int(0L, by = each,
        length.out = cells + 1L), x = as.numeric(1L + rpois(length(rows), 1)),
        Dim = as.integer(c(genes, cells)),
        Dimnames = list(paste0("G", seq_len(genes)), NULL))
}

status <- function(field) {
    line <- grep(field, readLines("/proc/self/status"), value = TRUE)
    as.numeric(gsub("[^0-9]", "", line)) / 1024
}

# Seconds, seconds of the processor and peak MB of `code`.
cost <- function(code) {
    invisible(gc())
    cat("5", file = "/proc/self/clear_refs")
    before <- status("VmRSS")
    time <- system.time(force(code))
    c(time[["elapsed"]], time[["user.self"]] + time[["sys.self"]],
        status("VmHWM") - before)
}

.start()
small <- .package(simulate(100, 50, 0.1))
.hand_over("target", small)                  # the first conversion loads packages

counts <- simulate(size[1], size[2], size[3])
mb <- as.numeric(object.size(counts)) / 2^20
results <- list()
results[["R to AnnData"]] <- cost(.hand_over("target", .package(counts)))
file <- tempfile(fileext = ".h5ad")
python <- function(code) reticulate::py_run_string(sprintf(code, file))
python(paste("import sys, anndata; b = sys.modules['itclust.rbridge'];",
    "path = '%s'; x = b._held['target'].X"))
same <- reticulate::py_eval("[int(x.nnz), float(x.sum()), type(x).__name__]")
stopifnot(same[[1]] == length(counts@x), same[[2]] == sum(counts@x),
    same[[3]] == "csr_matrix")
results[["h5ad, written"]] <- cost(reticulate::py_run_string(
    "b._held['target'].write_h5ad(path)"))
on_disk <- file.size(file) / 2^20
reticulate::py_run_string("b._held.clear(); del x; import gc; gc.collect()")
results[["h5ad, read"]] <- cost(reticulate::py_run_string(
    "y = anndata.read_h5ad(path)"))
reticulate::py_run_string(sprintf(paste(sep = "\n",
    "import numpy as np, pandas as pd",
    "n = %d; f = lambda k: pd.DataFrame(np.random.rand(n, k).astype('f4'))",
    "c = pd.DataFrame({k: np.random.rand(n).astype('f4') for k in 'ab'})",
    "for k in 'cde': c[k] = pd.Categorical(np.random.choice(list('xyz'), n))",
    "b._held['answer'] = {'cells': c, 'run': {'n': [1.0]}, 'matrices':",
    "    {'e': np.random.rand(n, 32).astype('f4'), 'p': f(20), 't': f(15)}}"),
    size[2]))
results[["results back to R"]] <- cost(.take_back())

if (requireNamespace("HDF5Array", quietly = TRUE)) {
    dense <- tempfile(fileext = ".h5")
    disk <- HDF5Array::writeHDF5Array(counts, dense, "counts",
        with.dimnames = TRUE)
    results[["dense HDF5Array, its file handed over"]] <- cost(
        .hand_over_values("target", disk, "target", "auto"))
    results[["dense HDF5Array, one walk in Python"]] <- cost(
        reticulate::py_run_string(paste(sep = "\n",
            "from itclust.data.expression import expression",
            "t = b._held['target']",
            "walked = expression(t.X, t.var_names)")))
    stopifnot(reticulate::py_eval("sum(c.nnz for c in walked.chunks())") ==
        length(counts@x))
    results[["dense HDF5Array, read by R"]] <- cost(
        stopifnot(length(.as_dgCMatrix(disk, "target")@x) == length(counts@x)))
    unlink(dense)
}

cat(sprintf("%d genes x %d cells, %.1f M non-zeros: %.0f MB in R, %.0f MB as h5ad\n\n",
    size[1], size[2], length(counts@x) / 1e6, mb, on_disk))
cat("| step | seconds | of the processor | peak memory above what was there, MB |\n",
    "|---|---|---|---|\n", sep = "")
for (name in names(results))
    cat(do.call(sprintf, c(list("| %s | %.1f | %.1f | %.0f |\n", name),
        as.list(results[[name]]))))
unlink(file)
