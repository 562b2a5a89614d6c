# Colours that stay apart, also for colour-blind readers; the same, in the same
# order, as Python's itclust.pl.palette.

.MISSING <- "#d4d4d4" # cells without a label

# Okabe & Ito 2008, without black (text) and yellow (too light on white).
.FIRST <- c("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00")

# Machado, Oliveira & Fernandes 2009, severity 1: linear RGB as seen normally,
# without the long, and without the middle cones.
.VISION <- list(diag(3),
    matrix(c(0.152286, 1.052583, -0.204868, 0.114503, 0.786281, 0.099216,
        -0.003882, -0.048116, 1.051998), 3L, byrow = TRUE),
    matrix(c(0.367322, 0.860646, -0.227968, 0.280085, 0.672501, 0.047413,
        -0.011820, 0.042940, 0.968881), 3L, byrow = TRUE))

.LMS <- matrix(c(0.4122214708, 0.5363325363, 0.0514459929,
    0.2119034982, 0.6806995451, 0.1073969566,
    0.0883024619, 0.2817188376, 0.6299787005), 3L, byrow = TRUE)
.LAB <- matrix(c(0.2104542553, 0.7936177850, -0.0040720468,
    1.9779984951, -2.4285922050, 0.4505937099,
    0.0259040371, 0.7827717662, -0.8086757660), 3L, byrow = TRUE)

# `n` colours; the first ones do not depend on `n`. Each further one lies
# farthest from all before it, in the worst of three visions.
.colours <- function(n) {
    if (n <= length(.FIRST))
        return(.FIRST[seq_len(n)])
    steps <- seq(0, 1, length.out = 18L)
    grid <- as.matrix(expand.grid(b = steps, r = steps, g = steps)[,
        c("r", "g", "b")])
    grid <- grid[order(grid[, "g"], grid[, "r"], grid[, "b"]), ] # as in Python
    seen <- .oklab(grid)
    usable <- seen[[1L]][, 1L] > 0.25 & seen[[1L]][, 1L] < 0.84
    grid <- grid[usable, ]
    seen <- lapply(seen, function(x) x[usable, , drop = FALSE])
    start <- t(grDevices::col2rgb(.FIRST)) / 255
    chosen <- .FIRST
    nearest <- do.call(pmin, lapply(seq_along(.FIRST), function(i)
        .distance(seen, .oklab(start[i, , drop = FALSE]))))
    while (length(chosen) < n) {
        best <- which.max(nearest)
        chosen <- c(chosen, tolower(grDevices::rgb(grid[best, 1L],
            grid[best, 2L], grid[best, 3L])))
        nearest <- pmin(nearest, .distance(seen, lapply(seen, function(x)
            x[best, , drop = FALSE])))
    }
    chosen
}

# sRGB (n, 3) in OKLab (Ottosson 2020), as each of the three visions sees it.
.oklab <- function(rgb) {
    linear <- ifelse(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055)^2.4)
    lapply(.VISION, function(m) {
        seen <- pmin(pmax(linear %*% t(m), 0), 1)
        lms <- seen %*% t(.LMS)
        (sign(lms) * abs(lms)^(1 / 3)) %*% t(.LAB)
    })
}

# From each colour to one other, in the vision where they are closest.
.distance <- function(seen, other) {
    do.call(pmin, Map(function(a, b) sqrt(rowSums(sweep(a, 2L, b)^2)), seen,
        other))
}

# A colour for each type of a result, by name: the source's types in their
# order, then the novel ones. `more` are further names; those that are types
# have the types' colours.
.type_colours <- function(x, cells, key, more = NULL) {
    types <- tryCatch(colnames(.matrix_of(x, "type_probabilities", key)),
        itclust_error = function(e) .seen_types(cells))
    all <- unique(c(setdiff(types, "novel"), .natural(cells$label), more))
    setNames(.colours(length(all)), all)
}

# Where merge() has lost the matrices: the types that some cell has or had.
.seen_types <- function(cells) {
    seen <- unique(c(as.character(cells$label), as.character(cells$initial)))
    sort(grep("^novel [0-9]+$", seen, value = TRUE, invert = TRUE),
        method = "radix")
}

# Colours of any column: its types have the plots' colours.
.colours_of <- function(values, of_types) {
    names <- levels(droplevels(as.factor(values)))
    if (any(names %in% names(of_types)))
        names <- union(names(of_types), names)
    setNames(.colours(length(names)), names)
}

# Levels, or values, so that "novel 2" comes before "novel 10".
.natural <- function(x) {
    if (is.factor(x))
        return(levels(droplevels(x)))
    x <- unique(as.character(x[!is.na(x)]))
    padded <- vapply(regmatches(x, gregexpr("[0-9]+|[^0-9]+", x)),
        function(parts) {
            digits <- grepl("^[0-9]+$", parts)
            parts[digits] <- formatC(parts[digits], width = 20L, flag = "0")
            paste(parts, collapse = "")
        }, "")
    x[order(padded, method = "radix")]
}
