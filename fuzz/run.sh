#!/usr/bin/env bash
# Runs every fuzz target, or those that are named, for SECONDS each (60), one after the other on one core,
# from the kept corpus and the photos of the tests. Ends with the first finding: its file is in
# fuzz/artifacts, and `cargo +nightly fuzz run TARGET FILE` runs it alone.
#
#     fuzz/run.sh [SECONDS [TARGET...]]
#
# Needs cargo-fuzz (`cargo install cargo-fuzz`) and a nightly toolchain.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:-60}
targets=("${@:2}")
if ((${#targets[@]} == 0)); then
  targets=(probe jpeg png gif webp bmp tiff json base64)
fi

cargo +nightly fuzz build
for target in "${targets[@]}"; do
  mkdir -p "fuzz/corpus/$target"
  seeds=()
  case $target in
    json | base64) ;;
    *) seeds=(tests/reference/modes) ;;
  esac
  printf '== %s, %s s\n' "$target" "$seconds"
  cargo +nightly fuzz run "$target" "fuzz/corpus/$target" "${seeds[@]}" -- \
    -max_total_time="$seconds" -max_len=65536 -timeout=10 -rss_limit_mb=4096 -print_final_stats=1 \
    2>&1 | grep --line-buffered -E 'DONE|stat::(number_of|average)|panicked|assert|SUMMARY|ERROR|Failing input|fuzz/artifacts'
done
