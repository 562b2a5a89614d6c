# SingleR on log-CP10k, markers by Wilcoxon tests, as its book advises for single-cell references.
# It gives no probability: confidence stays empty, and a small margin over the runner-up is the evidence for a new type.

data <- shared_genes(folder)
answer <- SingleR::SingleR(
    test = log_cp10k(data$target), ref = log_cp10k(data$source), labels = data$label, de.method = "wilcox"
)
write_answer(folder, rownames(answer), answer$labels, NA, -answer$delta.next, "SingleR")
