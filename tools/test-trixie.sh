#!/usr/bin/env bash
# The suite on Debian 13 (R 4.5, reticulate 1.41, Seurat 5, newer Python libraries), in a debootstrap folder.
#   tools/test-trixie.sh [FOLDER]     default: /var/tmp/itclust-trixie; some 6 GB; made once, reused afterwards
# Needs root (or sudo) and debootstrap. The mirror is the one that this machine's own apt uses.
set -euo pipefail
cd "$(dirname "$0")/.."
project=$PWD
folder=$(realpath -m "${1:-/var/tmp/itclust-trixie}")
shared=${ITCLUST_SHARED:-$project/../shared}
root=()
[ "$(id -u)" -eq 0 ] || root=(sudo)

mirror() { # the first Debian archive in apt's own sources, of either format
  cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null |
    sed -nE 's/^(URIs:|deb( \[[^]]*\])?) +([^ ]+).*/\3/p' | grep -v security | head -n 1
}

inside() { # command...: in the folder, with a clean environment
  "${root[@]}" chroot "$folder" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
    DEBIAN_FRONTEND=noninteractive "$@"
}

release() { # undo the mounts, the innermost first
  "${root[@]}" umount "$folder"/{opt,project,dev/shm,dev/pts,dev,proc,sys} 2>/dev/null || true
}

hold() { # what programs inside expect of a machine, and the project, read-only
  trap release EXIT
  local place
  for place in proc sys dev dev/pts dev/shm; do
    "${root[@]}" mount --bind "/$place" "$folder/$place"
  done
  "${root[@]}" mkdir -p "$folder/project" "$folder/opt"
  "${root[@]}" mount --bind -o ro "$project" "$folder/project"
  "${root[@]}" mount --bind -o ro /opt "$folder/opt"
}

configure() { # names, certificates, apt and pip as on the host
  printf '#!/bin/sh\nexit 101\n' | "${root[@]}" tee "$folder/usr/sbin/policy-rc.d" >/dev/null
  "${root[@]}" chmod 755 "$folder/usr/sbin/policy-rc.d"
  local file
  for file in /etc/resolv.conf /etc/hosts /etc/pip.conf /etc/apt/apt.conf.d/99*; do
    [ ! -f "$file" ] || "${root[@]}" cp -L "$file" "$folder$file"
  done
  if [ -f "$HOME/.config/pip/pip.conf" ]; then
    "${root[@]}" mkdir -p "$folder/root/.config/pip"
    "${root[@]}" cp -L "$HOME/.config/pip/pip.conf" "$folder/root/.config/pip/"
  fi
  "${root[@]}" mkdir -p "$folder/etc/ssl/certs"
  "${root[@]}" cp -L /etc/ssl/certs/ca-certificates.crt "$folder/etc/ssl/certs/"
}

if [ ! -f "$folder/.base" ]; then
  command -v debootstrap >/dev/null || "${root[@]}" apt-get install -y -qq --no-install-recommends debootstrap
  "${root[@]}" debootstrap --variant=minbase trixie "$folder" "$(mirror)" >/tmp/debootstrap.$$ ||
    { tail "/tmp/debootstrap.$$" >&2; exit 1; }
  "${root[@]}" touch "$folder/.base"
fi
configure
hold

# R and its packages, by the list that Debian 12 uses, and Python.
inside apt-get update -qq
inside apt-get install -y -qq --no-install-recommends python3-venv python3-dev git ca-certificates >/dev/null
inside bash /project/tools/setup-r.sh
configure # again: the package ca-certificates has put its own bundle there

# The suite works on a copy of its own: the project is read-only in there.
"${root[@]}" rm -rf "$folder/work"
"${root[@]}" mkdir -p "$folder/work/main"
git ls-files -z --cached --others --exclude-standard | tar --create --null --files-from - --ignore-failed-read 2>/dev/null |
  "${root[@]}" tar --extract --no-same-owner --directory "$folder/work/main"
inside bash -c 'cd /work/main && git init -q'
[ ! -d "$shared/data" ] || "${root[@]}" cp -R "$shared" "$folder/work/shared"

# Python with what pyproject's bounds resolve to today, not with the lock: newer libraries must pass as well.
inside bash -c 'test -x /venv/bin/python || python3 -m venv /venv'
inside bash -c 'cd /work/main && /venv/bin/pip install --quiet --disable-pip-version-check \
  tensorflow-cpu "rpy2>=3.6.6" anndata2ri pytest &&
  sed "s/tensorflow>=/tensorflow-cpu>=/" pyproject.toml > /tmp/p.toml && cp /tmp/p.toml pyproject.toml &&
  /venv/bin/pip install --quiet --disable-pip-version-check .'
inside /venv/bin/pip list 2>/dev/null | grep -iE '^(anndata|scanpy|numpy|pandas|keras|tensorflow|rpy2|anndata2ri)' || true
inside bash -c 'cd /work/main && RETICULATE_PYTHON=/venv/bin/python tools/check-r.sh'
