#!/bin/bash
# Runs every check and every test, and closes with one line: N passed, N failed, N skipped.
# usage: tests/run.sh      (make test)
# EVERMOD_COMPILED names a directory where compiled libraries outlive the checkout; they are most of what is compiled.
# A test that cannot run here prints "skipped: NAME: why"; the log of the whole run is target/test.log.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
top=$(dirname "$here")
cd "$top" || exit 1
mkdir -p target
log=$top/target/test.log
: >"$log"
passed=0 failed=0
started=$SECONDS
step() { printf '== %s (%d s)\n' "$*" $((SECONDS - started)) | tee -a "$log"; }

# One command that counts as one check.
check() {
  local name=$1
  shift
  step "$name"
  if "$@" 2>&1 | tee -a "$log"; then passed=$((passed + 1)); else
    failed=$((failed + 1))
    echo "FAILED: $name" | tee -a "$log"
  fi
}

step "what the tests need"
cargo_dir=$("$here/setup.sh" --print-path) || {
  echo "0 passed, 1 failed, 0 skipped"
  exit 1
}
export PATH=$cargo_dir:$PATH CARGO_TERM_COLOR=never

# Only for a checkout that has compiled nothing, and for one at a time: both would write the same program's file.
if [ -n "${EVERMOD_COMPILED:-}" ] && [ ! -e target/debug ] && [ ! -e target/release ]; then
  mkdir -p "$EVERMOD_COMPILED"
  exec 9>"$EVERMOD_COMPILED/lock"
  if flock -n 9; then
    for part in debug release debian-reader; do
      mkdir -p "$EVERMOD_COMPILED/$part"
      ln -s "$EVERMOD_COMPILED/$part" "target/$part"
    done
    # What other checkouts compiled of their own. (A cargo that cannot tell leaves it lying.)
    { cargo clean --workspace && cargo clean --workspace --release; } >>"$log" 2>&1 || :
  fi
fi

# The roots are made while the compiler runs: they wait for the network and the disk.
make_roots() {
  local root
  for root in small apt12 apt13 demo apt13-dracut apt13-unattended dkms dkms-cloud secureboot takeover oracle-dkms managers dnf dnf5 pacman kernel-install packaging older newer; do "$here/roots/make.sh" "$root" >/dev/null || return 1; done
  "$here/corpus/fetch.sh" fast || return 1
  "$here/corpus/fetch-confs.sh" || echo "not every dkms.conf could be had" >&2
  "$here/secureboot/firmware.sh" >/dev/null || echo "virt-firmware could not be had" >&2
}
roots=
if [ "$(id -u)" = 0 ]; then
  make_roots >>"$log" 2>&1 &
  roots=$!
fi

check "format" cargo fmt --all --check
check "lints" cargo clippy --workspace --all-targets --quiet -- -D warnings
check "evermod's packages" make --no-print-directory packages
check "evermod's package, read by an independent program" make --no-print-directory reader
# Errors are told by the run itself, below.
step "the tests' programs"
cargo test --workspace --no-run >>"$log" 2>&1 || :
if [ -n "$roots" ]; then
  step "the test roots"
  wait "$roots" || {
    failed=$((failed + 1))
    echo "FAILED: the test roots could not be made" | tee -a "$log"
  }
fi

step "tests"
cases=$top/target/test-cases.log
cargo test --workspace --no-fail-fast >"$cases" 2>&1 &
tests=$!
tail -n +1 -f --pid="$tests" "$cases" | grep --line-buffered -vE '^(running 0 tests|test result: ok. 0 passed.*|)$'
wait "$tests"
status=$?
cat "$cases" >>"$log"
read -r p f i < <(awk '
  / *test result: / { for (n = 1; n < NF; n++) { if ($(n+1) ~ /^passed/) p += $n; if ($(n+1) ~ /^failed/) f += $n; if ($(n+1) ~ /^ignored/) i += $n } }
  END { print p + 0, f + 0, i + 0 }' "$cases")
s=$(grep -c '^skipped: ' "$cases")
# A test that skipped itself is counted as passed by its runner.
passed=$((passed + p - s)) failed=$((failed + f)) skipped=$((i + s))
# Tests that do not compile, or a runner that died, count nothing.
if [ "$status" != 0 ] && [ "$f" = 0 ]; then failed=$((failed + 1)); fi
if [ "$p" = 0 ]; then failed=$((failed + 1)); fi

step "end"
grep '^skipped: ' "$cases"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
