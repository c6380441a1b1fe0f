#!/bin/bash
# Installs what the tests and the demonstration need on a fresh Debian 12 or 13 machine, as root.
# Idempotent; where everything is there it asks neither apt nor the network.
# usage: tests/setup.sh [--demo] [--print-path]   prints nothing else on stdout; the Rust programs' directory with --print-path
# With --demo, only what the demonstration needs.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
say() { printf 'setup: %s\n' "$*" >&2; }

for_demo=0 print_path=0
for argument in "$@"; do
  case $argument in
    --demo) for_demo=1 ;;
    --print-path) print_path=1 ;;
    *) say "unknown argument: $argument"; exit 2 ;;
  esac
done

# package, then a file that it brings (a list of files costs less than asking dpkg)
needs='
ca-certificates       /etc/ssl/certs/ca-certificates.crt
make                  /usr/bin/make
gcc                   /usr/bin/gcc
libc6-dev             /usr/include/stdio.h
curl                  /usr/bin/curl
mmdebstrap            /usr/bin/mmdebstrap
debian-archive-keyring /usr/share/keyrings/debian-archive-keyring.gpg
util-linux            /usr/bin/unshare
xz-utils              /usr/bin/xz
zstd                  /usr/bin/zstd
'
[ "$for_demo" = 1 ] || needs=$needs'
git                   /usr/bin/git
bubblewrap            /usr/bin/bwrap
kmod                  /usr/bin/kmod
cpio                  /usr/bin/cpio
openssl               /usr/bin/openssl
dpkg-dev              /usr/bin/dpkg-parsechangelog
lintian               /usr/bin/lintian
qemu-system-x86       /usr/bin/qemu-system-x86_64
ovmf                  /usr/share/OVMF/OVMF_CODE_4M.fd
busybox-static        /usr/share/doc/busybox-static/copyright
mtools                /usr/bin/mcopy
dosfstools            /usr/sbin/mkfs.vfat
man-db                /usr/bin/man
mandoc                /usr/bin/mandoc
zsh                   /usr/bin/zsh
fish                  /usr/bin/fish
python3               /usr/bin/python3
gpg                   /usr/bin/gpg
gpg-agent             /usr/bin/gpg-agent
gpgv                  /usr/bin/gpgv
strace                /usr/bin/strace
python3-venv          /usr/share/doc/python3-venv/copyright
'

# Installs packages; linux-kbuild stands for the newest of that name.
install_named() {
  local names=() package
  for package in "$@"; do
    if [ "$package" = linux-kbuild ]; then
      package=$(apt-cache search --names-only '^linux-kbuild-[0-9]' | awk '{print $1}' | sort -V | tail -1)
      [ -n "$package" ] || return 1
    fi
    names+=("$package")
  done
  apt-get install -qq -y --no-install-recommends "${names[@]}"
}

install_packages() {
  local missing=() package file
  while read -r package file; do
    [ -n "$package" ] || continue
    [ -e "$file" ] || missing+=("$package")
  done <<<"$needs"
  # The kernel's own signing program, whatever its version is called here.
  local signer=(/usr/lib/linux-kbuild-*/scripts/sign-file)
  [ "$for_demo" = 1 ] || [ -e "${signer[0]}" ] || missing+=(linux-kbuild)
  [ ${#missing[@]} -gt 0 ] || return 0
  if [ "$(id -u)" != 0 ]; then
    say "missing packages: ${missing[*]}; run this as root, or install them yourself."
    exit 1
  fi
  if ! command -v apt-get >/dev/null; then
    say "missing packages: ${missing[*]}; this is no Debian machine, so install their like by hand."
    exit 1
  fi
  say "installing ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  # The lists may be absent or old; one refresh is tried before the install is given up.
  install_named "${missing[@]}" >/dev/null 2>&1 || {
    apt-get update -qq
    install_named "${missing[@]}" >/dev/null
  }
}

wanted=$(sed -n 's/^rust-version *= *"\(.*\)".*/\1/p' "$here/../Cargo.toml" | head -1)

# True where the cargo in directory $1 is new enough.
new_enough() {
  local have
  have=$("$1/cargo" --version 2>/dev/null | awk '{print $2}') || return 1
  [ -n "$have" ] && [ "$(printf '%s\n%s\n' "$wanted" "$have" | sort -V | head -1)" = "$wanted" ]
}

find_cargo() {
  local dir
  dir=$(dirname "$(command -v cargo || echo /none/cargo)")
  for dir in "$dir" "${CARGO_HOME:-$HOME/.cargo}/bin" /usr/local/cargo/bin; do
    if [ -x "$dir/cargo" ] && new_enough "$dir"; then echo "$dir"; return 0; fi
  done
  return 1
}

install_cargo() {
  local script
  script=$(mktemp)
  say "no cargo $wanted or newer found; trying rustup"
  if curl --proto '=https' --tlsv1.2 -sSf --max-time 60 -o "$script" https://sh.rustup.rs 2>/dev/null; then
    sh "$script" -y -q --no-modify-path --profile minimal -c rustfmt -c clippy >/dev/null 2>&1 || true
  fi
  rm -f "$script"
  find_cargo >/dev/null && return 0
  if [ "$(id -u)" = 0 ] && apt-cache show rustup >/dev/null 2>&1; then
    say "trying Debian's rustup package"
    DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends rustup >/dev/null 2>&1 || true
    rustup toolchain install stable --profile minimal -c rustfmt -c clippy >/dev/null 2>&1 || true
  fi
  find_cargo >/dev/null
}

install_packages
cargo_dir=$(find_cargo) || {
  install_cargo || {
    say "no Rust toolchain $wanted or newer, and none could be fetched: install one (https://rustup.rs) and run this again."
    exit 1
  }
  cargo_dir=$(find_cargo)
}
[ "$print_path" = 0 ] || echo "$cargo_dir"
