# Seurat's label transfer: anchors in the source's principal components, defaults of its vignette.
suppressMessages(library(Seurat))

data <- shared_genes(folder)
objects <- lapply(list(source = data$source, target = data$target), function(counts) {
    object <- suppressWarnings(CreateSeuratObject(counts)) # "_" in gene names turns to "-"
    FindVariableFeatures(NormalizeData(object, verbose = FALSE), verbose = FALSE)
})
anchors <- FindTransferAnchors(objects$source, objects$target, dims = 1:30, verbose = FALSE)
n_anchors <- nrow(anchors@anchors)
answer <- TransferData(anchors, data$label, dims = 1:30, k.weight = min(50, n_anchors - 1), verbose = FALSE)
score <- answer$prediction.score.max
write_answer(folder, rownames(answer), answer$predicted.id, score, 1 - score, "Seurat")
