#!/usr/bin/env bash
# The Python suite with the oldest versions that pyproject.toml allows, or with the newest there are.
#   tools/test-versions.sh oldest|newest [FOLDER] [PYTEST ARGUMENTS...]
# FOLDER holds the virtual environment and the versions that were chosen (default: a new one, removed at the end).
# Oldest: each package that pyproject.toml names at its lower bound, what these need at the latest that fits them.
set -euo pipefail
cd "$(dirname "$0")/.."
set_=${1:?oldest or newest}
case $set_ in
  oldest) resolution=lowest-direct ;;
  newest) resolution=highest ;;
  *) echo "oldest or newest; received '$set_'." >&2; exit 2 ;;
esac
folder=${2:-}
if [ -z "$folder" ]; then
  folder=$(mktemp -d)
  trap 'rm -rf "$folder"' EXIT
fi
[ -x "$folder/bin/python" ] || "${PYTHON:-python3}" -m venv "$folder"
python=$folder/bin/python
"$python" -m pip install --quiet --disable-pip-version-check uv

# TensorFlow's build without GPU: the same code in a third of the space.
sed 's/"tensorflow>=/"tensorflow-cpu>=/' pyproject.toml > "$folder/pyproject.toml"
"$python" -m uv pip compile --quiet --resolution "$resolution" --group "$folder/pyproject.toml:test" \
  "$folder/pyproject.toml" --output-file "$folder/versions.txt"
echo "$set_: $(grep -E '^(anndata|h5py|keras|numpy|pandas|scanpy|scikit-learn|scipy|tensorflow-cpu|zarr)==' "$folder/versions.txt" | xargs)"
"$python" -m uv pip install --quiet --compile-bytecode --python "$python" --requirement "$folder/versions.txt"
PYTHONPATH=$PWD/python "$python" -m pytest "${@:3}"
