#!/usr/bin/env bash
# testthat, R CMD build, R CMD check and BiocCheck of the R package, with the Python of RETICULATE_PYTHON.
# Fails on any test, ERROR or WARNING. Two steps run at a time, each in one thread. The last lines sum up.
set -uo pipefail
cd "$(dirname "$0")/.."
root=$PWD
export RETICULATE_PYTHON=${RETICULATE_PYTHON:-$root/.venv/bin/python}
export ITCLUST_REQUIRE_PYTHON=true ITCLUST_SHARED=${ITCLUST_SHARED:-$root/../shared}
export _R_CHECK_FORCE_SUGGESTS_=false _R_CHECK_VIGNETTES_SKIP_RUN_MAYBE_=true
export TF_NUM_INTRAOP_THREADS=1 TF_NUM_INTEROP_THREADS=1 OMP_NUM_THREADS=1
work=$(mktemp -d)
stop() {
  for lane in $(jobs -p); do kill -- "-$lane"; done
  wait
  rm -rf "$work"
} 2>/dev/null
trap stop EXIT
trap 'exit 130' INT TERM HUP
mkdir "$work/lib" "$work/logs" "$work/bare"
export R_LIBS=$work/lib${R_LIBS:+:$R_LIBS}
steps=("roxygen2" "R CMD INSTALL" "testthat" "testthat of models and trees" "testthat without Python" "R CMD build" "vignettes ran" "R CMD check" "BiocCheck")

step() { # name, command...: run it; logs/name keeps what it says, logs/name.how whether it went well
  local name=$1 log=$work/logs/$1 start=$SECONDS how=passed
  shift
  echo "== $name"
  "$@" >"$log" 2>&1 || how=FAILED
  echo "$name: $how ($((SECONDS - start)) s)" >"$log.how"
  [ $how = passed ] || { printf '%s\n' "== $name: FAILED" "$(tail -n 80 "$log")"; return 1; }
}

lane() { # function: run it beside what else runs, in a process group of its own, which stop() ends
  set -m
  "$@" </dev/null &
  set +m
}

# R CMD build copies everything before it ignores anything, .venv too: give it the project's own files alone.
mkdir "$work/ItClust"
git ls-files -z --cached --others --exclude-standard | tar --create --null --files-from - --ignore-failed-read 2>/dev/null |
  tar --extract --directory "$work/ItClust"

# An argument is a pattern of the files' names.
suite='options(warn = 1); pattern <- commandArgs(TRUE); results <- as.data.frame(testthat::test_dir("tests/testthat", package = "ItClust", load_package = "installed", reporter = "summary", stop_on_failure = FALSE, filter = if (length(pattern)) pattern, perl = TRUE)); cat(sprintf("[ FAIL %d | SKIP %d | PASS %d ]\n", sum(results$failed) + sum(results$error), sum(results$skipped), sum(results$nb) - sum(results$failed))); quit(status = any(results$failed > 0 | results$error))'

prepare() { # what the tests need: the package as its tarball has it, but for the vignettes
  step "roxygen2" tools/roxygen-is-current.sh
  step "R CMD INSTALL" bash -c "cd '$work/bare' && R CMD build --no-build-vignettes ../ItClust && R CMD INSTALL --library='$work/lib' ItClust_*.tar.gz"
}

run_tests() {
  step "testthat" Rscript -e "$suite" '^(?!model|tree)'
}

check_package() {
  step "R CMD build" bash -c "cd '$work' && R CMD build ItClust" || return
  local tarball
  tarball=$(ls "$work"/ItClust_*.tar.gz)
  step "vignettes ran" bash -c "! tar -xOf '$tarball' --wildcards '*/inst/doc/*.html' | grep -qE 'no code was run|Python is not set up'"
  # run_tests() runs the tests, from the checkout; check runs the rest.
  step "R CMD check" bash -c "cd '$work' && R CMD check --no-manual --no-tests '$tarball' && ! grep -E '^Status:.*(ERROR|WARNING)' ItClust.Rcheck/00check.log"
  step "BiocCheck" Rscript tools/bioccheck.R "$tarball"
  step "testthat of models and trees" Rscript -e "$suite" '^(model|tree)' # here, so that both lanes take as long
  # As on a machine that builds packages: what needs Python is skipped, all else holds.
  step "testthat without Python" env RETICULATE_PYTHON=/no/python ITCLUST_REQUIRE_PYTHON= Rscript -e "$suite"
}

lane prepare
if wait $!; then
  lane run_tests
  lane check_package
  wait
fi

grep -A 200 '══ Skipped' "$work/logs/testthat" 2>/dev/null | grep -E '^[0-9]+\. '
grep -B 1 -A 8 -E '\.\.\. (\[.*\] )?(NOTE|WARNING|ERROR)' "$work/ItClust.Rcheck/00check.log" 2>/dev/null
echo "---- R package ----"
failed=0
for name in "${steps[@]}"; do
  how=$(cat "$work/logs/$name.how" 2>/dev/null || echo "$name: not run, or ended early")
  [[ $how == "$name: passed"* ]] || failed=1
  echo "$how"
  grep -E '^── [0-9]+\. (Failure|Error)' "$work/logs/$name" 2>/dev/null
  grep -E '^\[ FAIL|^Status:|^BiocCheck:' "$work/logs/$name" 2>/dev/null | tail -n 1
done
exit $failed
