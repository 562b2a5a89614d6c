#!/usr/bin/env bash
# testthat, R CMD build, R CMD check and BiocCheck of the R package, with the Python of RETICULATE_PYTHON.
# Fails on any test, ERROR or WARNING. The last lines sum up.
set -uo pipefail
cd "$(dirname "$0")/.."
root=$PWD
export RETICULATE_PYTHON=${RETICULATE_PYTHON:-$root/.venv/bin/python}
export ITCLUST_REQUIRE_PYTHON=true ITCLUST_SHARED=${ITCLUST_SHARED:-$root/../shared}
export _R_CHECK_FORCE_SUGGESTS_=false _R_CHECK_VIGNETTES_SKIP_RUN_MAYBE_=true
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/lib"
export R_LIBS=$work/lib${R_LIBS:+:$R_LIBS}
summary=()
failed=0

step() { # name, command...: run it, keep its output and whether it went well
  local name=$1 start=$SECONDS
  shift
  echo "== $name"
  if "$@" >"$work/log" 2>&1; then
    summary+=("$name: passed ($((SECONDS - start)) s)")
  else
    failed=1
    summary+=("$name: FAILED ($((SECONDS - start)) s)")
    tail -n 80 "$work/log"
  fi
  cat "$work/log" >>"$work/all"
}

# R CMD build copies everything before it ignores anything, .venv too: give it the project's own files alone.
mkdir "$work/ItClust"
git ls-files -z --cached --others --exclude-standard | tar --create --null --files-from - --ignore-failed-read 2>/dev/null |
  tar --extract --directory "$work/ItClust"

suite='options(warn = 1); results <- as.data.frame(testthat::test_dir("tests/testthat", package = "ItClust", load_package = "installed", reporter = "summary", stop_on_failure = FALSE)); cat(sprintf("[ FAIL %d | SKIP %d | PASS %d ]\n", sum(results$failed) + sum(results$error), sum(results$skipped), sum(results$nb) - sum(results$failed))); quit(status = any(results$failed > 0 | results$error))'

step "roxygen2" tools/roxygen-is-current.sh
step "R CMD build" bash -c "cd '$work' && R CMD build ItClust"
tarball=$(ls "$work"/ItClust_*.tar.gz 2>/dev/null)
if [ -n "$tarball" ]; then
  step "R CMD INSTALL" R CMD INSTALL --library="$work/lib" "$tarball"
  step "testthat" Rscript -e "$suite"
  summary+=("$(grep '^\[ FAIL' "$work/log" | tail -n 1)")
  grep -A 200 '══ Skipped' "$work/log" | grep -E '^[0-9]+\. ' || true
  # As on a machine that builds packages: what needs Python is skipped, all else holds.
  step "testthat without Python" env RETICULATE_PYTHON=/no/python ITCLUST_REQUIRE_PYTHON= Rscript -e "$suite"
  summary+=("$(grep '^\[ FAIL' "$work/log" | tail -n 1)")
  step "vignettes ran" bash -c "! tar -xOf '$tarball' --wildcards '*/inst/doc/*.html' | grep -qE 'no code was run|Python is not set up'"
  # The tests ran above, from the checkout; check runs the rest.
  step "R CMD check" bash -c "cd '$work' && R CMD check --no-manual --no-tests '$tarball' && ! grep -E '^Status:.*(ERROR|WARNING)' ItClust.Rcheck/00check.log"
  summary+=("$(grep '^Status:' "$work/ItClust.Rcheck/00check.log")")
  grep -B 1 -A 8 -E '\.\.\. (\[.*\] )?(NOTE|WARNING|ERROR)' "$work/ItClust.Rcheck/00check.log" || true
  step "BiocCheck" Rscript tools/bioccheck.R "$tarball"
  summary+=("$(grep '^BiocCheck:' "$work/log" | tail -n 1)")
fi

echo "---- R package ----"
printf '%s\n' "${summary[@]}"
exit $failed
