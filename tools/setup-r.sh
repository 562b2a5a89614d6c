#!/usr/bin/env bash
# R and the R packages of the suite, from Debian, and what else the arguments name; at once where they are there.
set -euo pipefail

packages=(
  r-base-core r-base-dev libtirpc-dev pandoc qpdf
  r-cran-reticulate r-cran-ggplot2 r-cran-matrix r-cran-withr r-cran-rlang r-bioc-rhdf5
  r-bioc-singlecellexperiment r-bioc-summarizedexperiment r-bioc-delayedarray r-bioc-hdf5array
  r-bioc-scater r-bioc-scran r-bioc-singler r-bioc-biocparallel r-bioc-biocstyle r-bioc-bioccheck
  r-cran-seurat r-cran-seuratobject r-cran-uwot
  r-cran-testthat r-cran-knitr r-cran-rmarkdown r-cran-roxygen2
  "$@"
)

missing=()
for package in "${packages[@]}"; do
  status=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$status" = installed ] || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
  echo "R packages and tools: all ${#packages[@]} are installed."
  exit 0
fi

command -v apt-get >/dev/null || {
  echo "This system has no apt. Install R (>= 4.2) and the packages that DESCRIPTION names." >&2
  exit 1
}
root=()
[ "$(id -u)" -eq 0 ] || root=(sudo)
echo "Installing ${#missing[@]} of ${#packages[@]}: ${missing[*]}"
"${root[@]}" apt-get update -qq
"${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
echo "R packages and tools: all ${#packages[@]} are installed."
