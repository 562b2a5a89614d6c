#!/usr/bin/env bash
# Are NAMESPACE and man/ what roxygen2 makes of R/? Argument: a library to install into on the way.
set -euo pipefail
cd "$(dirname "$0")/.."
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
cp -RL DESCRIPTION NAMESPACE LICENSE R inst "$copy"
mkdir "$copy/man"
(cd "$copy" && Rscript -e 'roxygen2::roxygenise(load_code = "source")' >&2)
diff "$copy/NAMESPACE" NAMESPACE
diff --recursive "$copy/man" man
