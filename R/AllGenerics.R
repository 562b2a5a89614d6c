#' Annotate a target dataset from a labelled source
#'
#' `ItClust()` learns the cell types of a labelled source dataset, carries the
#' network over to the target, and fine-tunes it there without labels. Every
#' cell of the target comes back with a label, a confidence, and the evidence
#' that its type is not in the source.
#'
#' @param source The labelled dataset: a
#'   [SingleCellExperiment][SingleCellExperiment::SingleCellExperiment], a
#'   [SummarizedExperiment][SummarizedExperiment::SummarizedExperiment], a
#'   Seurat object, or a matrix of genes by cells (dense, sparse, or a
#'   [DelayedArray][DelayedArray::DelayedArray]). Or a list of several of these,
#'   which are united over the genes that they share.
#' @param target The dataset to annotate, of any of these classes; it need not
#'   be of the source's class.
#' @param labels The source's cell types: the name of a column of its `colData`
#'   or `meta.data`, or a vector with one value a cell. `NULL` takes the one
#'   column named `cell_type`, `celltype`, `cell.type`, `cell type`, `label` or
#'   `labels`, in any case. For a list of sources, a column that each has, or a
#'   list of vectors. Cells whose label is `NA` or blank do not train.
#' @param assay.type,assay.type.source Assay with the expression values, by
#'   name or number, of both datasets; `assay.type.source` where the source's
#'   differs. `NULL` takes `"counts"`, else `"logcounts"` (Seurat: `"counts"`,
#'   else `"data"`), and says so. Ignored for matrices.
#' @param assay Seurat only: name of the assay; `NULL` takes the default assay.
#'   For other classes, `assay.type` is what names the values.
#' @param altexp Name of an alternative experiment to take the values from, in
#'   the SingleCellExperiments that have one of that name.
#' @param gene.column Column of `rowData` (Seurat: of the assay's feature table)
#'   with the names of the genes, such as `"Symbol"`, in the target, the source
#'   or both; `NULL` takes the row names. Genes without a name are left out, and
#'   the counts of genes that share one are added up.
#' @param batch.key Column of `colData` or `meta.data` that names each cell's
#'   batch, in the target, the source or both. Each batch of the target is
#'   brought to the source's level of expression by itself; in the source, a
#'   type's batches count by the square roots of their sizes. Several sources
#'   are batches without being asked.
#' @param clusters A clustering of the target that you already have: a column of
#'   its cells, or a vector with one value a cell. Each of these clusters gets
#'   one label, in the column `itclust_group`, beside the labels of its cells;
#'   see [groupItClust()].
#' @param tree Which types belong together, for the column `itclust_level`: a
#'   named vector with each type's parent, `c("CD4 T" = "T", "CD8 T" = "T")`; a
#'   named list with each parent's types, which may be lists in turn,
#'   `list(Lymphoid = list(T = c("CD4 T", "CD8 T"), "B"))`; a column of the
#'   source's cells with each type's parent, or several from coarse to fine; or
#'   an OBO file of the Cell Ontology, `"cl.obo"`, for types that the source's
#'   column `cell_type_ontology_term_id` or their own names place there, or
#'   `c(column, "cl.obo")` where another column holds the ids. `NULL`: learnt
#'   from the source, which types its own cells confuse.
#' @param values `"auto"`, `"counts"`, `"linear"` (CPM, TPM, FPKM) or `"log"`:
#'   what the expression values are. A list of two for source and target.
#' @param preset `"default"`, or `"paper"` for the published 2020 recipe.
#' @param key.added Name under which the results are stored; the names of all
#'   that is written begin with it.
#' @param seed Whole number that makes the run repeatable; `NULL` draws one
#'   from R's own generator, so that [set.seed()] governs it.
#' @param verbose Whether choices and progress are reported, as messages.
#' @param ... Further settings of the preset, such as `n.latent = 16` or
#'   `novelty = FALSE`: see [itclust-settings]. They are Python's, with `.` for
#'   `_`; unknown ones raise, with the nearest name.
#'
#' @return `target`, with nothing changed but what is listed here. `itclust`
#'   stands for `key.added`.
#'
#'   Columns of `colData` (Seurat: `meta.data`):
#'   \describe{
#'   \item{`itclust`}{factor: the cell type, a source label or `novel 1`,
#'     `novel 2`, ...}
#'   \item{`itclust_cluster`}{factor: cluster of the fine-tuned network, `"0"`
#'     the largest.}
#'   \item{`itclust_confidence`}{number in \[0, 1\]: calibrated probability that
#'     the label is right; for a novel one, that the type is not in the source.}
#'   \item{`itclust_novelty`}{number in \[0, 1\]: evidence that the cell's type
#'     is not in the source.}
#'   \item{`itclust_initial`}{factor: the source network's answer, before it was
#'     fine-tuned on the target.}
#'   \item{`itclust_level`}{factor: the most that is sure with probability `level`
#'     (a setting, 0.9): the label, a node of `tree`, or without one types that
#'     the source's own cells confuse with it (`"CD4 T or CD8 T"`), or `"any
#'     cell"`.}
#'   \item{`itclust_set`}{factor: the types that cover the cell's own with
#'     probability `sets` (a setting, 0.9), as few as do; `novel` is one of
#'     them.}
#'   \item{`itclust_group`, `itclust_group_confidence`}{with `clusters=` only: the
#'     label of the cell's cluster in your own clustering, and its confidence.}
#'   }
#'   Three matrices, a row a cell: the embedding, the probability of each
#'   cluster (`itclust_probabilities`, columns `cluster_0`, ...) and of each
#'   source type (`itclust_type_probabilities`, a column a type, and `novel`). For a SingleCellExperiment they are
#'   `reducedDim`s, the embedding under the name `itclust`; for Seurat
#'   DimReducs, the embedding under the name `X_itclust` (Seurat looks columns
#'   and reductions up under one name, so `itclust` must stay the column's);
#'   otherwise nested columns, the embedding under the name `X_itclust`. All of
#'   these follow `x[, i]`.
#'
#'   A list in `metadata(x)$itclust` (Seurat: `Misc(x, "itclust")`) with the
#'   table of clusters, parameters, genes, training history and version: see
#'   [itclust-results].
#'
#'   Nothing of yours is overwritten: where a name is taken by something that
#'   `ItClust()` did not write, it raises.
#'
#'   A matrix as `target` gives a [DataFrame][S4Vectors::DataFrame], a row a
#'   cell. Cells without a single count in the genes used keep their row: their
#'   label is `NA`, their numbers are 0.
#'
#' @seealso [trainItClust()] to train once and annotate many targets,
#'   [plotItClust()] for pictures, [explainItClust()] for the genes behind a
#'   label, [reportItClust()] for a page about a run, [groupItClust()] to label
#'   clusters of your own, [installItClust()] to set Python up.
#' @references Hu J, Li X, Hu G, Lyu Y, Susztak K, Li M (2020). Iterative
#'   transfer learning with neural network for clustering and cell type
#'   classification in single-cell RNA-seq analysis. *Nature Machine
#'   Intelligence* 2, 607-618.
#' @examples
#' data <- mockItClustData(seed = 1)
#' if (itclustInfo()$ready) {
#'     annotated <- ItClust(data$source, data$target)
#'     table(annotated$itclust, annotated$truth)
#' }
#'
#' # Without Python: what ItClust() wrote onto 350 blood cells, from a file.
#' annotated <- readRDS(system.file("extdata", "annotated.rds",
#'     package = "ItClust"))
#' table(annotated$itclust, annotated$truth)
#' @export
setGeneric("ItClust", signature = c("source", "target"),
    function(source, target, ...) standardGeneric("ItClust"))

