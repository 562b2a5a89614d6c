# Seurat's label transfer with the defaults of its vignette: each dataset normalised by itself over all its genes,
# anchors in the source's principal components.
suppressMessages(library(Seurat))

source <- read_h5ad(file.path(folder, "source.h5ad"))
target <- read_h5ad(file.path(folder, "target.h5ad"))
objects <- lapply(list(source$counts, target$counts), function(counts) {
    object <- suppressWarnings(CreateSeuratObject(counts)) # "_" in gene names turns to "-"
    FindVariableFeatures(NormalizeData(object, verbose = FALSE), verbose = FALSE)
})
anchors <- FindTransferAnchors(objects[[1]], objects[[2]], dims = 1:30, verbose = FALSE)
n_anchors <- nrow(anchors@anchors)
answer <- TransferData(anchors, source$label, dims = 1:30, k.weight = min(50, n_anchors - 1), verbose = FALSE)
score <- answer$prediction.score.max
write_answer(folder, rownames(answer), answer$predicted.id, score, 1 - score, "Seurat")
