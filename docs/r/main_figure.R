# Draw the main figure of a run in base R: median and 5 to 95 % of the subjects, by arm.
#
#   mtorsim export DIR visits.rds
#   Rscript main_figure.R visits.rds figure.png
#
# Takes visits.rds, or visits.csv, which is the same table with one row per value.

words <- commandArgs(trailingOnly = TRUE)
if (length(words) != 2) stop("give the exported visits (.rds or .csv) and the figure (.png)", call. = FALSE)

panels <- c(drug_level = "drug in whole blood", mtorc1 = "mTORC1 activity", fasting_glucose = "fasting glucose",
            insulin = "insulin", c_peptide = "C-peptide", hba1c = "HbA1c")

# One row per arm, subject, visit and quantity: arm, time_h, weight, name, value, unit.
read_visits <- function(path) {
  if (grepl("\\.csv$", path)) {
    long <- read.csv(path)
    if (is.null(long$weight)) long$weight <- 1
    return(long[, c("arm", "time_h", "weight", "name", "value", "unit")])
  }
  wide <- readRDS(path)
  if (is.null(wide$weight)) wide$weight <- 1
  one <- function(name) {
    unit <- attr(wide[[name]], "units")
    data.frame(arm = wide$arm, time_h = as.numeric(wide$time_h), weight = as.numeric(wide$weight), name = name,
               value = as.numeric(wide[[name]]), unit = if (is.null(unit)) "1" else unit)
  }
  do.call(rbind, lapply(intersect(names(panels), names(wide)), one))
}

# Quantiles of values that stand for as many people as their weights say.
quantiles <- function(values, weights, shares) {
  order <- order(values)
  below <- cumsum(weights[order]) / sum(weights)
  # A rounding error must not decide which value is the median.
  vapply(shares, function(share) values[order][which(below >= share - 1e-9)[1]], numeric(1))
}

visits <- read_visits(words[1])
visits <- visits[!is.na(visits$value), ]
shown <- intersect(names(panels), unique(visits$name))
arms <- unique(visits$arm)
colours <- c("#b2182b", "#2166ac", "#1b7837", "#762a83")[seq_along(arms)]

png(words[2], width = 1500, height = 450 * ceiling(length(shown) / 3), res = 150)
par(mfrow = c(ceiling(length(shown) / 3), 3), mar = c(4, 4.5, 2, 1), mgp = c(2.8, 0.7, 0), las = 1, bty = "l")
for (name in shown) {
  own <- visits[visits$name == name, ]
  bands <- lapply(arms, function(arm) {
    rows <- own[own$arm == arm, ]
    times <- sort(unique(rows$time_h))
    at <- function(time) with(rows[rows$time_h == time, ], quantiles(value, weight, c(0.05, 0.5, 0.95)))
    list(weeks = times / 168, values = vapply(times, at, numeric(3)))
  })
  unit <- if (own$unit[1] == "1") "fraction of untreated" else own$unit[1]
  highest <- max(vapply(bands, function(band) max(band$values), numeric(1)))
  lowest <- min(vapply(bands, function(band) min(band$values), numeric(1)))
  plot(NA, xlim = range(visits$time_h) / 168, ylim = c(if (name %in% c("drug_level", "mtorc1")) 0 else lowest, highest),
       xlab = "weeks", ylab = unit, main = panels[[name]], font.main = 1)
  for (i in seq_along(arms)) with(bands[[i]], polygon(c(weeks, rev(weeks)), c(values[1, ], rev(values[3, ])),
                                                      col = adjustcolor(colours[i], 0.2), border = NA))
  for (i in seq_along(arms)) with(bands[[i]], lines(weeks, values[2, ], col = colours[i], lwd = 2))
  if (name == shown[min(2, length(shown))]) legend("right", arms, col = colours, lwd = 2, bty = "n")
}
invisible(dev.off())

# The medians at the last visit, as a check beside `mtorsim run`.
last <- visits[visits$time_h == max(visits$time_h) & visits$name == "fasting_glucose", ]
for (arm in arms) {
  own <- last[last$arm == arm, ]
  cat(sprintf("%s: median fasting glucose %.1f %s at week %g\n", arm, quantiles(own$value, own$weight, 0.5), own$unit[1],
              own$time_h[1] / 168))
}
