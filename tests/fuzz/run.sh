#!/bin/bash
# Fuzzes what reads strangers' bytes: each target for some time, beginning with real files and what was found before.
# usage: tests/fuzz/run.sh [--seconds N] [TARGET...]      (make fuzz)
# Ends with 1 and keeps the input where a target fails. What it learns lies in the cache, so that the next run goes on.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
top=$(dirname "$(dirname "$here")")
. "$here/../roots/lib.sh"
seconds=60
if [ "${1:-}" = --seconds ]; then seconds=$2; shift 2; fi
targets=("$@")
[ ${#targets[@]} -gt 0 ] || for file in "$here"/targets/*.rs; do targets+=("$(basename "$file" .rs)"); done

# As cargo-fuzz has it, without what only a nightly compiler knows: Rust finds wild accesses by itself.
export RUSTFLAGS="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters
 -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing -Ccodegen-units=1"
RUSTFLAGS=${RUSTFLAGS//$'\n'/}
built=$top/target/fuzz
host=$(rustc -vV | sed -n 's/^host: //p')
# With a target named, build scripts and macros are built without counters.
cargo build --quiet --locked --release --target "$host" --manifest-path "$here/Cargo.toml" --target-dir "$built"

# Archives of one small module, in every compression.
archives() {
  local dir=$built/archives end
  rm -rf "$dir"
  mkdir -p "$dir"
  for end in tar tar.gz tar.xz tar.zst tar.bz2; do
    tar -C "$here/../modules" --transform 's|^hello-1.0|dkms_source_tree|' -caf "$dir/hello.$end" hello-1.0
  done
  ls "$dir"/*
}

# Real input to begin with, as far as it is here.
seeds() {
  case $1 in
    dkms_conf) find "$here/../modules" "$cache/corpus/confs" -name '*dkms.conf*' ;;
    settings) echo "$top/packaging/dist/evermod.toml"; ls /etc/os-release ;;
    managers) find "$here/../fixtures" "$top/pacman-hook" -name '*.hook' -o -path '*fixtures*' -type f -size -32k ;;
    package_file) find "$top/target/dist" "$cache/archives" -type f -size -48k ;;
    archive) archives ;;
    module_file) find "$cache/roots" -path '*/updates/dkms/*.ko' -size -64k ;;
    build_log) find "$here/../fixtures" "$cache/roots" -name 'make.log' -size -64k ;;
  esac 2>/dev/null | head -200
}

status=0
for target in "${targets[@]}"; do
  corpus=$cache/fuzz/$target found=$top/target/fuzz/found/$target/
  mkdir -p "$corpus" "$found"
  while read -r file; do
    cp "$file" "$corpus/seed-$(sha256sum <"$file" | cut -c1-16)"
  done < <(seeds "$target")
  log=$top/target/fuzz/$target.log
  if TMPDIR=/dev/shm "$built/$host/release/$target" "$corpus" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 \
    -max_len=65536 -artifact_prefix="$found" -print_final_stats=1 >"$log" 2>&1; then
    say "$target: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") inputs, nothing found"
  else
    status=1
    tail -40 "$log" >&2
    say "$target failed; the input is in $found"
  fi
done
exit "$status"