#' Train once, annotate many targets
#'
#' `trainItClust()` trains the source network and returns a handle that holds
#' the saved model itself, not a live Python object: it survives [saveRDS()],
#' new sessions and other machines. `transferItClust()` annotates a target with
#' it. `saveItClust()` and `loadItClust()` write and read the file that Python's
#' `ItClust.save()` and `ItClust.load()` share.
#'
#' A model holds weights, genes and mean profiles of the source's types; no
#' cell of the source is in it. The profile of a type of one cell is that cell.
#'
#' @inheritParams ItClust
#' @param model An [ItClustModel-class].
#' @param target The dataset to annotate, of any of the classes that [ItClust()]
#'   takes; or a list of several, which gives the list of the annotated ones.
#' @param BPPARAM For a list of targets: a parameter object of the package
#'   BiocParallel, to annotate them in parallel. Workers must start afresh, as
#'   those of `SnowParam()` do: a forked one would inherit a Python that hangs.
#'   `NULL`: one after the other.
#' @param assay.type Assay with the expression values, by name or number;
#'   `NULL` takes `"counts"`, else `"logcounts"`, and says so. Seurat: a layer
#'   or slot.
#' @param genes Names of the genes that may be used; `NULL` for all of the
#'   source. `preset = "paper"` takes its genes from the target, so it needs
#'   them here.
#' @param path File to write or read.
#' @param overwrite Whether an existing file is replaced.
#'
#' @return `trainItClust()` and `loadItClust()`: an [ItClustModel-class].
#'   `transferItClust()`: `target`, as [ItClust()] returns it. `saveItClust()`:
#'   `path`, invisibly.
#' @examples
#' # A small model, trained elsewhere on the source of mockItClustData().
#' model <- readRDS(system.file("extdata", "model.rds", package = "ItClust"))
#' model
#' file <- saveItClust(model, tempfile(fileext = ".itclust"))
#'
#' if (itclustInfo()$ready) {
#'     data <- mockItClustData(seed = 1)
#'     model <- trainItClust(data$source, labels = "cell_type")
#'     annotated <- transferItClust(model, data$target)
#'     loadItClust(file)
#' }
#' @export
setGeneric("trainItClust", signature = "source",
    function(source, ...) standardGeneric("trainItClust"))

