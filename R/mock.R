#' Simulated source and target
#'
#' Negative-binomial counts with cell types that any right method tells apart:
#' for examples and tests. Each type has marker genes of its own, cells differ
#' in library size, and each gene of the target is shifted by a factor of its
#' own.
#'
#' @param n.genes,n.source,n.target Numbers of genes and cells.
#' @param n.types Cell types of the source.
#' @param novel Number of further types that only the target has.
#' @param batch.effect Standard deviation of the target's log factor per gene.
#' @param seed Seed; the generator's state is put back afterwards. `NULL` draws
#'   from the generator as it is.
#' @return A list of two SingleCellExperiments with sparse counts: `source` with
#'   the column `cell_type`, `target` with the column `truth`.
#' @examples
#' data <- mockItClustData(novel = 1, seed = 1)
#' data$source
#' table(data$target$truth)
#' @export
mockItClustData <- function(n.genes = 200L, n.source = 200L, n.target = 200L,
    n.types = 4L, novel = 0L, batch.effect = 0.4, seed = NULL) {
    types <- paste("type", LETTERS[seq_len(n.types + novel)])
    if (length(types) > 26L || n.types < 2L || n.genes < 3L * length(types) ||
        min(n.source, n.target) < length(types))
        .stop("mockItClustData() needs 2 to 26 types, three genes a type and ",
            "a cell a type. Received: ", n.genes, " genes, ", n.source,
            " and ", n.target, " cells, ", n.types, " + ", novel, " types.")
    make <- function()
        .mock_pair(n.genes, n.source, n.target, types, n.types, batch.effect)
    if (is.null(seed)) make() else withr::with_seed(seed, make())
}

.mock_pair <- function(n.genes, n.source, n.target, types, n.types,
    batch.effect) {
    profiles <- .mock_profiles(n.genes, types)
    shift <- batch.effect * stats::rnorm(n.genes)
    source <- .mock_cells(profiles, types[seq_len(n.types)], n.source, "source")
    target <- .mock_cells(profiles + shift, types, n.target, "target")
    names(colData(source)) <- "cell_type"
    list(source = source, target = target)
}

# Log expression, genes by types.
.mock_profiles <- function(n, types) {
    base <- matrix(stats::rnorm(n), n, length(types),
        dimnames = list(paste0("Gene", seq_len(n)), types))
    each <- n %/% (3L * length(types))
    markers <- matrix(sample(n, each * length(types)), each)
    for (k in seq_along(types))
        base[markers[, k], k] <- base[markers[, k], k] + 1.6
    base
}

.mock_cells <- function(profiles, types, n, prefix) {
    type <- sample(c(types, sample(types, n - length(types), TRUE)))
    share <- exp(profiles[, type])
    share <- t(t(share) / colSums(share))
    library <- 10 * nrow(profiles) * stats::rlnorm(n, 0, 0.3)
    counts <- matrix(stats::rnbinom(length(share), size = 4,
        mu = t(t(share) * library)), nrow(share),
        dimnames = list(rownames(profiles), paste0(prefix, seq_len(n))))
    SingleCellExperiment(list(counts = as(counts, "CsparseMatrix") * 1),
        colData = DataFrame(truth = factor(type)))
}
