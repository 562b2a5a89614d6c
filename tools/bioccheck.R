# BiocCheck without what needs the network. Argument: the tarball.
tarball <- commandArgs(TRUE)[1]
result <- BiocCheck::BiocCheck(tarball, `no-check-deprecated` = TRUE,
    `no-check-CRAN` = TRUE, `no-check-bioc-help` = TRUE,
    `no-check-remotes` = TRUE, `no-check-version-num` = TRUE,
    `no-check-R-ver` = TRUE, `no-check-bioc-views` = TRUE,
    `no-check-bioc-version` = TRUE)
# Newer versions look the imports up in Bioconductor's index, and without the
# network find none of them; no option leaves that out.
needs_index <- function(found)
    any(grepl("No Bioconductor dependencies detected", unlist(found)))
counts <- vapply(c("error", "warning", "note"), function(kind)
    length(Filter(Negate(needs_index), as.list(result[[kind]]))), integer(1))
cat(sprintf("BiocCheck: %d errors, %d warnings, %d notes\n", counts[1],
    counts[2], counts[3]))
quit(status = as.integer(counts[1] + counts[2] > 0))
