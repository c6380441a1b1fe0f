#!/bin/bash
# Prints the path of virt-fw-vars, which writes keys into a firmware's variable store; installs it from PyPI, into a
# virtual environment in the cache, where it is not there yet.
set -euo pipefail
. "$(dirname "$(readlink -f "$0")")/../roots/lib.sh"
program=$cache/venv/bin/virt-fw-vars
if [ ! -x "$program" ]; then
  mkdir -p "$cache"
  exec 9>"$cache/venv.lock"
  flock 9
  if [ ! -x "$program" ]; then
    # Not a pyenv's or another private python: its environment would break with it.
    /usr/bin/python3 -m venv "$cache/venv" >&2
    "$cache/venv/bin/pip" install -q virt-firmware >&2 || die "virt-firmware cannot be had from PyPI"
  fi
fi
echo "$program"
