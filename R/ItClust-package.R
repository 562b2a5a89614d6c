#' ItClust: iterative transfer learning for cell type annotation
#'
#' Annotates a target single-cell dataset from a labelled source. Start with
#' [installItClust()], once, and then [ItClust()]. The vignettes go through a
#' whole analysis: `browseVignettes("ItClust")`.
#'
#' @docType package
#' @name ItClust-package
#' @aliases ItClust-package
#' @keywords internal
#' @importFrom methods is new setClass setGeneric setMethod setValidity show
#'   validObject as slot
#' @importFrom stats setNames prcomp
#' @importFrom utils adist packageVersion head
#' @importFrom ggplot2 .data
#' @importFrom S4Vectors DataFrame metadata metadata<-
#' @importFrom SummarizedExperiment SummarizedExperiment assay assayNames
#'   colData colData<-
#' @importFrom SingleCellExperiment SingleCellExperiment reducedDim
#'   reducedDim<- reducedDimNames
#' @importFrom DelayedArray blockApply colAutoGrid is_sparse
#' @importClassesFrom DelayedArray DelayedArray
#' @importClassesFrom Matrix dgCMatrix
NULL

# What crosses to Python and back lies here: `source` and `target` on the way
# in, `answer` on the way out. `module` is the Python half, `pid` the process
# that started it, `loaded` the process that loaded this package.
.bridge <- new.env(parent = emptyenv())

.onLoad <- function(libname, pkgname) {
    .bridge$loaded <- Sys.getpid()
}
