#!/usr/bin/env bash
# Make .venv with the locked packages and this project, or leave it alone where it is up to date.
#   tools/setup-python.sh          Python alone (what `make demo` needs)
#   tools/setup-python.sh --r      rpy2 and anndata2ri as well; R must be there (tools/setup-r.sh)
set -euo pipefail
cd "$(dirname "$0")/.."
stamp=.venv/.ready

python=${PYTHON:-}
if [ -z "$python" ]; then
  for candidate in python3.11 python3.12 python3.13 python3; do
    if command -v "$candidate" >/dev/null && "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      python=$candidate
      break
    fi
  done
fi
[ -n "$python" ] || { echo "Python 3.11 or later is needed; set PYTHON=/path/to/python3.11." >&2; exit 1; }

ready() { # are these files what .venv was made from?
  [ -f "$1" ] && [ "$(cat "$1")" = "$(cat "${@:2}" | sha256sum)" ]
}
install() {
  echo "installing $1 into .venv (some minutes the first time)"
  .venv/bin/python -m pip install --quiet --disable-pip-version-check -r "$1"
}

if ! ready "$stamp" requirements.lock pyproject.toml; then
  if [ ! -x .venv/bin/python ]; then
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
      root=$([ "$(id -u)" = 0 ] || echo sudo)
      $root apt-get update -qq && $root apt-get install -y -qq --no-install-recommends python3-venv
    fi
    "$python" -m venv .venv
  fi
  install requirements.lock
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
  cat requirements.lock pyproject.toml | sha256sum > "$stamp"
fi

if [ "${1:-}" = --r ] && ! ready "$stamp-r" requirements-r.lock; then
  install requirements-r.lock
  sha256sum < requirements-r.lock > "$stamp-r"
fi
