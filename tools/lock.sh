#!/usr/bin/env bash
# Write requirements.lock (Python) and requirements-r.lock (the bridge to R) from what pyproject.toml asks for,
# at the versions that .venv holds where it holds them. TensorFlow: the CPU build where there is one.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
.venv/bin/python -m pip freeze --exclude-editable | grep -v ' @ ' > "$work/constraints"
.venv/bin/python - > "$work/wanted" <<'PY'
import tomllib
project = tomllib.load(open("pyproject.toml", "rb"))
groups = project["dependency-groups"]
wanted = project["project"]["dependencies"] + [d for g in groups.values() for d in g if isinstance(d, str)]
wanted += project["build-system"]["requires"]
print("\n".join(d.replace("tensorflow>", "tensorflow-cpu>") for d in wanted))
PY
.venv/bin/python -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet -c "$work/constraints" -r "$work/wanted"
"$work/venv/bin/python" -m pip freeze | sort -f > "$work/frozen"
{
  echo "# Versions that are tested together; made by tools/lock.sh."
  grep -vE '^tensorflow' "$work/frozen"
  version=$(grep -oP '^tensorflow[-_]cpu==\K.*' "$work/frozen")
  echo "tensorflow-cpu==$version; sys_platform == 'linux' and platform_machine == 'x86_64'"
  echo "tensorflow==$version; sys_platform != 'linux' or platform_machine != 'x86_64'"
} > requirements.lock
{
  echo "# For R 4.2 to 4.4, where later versions of rpy2-rinterface do not load; made by tools/lock.sh."
  grep -E '^(rpy2|rpy2-rinterface|rpy2-robjects|anndata2ri|tzlocal)==' "$work/constraints"
} > requirements-r.lock
