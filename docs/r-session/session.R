suppressMessages(library(ItClust))
suppressMessages(library(SingleCellExperiment))
source <- readRDS(system.file("extdata", "pbmc_source.rds", package = "ItClust"))
target <- readRDS(system.file("extdata", "pbmc_target.rds", package = "ItClust"))
source
ItClust(source, target, labels = "celltype")
annotated <- ItClust(source, target, verbose = TRUE)
annotated
table(annotated$itclust)
summary(annotated$itclust_confidence)
metadata(annotated)$itclust$clusters[, c("label", "n_cells", "stability", "novelty")]
mean(as.character(annotated$itclust) == annotated$truth)
groupItClust(annotated, "truth")[1:3, ]
explainItClust(source, annotated, n.genes = 2)[1:4, c("label", "gene", "kind", "support")]
model <- trainItClust(source)
model
saveItClust(model, "pbmc.itclust")
plotItClust(annotated)
ggplot2::ggsave("labels.png", width = 7, height = 4, dpi = 90)
plotItClust(annotated, "calls")
ggplot2::ggsave("calls.png", width = 7, height = 4, dpi = 90)
plotItClust(annotated, "types")
ggplot2::ggsave("types.png", width = 7, height = 4.5, dpi = 90)
