#!/usr/bin/env bash
# Are NAMESPACE and man/ what roxygen2 makes of R/?
set -euo pipefail
cd "$(dirname "$0")/.."
used=$(sed -n 's/^RoxygenNote: //p' DESCRIPTION)
here=$(Rscript -e 'cat(as.character(packageVersion("roxygen2")))')
if [ "$used" != "$here" ]; then
  echo "not compared: man/ is from roxygen2 $used, this is $here, which writes links differently"
  exit 0
fi
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
cp -RL DESCRIPTION NAMESPACE LICENSE R inst "$copy"
mkdir "$copy/man"
(cd "$copy" && Rscript -e 'roxygen2::roxygenise(load_code = "source")' >&2)
diff "$copy/NAMESPACE" NAMESPACE
diff --recursive "$copy/man" man