#' @rdname trainItClust
#' @export
setGeneric("transferItClust", signature = c("model", "target"),
    function(model, target, ...) standardGeneric("transferItClust"))

#' Plot an annotation
#'
#' Pictures of what [ItClust()] wrote, as ggplot objects. No Python is needed.
#'
#' @param x An object that [ItClust()] returned.
#' @param type What to show.
#'   \describe{
#'   \item{`"embedding"`, `"confidence"`, `"novelty"`}{cells in two dimensions,
#'     coloured by label, confidence or novelty.}
#'   \item{`"types"`}{heat map: mean probability of each source type in each
#'     cluster.}
#'   \item{`"flow"`}{bands from the source network's first answer to the
#'     fine-tuned label, as thick as the number of cells.}
#'   \item{`"calls"`}{confidence of each label's cells, with a violin where
#'     there are five or more.}
#'   \item{`"markers"`}{marker genes of each cluster: colour is the mean log
#'     value over the gene's largest, area the share of cells with a count.}
#'   }
#'   A type has the same colour in every one of them, and in Python's plots.
#' @param dimred Two-dimensional layout: name of a `reducedDim` or DimReduc.
#'   `NULL` takes the first of UMAP and TSNE that the object has, else the
#'   first two principal components of the ItClust embedding.
#' @param color.by Column of the cells to colour by, in place of what `type`
#'   shows, or the name of a gene, for its log values.
#' @param key.added Name under which [ItClust()] stored its results.
#' @param point.size Size of the points.
#' @param genes,n.genes For `"markers"`: the genes to show; `NULL` takes the
#'   first `n.genes` markers of each cluster, from the table of clusters.
#' @param assay.type Assay, or Seurat layer, with the values of the genes; `NULL`
#'   takes log values, else counts, of which the logarithm is taken.
#' @param ... Not used.
#' @return A ggplot object.
#' @examples
#' annotated <- readRDS(system.file("extdata", "annotated.rds",
#'     package = "ItClust"))
#' plotItClust(annotated)
#' plotItClust(annotated, type = "types")
#' plotItClust(annotated, type = "markers", n.genes = 2)
#' @export
setGeneric("plotItClust", signature = "x",
    function(x, ...) standardGeneric("plotItClust"))
