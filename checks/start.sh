#!/usr/bin/env bash
# Start: how long it takes from the process's start until it is ready, and how a wrong
# configuration ends.
#
# Targets: ready within 5 s, the worst of STARTS (5) starts with seeded weights; with four wrong
# variables the process ends within 1 s, with status 64 and a line for each of them.
set -euo pipefail
source "$(dirname "$0")/lib.sh"

# Milliseconds since a time of $EPOCHREALTIME, which has microseconds.
since() {
  echo $(((${EPOCHREALTIME/[.,]/} - ${1/[.,]/}) / 1000))
}

machine
worst=0
for ((i = 1; i <= ${STARTS:-5}; i++)); do
  begin=$EPOCHREALTIME
  start_service
  took=$(since "$begin")
  tell "start $i" "$took ms"
  worst=$((took > worst ? took : worst))
  stop_service
done
check "ready, worst" "$worst" '<=' 5000 ms

begin=$EPOCHREALTIME
status=0
PORT=x MAX_IMAGES=0 LOG_LEVEL=loud THREADS=none \
  "$BINARY" --pretrained random >"$OUT/wrong.txt" 2>&1 || status=$?
took=$(since "$begin")
check "wrong configuration, exit status" "$status" == 64
check "wrong configuration, time" "$took" '<=' 1000 ms
for variable in PORT MAX_IMAGES LOG_LEVEL THREADS; do
  check "wrong configuration, lines that name $variable" \
    "$(grep -c "variable $variable" "$OUT/wrong.txt" || true)" '>=' 1
done
finish
