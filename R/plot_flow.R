# From the source network's first answer (left) to the fine-tuned label
# (right): one band for each pair, as thick as its share of the cells. Bands of
# cells that kept their label are pale.

.plot_flow <- function(cells, colours, gap = 0.012) {
    cells <- cells[!is.na(cells$initial) & !is.na(cells$label), ]
    down <- function(x) factor(x, rev(levels(droplevels(x)))) # first on top
    counts <- as.data.frame(table(from = down(cells$initial),
        to = down(cells$label)), stringsAsFactors = TRUE)
    counts <- counts[counts$Freq > 0L, ]
    counts$share <- counts$Freq / sum(counts$Freq)
    left <- .stack(counts, "from", "to", gap)
    right <- .stack(counts, "to", "from", gap)
    bands <- do.call(rbind, lapply(seq_len(nrow(counts)), function(i)
        .band(i, left$low[i], right$low[i], counts$share[i],
            counts$from[i])))
    kept <- as.character(counts$from) == as.character(counts$to)
    bands$strength <- ifelse(kept[bands$band], 0.35, 0.8)
    ends <- rbind(cbind(left$bars, x = -0.012), cbind(right$bars, x = 1.012))
    left$bars$at <- .spread(left$bars)
    right$bars$at <- .spread(right$bars)
    .flow_frame(bands, ends, left$bars, right$bars, colours) +
        ggplot2::labs(x = NULL, y = NULL, title = sprintf(
            "first answer \u2192 final label: %.1f %% of cells kept theirs",
            100 * sum(counts$share[kept])))
}

.flow_frame <- function(bands, ends, left, right, colours) {
    top <- max(ends$high)
    ggplot2::ggplot(bands, ggplot2::aes(.data$x)) +
        ggplot2::geom_ribbon(ggplot2::aes(ymin = .data$low, ymax = .data$high,
            group = .data$band, fill = .data$from, alpha = .data$strength)) +
        ggplot2::geom_rect(ggplot2::aes(xmin = .data$x - 0.012,
            xmax = .data$x + 0.012, ymin = .data$low, ymax = .data$high,
            fill = .data$name), data = ends) +
        ggplot2::scale_alpha_identity() +
        ggplot2::scale_fill_manual(values = colours) +
        ggplot2::scale_x_continuous(expand = c(0, 0), breaks = NULL) +
        ggplot2::scale_y_continuous(limits = c(0, top), expand = c(0.01, 0.01),
            breaks = left$at, labels = left$text,
            sec.axis = ggplot2::dup_axis(breaks = right$at,
                labels = right$text)) +
        .theme() +
        ggplot2::theme(legend.position = "none",
            panel.grid = ggplot2::element_blank(),
            plot.title = ggplot2::element_text(size = ggplot2::rel(1)))
}

# Where each pair's band begins on one side, and the side's bars with their
# names and numbers of cells.
.stack <- function(counts, side, other, gap) {
    names <- levels(counts[[side]])
    height <- tapply(counts$share, counts[[side]], sum)
    cells <- tapply(counts$Freq, counts[[side]], sum)
    gap <- min(gap, 0.25 / length(names))
    gap <- rep(gap * (length(names) > 1L), length(names))
    base <- cumsum(c(0, head(height + gap, -1L)))
    low <- numeric(nrow(counts))
    for (k in seq_along(names)) {
        rows <- which(counts[[side]] == names[k])
        rows <- rows[order(counts[[other]][rows])]
        share <- counts$share[rows]
        low[rows] <- base[k] + cumsum(share) - share
    }
    text <- paste0(names, " (", format(as.vector(cells), big.mark = ",",
        trim = TRUE), ")")
    list(low = low, bars = data.frame(name = names, low = base, text = text,
        high = base + as.vector(height)))
}

# Heights of the bars' names: the bars' middles, moved as little as it takes to
# stand apart.
.spread <- function(bars, apart = 0.05) {
    middle <- (bars$low + bars$high) / 2
    apart <- min(apart, max(bars$high) / max(nrow(bars) - 1L, 1L))
    n <- length(middle)
    for (i in seq_len(n)[-1L])
        middle[i] <- max(middle[i], middle[i - 1L] + apart)
    middle[n] <- min(middle[n], max(bars$high))
    for (i in rev(seq_len(n - 1L)))
        middle[i] <- min(middle[i], middle[i + 1L] - apart)
    middle
}

.band <- function(i, from, to, share, type, steps = 40L) {
    x <- seq(0, 1, length.out = steps)
    low <- from + (to - from) * x^2 * (3 - 2 * x)
    data.frame(band = i, x = x, low = low, high = low + share, from = type)
}
