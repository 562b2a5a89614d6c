#!/usr/bin/env bash
# Write docs/r-session.md: docs/r-session/session.R typed into R, with R's own output, and the pictures that it makes.
# The installation before it is docs/r-session/installation.txt, from a machine that had nothing: it is not run again.
# Needs the package installed and its Python set up.   tools/r-session.sh
set -euo pipefail
cd "$(dirname "$0")/.."
page=$PWD/docs/r-session.md
folder=$PWD/docs/r-session
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export R_DEFAULT_DEVICE=png LC_ALL=C.UTF-8
# --interactive: an error is an answer, and the session goes on.
(cd "$work" && R --vanilla --quiet --interactive --no-readline <"$folder/session.R" 2>&1) |
  sed -e '/^> $/d' -e 's/[[:space:]]*$//' >"$work/said"
cp "$work"/{labels,calls,types}.png "$folder"
{
  cat <<'TEXT'
---
orphan: true
---

# A first session in R

Typed into R as a new user would. The installation is from a clone, in a home and an R library that were empty, with
pip's lines folded and without what reticulate 1.28 remarks on the clone's pyproject.toml; the rest was made by `tools/r-session.sh`, and is R's own output.

```r
TEXT
  cat "$folder/installation.txt" "$work/said"
  cat <<'TEXT'
```

The three pictures that it made:

![Labels on the first two components of the embedding](r-session/labels.png)

![Confidence of each label's cells](r-session/calls.png)

![Mean probability of each source type in each cluster](r-session/types.png)
TEXT
} >"$page"
