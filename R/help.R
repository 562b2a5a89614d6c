#' What a run leaves beside the cells
#'
#' `metadata(x)$itclust`, or `Misc(x, "itclust")` of a Seurat object, where
#' `itclust` is the `key.added` of the run. Nothing in it is per cell.
#'
#' @section `clusters`:
#' A data frame with a row a cluster, the largest first; its row names are the
#' values of `itclust_cluster`.
#' \describe{
#' \item{`label`}{the cluster's label: that of all of its cells.}
#' \item{`level`}{the smallest level that its cells reach together, see
#'   `itclust_level` in [ItClust()].}
#' \item{`novel`}{whether the label is a new type, `novel 1`, ...}
#' \item{`n_cells`}{number of its cells.}
#' \item{`stability`}{the score of the paper: share of its cells that had the
#'   same label before the fine-tuning.}
#' \item{`novelty`}{mean novelty of its cells.}
#' \item{`runner_up`}{the source type with the second largest probability; of a
#'   novel cluster, the largest.}
#' \item{`nearest_type`}{the source type that the cluster is most like; of a
#'   known one, its label.}
#' \item{`markers`}{the genes that tell it from the other clusters best, joined
#'   by commas.}
#' }
#'
#' @section `groups`:
#' With `clusters=` only: a row for each of your own clusters, see
#' [groupItClust()].
#'
#' @section Others:
#' \describe{
#' \item{`params`}{preset, seed and every setting of the run.}
#' \item{`history`}{`changed` and `loss` of each round of the fine-tuning.}
#' \item{`reliability`}{how often answers to held-back cells of the source are
#'   right, by confidence: a data frame with the columns `confidence`, `right`
#'   and `n_cells`; of the preset `"default"` alone.}
#' \item{`genes`}{the genes that the network sees.}
#' \item{`version`}{version of ItClust.}
#' }
#' @name itclust-results
#' @aliases itclust-results
#' @seealso [ItClust()]
#' @return Not a function.
#' @examples
#' annotated <- readRDS(system.file("extdata", "annotated.rds",
#'     package = "ItClust"))
#' run <- S4Vectors::metadata(annotated)$itclust
#' run$clusters[, c("label", "n_cells", "stability", "runner_up")]
NULL

#' Settings of a run
#'
#' What `...` of [ItClust()] and [trainItClust()] takes. The defaults, of the
#' preset `"default"`, are meant to be left alone; these are the ones that there
#' may be a reason to change.
#'
#' @section Finding new types:
#' \describe{
#' \item{`novelty` (`TRUE`)}{whether clusters of types that the source never saw
#'   are looked for. `FALSE` where you know that the source has all types.}
#' \item{`level`, `sets` (0.9)}{probability that `itclust_level` must reach, and
#'   that `itclust_set` must cover the cell's own type with.}
#' \item{`unlabelled` (none)}{labels of the source that mean "no label", such as
#'   `"Unknown"`: their cells do not train.}
#' }
#'
#' @section Network:
#' \describe{
#' \item{`n.hidden` (128), `n.latent` (32)}{widths of the hidden layers, and of
#'   the embedding.}
#' \item{`n.markers` (20)}{genes that each ordered pair of source types
#'   contributes to the network's input.}
#' \item{`n.genes` (2000)}{variable genes of the source that the profiles see.}
#' \item{`dropout` (0.3), `label.smoothing` (0.05)}{share of a layer's inputs
#'   that are dropped in training; mass of a label that is spread over all
#'   types.}
#' }
#'
#' @section Training:
#' \describe{
#' \item{`n.starts` (5)}{networks that are trained from different random
#'   starts, and answer by their mean.}
#' \item{`source.epochs` (20)}{epochs on the source at most, each of 100
#'   minibatches at most.}
#' \item{`max.iter` (6), `round.steps` (60)}{rounds of fine-tuning on the target
#'   at most, and minibatches a round.}
#' \item{`tol` (0.001)}{the fine-tuning stops when a smaller share of the cells
#'   changes cluster in a round.}
#' \item{`n.neighbors` (15)}{neighbours of a cell in the target's graph; 0: no
#'   graph, so neither new types nor clusters finer than a type.}
#' \item{`batch.size` (128), `learning.rate` (0.001), `weight.decay` (0.01),
#'   `alpha` (32)}{of the optimiser, and degrees of freedom of the soft
#'   assignment's kernel.}
#' }
#'
#' A setting that does not exist raises, with the nearest name. `preset =
#' "paper"` has the published values in place of these, and some settings of its
#' own.
#' @name itclust-settings
#' @aliases itclust-settings
#' @seealso [ItClust()]
#' @return Not a function.
#' @examples
#' data <- mockItClustData(seed = 1)
#' if (itclustInfo()$ready) {
#'     annotated <- ItClust(data$source, data$target, novelty = FALSE,
#'         max.iter = 2)
#'     S4Vectors::metadata(annotated)$itclust$params$max_iter
#' }
#'
#' # The settings that a stored result was made with; no Python is needed.
#' annotated <- readRDS(system.file("extdata", "annotated.rds",
#'     package = "ItClust"))
#' S4Vectors::metadata(annotated)$itclust$params[c("n_hidden", "max_iter")]
NULL
