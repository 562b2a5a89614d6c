# From the source network's first answer (left) to the fine-tuned label
# (right): one band for each pair, as thick as its number of cells.

.plot_flow <- function(cells, gap = 0.02) {
    cells <- cells[!is.na(cells$initial) & !is.na(cells$label), ]
    counts <- as.data.frame(table(from = droplevels(cells$initial),
        to = droplevels(cells$label)), stringsAsFactors = TRUE)
    counts <- counts[counts$Freq > 0L, ]
    counts$share <- counts$Freq / sum(counts$Freq)
    left <- .stack(counts, "from", "to", gap)
    right <- .stack(counts, "to", "from", gap)
    bands <- do.call(rbind, lapply(seq_len(nrow(counts)), function(i)
        .band(i, left$low[i], right$low[i], counts$share[i],
            counts$from[i])))
    ends <- rbind(cbind(left$bars, x = 0, hjust = 1.1),
        cbind(right$bars, x = 1, hjust = -0.1))
    ggplot2::ggplot(bands, ggplot2::aes(.data$x)) +
        ggplot2::geom_ribbon(ggplot2::aes(ymin = .data$low, ymax = .data$high,
            group = .data$band, fill = .data$from), alpha = 0.6) +
        ggplot2::geom_segment(ggplot2::aes(x = .data$x, xend = .data$x,
            y = .data$low, yend = .data$high), data = ends, linewidth = 2) +
        ggplot2::geom_text(ggplot2::aes(y = (.data$low + .data$high) / 2,
            label = .data$name, hjust = .data$hjust), data = ends, size = 3,
            check_overlap = TRUE) +
        .palette(bands$from, "fill") +
        ggplot2::scale_x_continuous(limits = c(-1.1, 2.1), breaks = c(0, 1),
            labels = c("source network", "fine-tuned")) +
        ggplot2::labs(x = NULL, y = NULL) +
        .theme() +
        ggplot2::theme(legend.position = "none",
            panel.grid = ggplot2::element_blank(),
            axis.text.y = ggplot2::element_blank())
}

# Where each pair's band begins on one side, and the side's bars.
.stack <- function(counts, side, other, gap) {
    names <- levels(counts[[side]])
    height <- tapply(counts$share, counts[[side]], sum)
    base <- cumsum(c(0, height[-length(height)] + gap))
    low <- numeric(nrow(counts))
    for (k in seq_along(names)) {
        rows <- which(counts[[side]] == names[k])
        rows <- rows[order(counts[[other]][rows])]
        share <- counts$share[rows]
        low[rows] <- base[k] + cumsum(share) - share
    }
    list(low = low, bars = data.frame(name = names, low = base,
        high = base + as.vector(height)))
}

.band <- function(i, from, to, share, type, steps = 40L) {
    x <- seq(0, 1, length.out = steps)
    low <- from + (to - from) * x^2 * (3 - 2 * x)
    data.frame(band = i, x = x, low = low, high = low + share, from = type)
}
