#!/usr/bin/env bash
# Memory is bounded: 64 clients with photos of 12 megapixels, then 6 clients with the largest images
# that are legal, against a service that was given 3 GiB (--memory-limit).
#
# Targets: the most memory the process ever held is 85 % of the limit or less; a minute after the
# load it is within 100 MB of what it was before; answers are 200, 413 and 429 alone.
#
# About 6 minutes, and 2 GB for the load program itself. Variables beside those of lib.sh: LIMIT in
# MiB (3072), MEMORY_ARGS (--memory-limit of it), SIDE in pixels (13377, just below the largest
# legal square), LOAD (60) and PAUSE (60) in seconds.
set -euo pipefail
source "$(dirname "$0")/lib.sh"

LIMIT=${LIMIT:-3072} SIDE=${SIDE:-13377} LOAD=${LOAD:-60} PAUSE=${PAUSE:-60}
most=$(calc "$LIMIT * 0.85")

# Name, then flags of the load.
load() {
  local name=$1
  bench "$@" --duration "${LOAD}s" --expect 200,413,429
  tell "$name: answers" "$(figure "$name" '.statuses | tojson')"
  check "$name: other answers, or none" "$(figure "$name" \
    '([.statuses | del(."200", ."413", ."429")[]] | add // 0) + (.requests | .failed + .not_sent)')" == 0
  check "$name: most memory so far" "$(memory VmHWM)" '<=' "$most" MiB
}

machine
# shellcheck disable=SC2086 # several flags, split on purpose
start_service ${MEMORY_ARGS---memory-limit ${LIMIT}MiB}
bench first --clients 1 --requests 1
idle=$(memory VmRSS)
tell "idle" "$idle MiB"

load 12-megapixels --clients 64 --photo 4000x3000
largest=(--clients 6 --route /embed --photo "${SIDE}x${SIDE}" --photos 1)
load largest-jpeg "${largest[@]}"
load largest-progressive "${largest[@]}" --progressive
# A PNG with grain is larger than a body may be.
load largest-png "${largest[@]}" --format png --texture 0

sleep "$PAUSE"
# 100 MB are 95.4 MiB.
check "over idle, $PAUSE s later" "$(calc "$(memory VmRSS) - $idle")" '<=' 95.4 MiB
finish
