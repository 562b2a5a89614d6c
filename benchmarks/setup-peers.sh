#!/usr/bin/env bash
# The methods that ItClust is compared with, in an environment of their own: .venv-peers.
#   benchmarks/setup-peers.sh            logistic regression, SVM, CellTypist
#   benchmarks/setup-peers.sh --scanvi   and scANVI (PyTorch, some 1 GB)
#   benchmarks/setup-peers.sh --r        and Debian's SingleR and Seurat for R (needs root)
set -euo pipefail
cd "$(dirname "$0")/.."
venv=.venv-peers

if [ ! -x "$venv/bin/python" ]; then
  python3 -m venv "$venv"
  echo '*' > "$venv/.gitignore"
fi
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r benchmarks/peers.txt

for option in "$@"; do
  case "$option" in
    --scanvi) "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r benchmarks/peers-scanvi.txt ;;
    --r) apt-get install -y --no-install-recommends r-bioc-singler r-cran-seurat r-bioc-rhdf5 ;;
    *) echo "setup-peers.sh: unknown option $option; there are --scanvi and --r." >&2; exit 2 ;;
  esac
done
