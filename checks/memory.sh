#!/usr/bin/env bash
# Memory is bounded: 64 clients with photos of 12 megapixels, then 6 clients with the largest images
# that are legal, against a service that was given 3 GiB (--memory-limit).
#
# Targets: each kind of image is embedded at least once, the largest JPEG twice; other answers are
# 429 alone. The most memory the process ever held is no more than the sum that its log tells, and
# 85 % of the limit or less; a minute after the load it is within 100 MB of what it was before.
#
# A progressive JPEG takes three times the memory of the others, so its largest that fits into 3 GiB
# is smaller. Of 6 clients at once some wait for memory longer than --queue-timeout: these are the
# answers 429.
#
# About 6 minutes, and 2 GB for the load program itself. Variables beside those of lib.sh: LIMIT in
# MiB (3072), MEMORY_ARGS (--memory-limit of it), PHOTO (4000x3000), SIDE in pixels (13377, just
# below the largest legal square), PROGRESSIVE_SIDE (11000), LOAD (60) and PAUSE (60) in seconds.
set -euo pipefail
source "$(dirname "$0")/lib.sh"

LIMIT=${LIMIT:-3072} PHOTO=${PHOTO:-4000x3000} SIDE=${SIDE:-13377}
PROGRESSIVE_SIDE=${PROGRESSIVE_SIDE:-11000} LOAD=${LOAD:-60} PAUSE=${PAUSE:-60}
most=$(calc "$LIMIT * 0.85")

# Name, least number of answers 200, then flags of the load.
load() {
  local name=$1 least=$2 status
  shift 2
  bench "$name" "$@" --duration "${LOAD}s" --expect 200,429
  require_service
  for status in 413 429; do
    tell "$name: answers $status" "$(figure "$name" ".statuses.\"$status\" // 0")"
  done
  check "$name: answers 200" "$(figure "$name" '.statuses."200" // 0')" '>=' "$least"
  check "$name: other answers, or none" "$(figure "$name" \
    '([.statuses | del(."200", ."429")[]] | add // 0) + (.requests | .failed + .not_sent)')" == 0
  check "$name: most memory so far, of the limit" "$(memory VmHWM)" '<=' "$most" MiB
  check "$name: most memory so far, of the sum" "$(memory VmHWM)" '<=' "$sum" MiB
}

machine
# shellcheck disable=SC2086 # several flags, split on purpose
start_service ${MEMORY_ARGS---memory-limit ${LIMIT}MiB}
# Like `memory plan=weights 336 + ... = 2611 MiB, of 2611 MiB (...)`.
plan=$(grep -om 1 'memory plan=.*' "$OUT/service.log" || true)
tell "${plan:-no memory plan in the log}" ""
sum=$(sed -nE 's/.* = ([0-9]+) MiB, of .*/\1/p' <<<"$plan")
sum=${sum:-0}
bench first --clients 1 --requests 1
idle=$(memory VmRSS)
tell "idle" "$idle MiB"

load 12-megapixels 1 --clients 64 --photo "$PHOTO"
largest=(--clients 6 --route /embed --photos 1)
load largest-jpeg 2 "${largest[@]}" --photo "${SIDE}x${SIDE}"
load largest-progressive 1 "${largest[@]}" --progressive \
  --photo "${PROGRESSIVE_SIDE}x${PROGRESSIVE_SIDE}"
# A PNG with grain is larger than a body may be.
load largest-png 1 "${largest[@]}" --photo "${SIDE}x${SIDE}" --format png --texture 0

sleep "$PAUSE"
require_service
# 100 MB are 95.4 MiB.
check "over idle, $PAUSE s later" "$(calc "$(memory VmRSS) - $idle")" '<=' 95.4 MiB
finish
