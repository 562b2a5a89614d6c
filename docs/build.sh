#!/usr/bin/env bash
# Build the documentation into docs/_build/html; any warning is an error. Tutorials run as they are built; their answers
# are kept in docs/_build/.jupyter_cache until their code changes: remove that folder to run them again.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-.venv/bin/python}
"$python" -c 'import sphinx, myst_nb, numpydoc, sphinx_book_theme, sphinx_copybutton, sphinx_design, ipykernel' 2>/dev/null ||
  "$python" -m pip install --quiet --disable-pip-version-check -r docs/requirements.txt

# The tutorial from R runs where R and the packages it needs are there.
library=$PWD/docs/_build/R
if command -v R >/dev/null && Rscript -e 'quit(status = !requireNamespace("SingleCellExperiment", quietly = TRUE))'; then
  mkdir -p "$library"
  R CMD INSTALL --no-docs --library="$library" . >docs/_build/R-install.log 2>&1 ||
    { echo "the R package could not be installed: see docs/_build/R-install.log" >&2; exit 1; }
fi
R_LIBS="$library${R_LIBS:+:$R_LIBS}" RETICULATE_PYTHON="$(cd "$(dirname "$python")" && pwd)/python" \
  "$python" -m sphinx -W --keep-going -b html docs docs/_build/html "$@"
