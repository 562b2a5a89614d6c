# BiocCheck with every check. Argument: the tarball. What needs Bioconductor's
# servers (the index of deprecated packages, CRAN, the support site, the version
# of Bioconductor, its terms) is left out unless ITCLUST_ONLINE is "true".
tarball <- commandArgs(TRUE)[1]
online <- Sys.getenv("ITCLUST_ONLINE") == "true"
# An option counts by being named, whatever its value.
offline <- c("no-check-deprecated", "no-check-CRAN", "no-check-bioc-help",
    "no-check-bioc-version", "no-check-bioc-views")
flags <- if (online) "new-package" else offline
result <- do.call(BiocCheck::BiocCheck, c(list(tarball),
    setNames(as.list(rep(TRUE, length(flags))), flags)))

# What stands, and why; each is a pattern of the message's text.
known <- c(
    # needs a decision of a person: CONTRIBUTING.md
    version = "Invalid package version|y is not even|New package x version|0\\.99",
    maintainer = "[Mm]aintainer|bioc-devel|support site",
    # needs Bioconductor's index
    index = "No Bioconductor dependencies detected|biocViews|BiocViews",
    # the oldest R that is supported is older than the one that releases use
    r = "R version|R \\(>=|Update R version dependency")
expected <- function(found) any(grepl(paste(known, collapse = "|"),
    paste(unlist(found), collapse = " ")))
fresh <- lapply(c(error = "error", warning = "warning", note = "note"),
    function(kind) Filter(Negate(expected), as.list(result[[kind]])))
for (kind in c("error", "warning", "note"))
    for (found in Filter(expected, as.list(result[[kind]])))
        cat("known", kind, ":", paste(unlist(found), collapse = " "), "\n")
counts <- lengths(fresh)
cat(sprintf("BiocCheck: %d errors, %d warnings, %d notes%s\n", counts[1],
    counts[2], counts[3], if (online) "" else " (without what needs the network)"))
quit(status = as.integer(counts[1] + counts[2] > 0))
