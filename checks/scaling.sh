#!/usr/bin/env bash
# How the cost of a photo grows with its size, with the photos of a request, with clients and with
# threads: milliseconds of all cores for a photo, and p50. Where a line's slope changes, something
# new has begun to cost.
#
# No targets. About four minutes. Variables beside those of lib.sh: LOAD in seconds (5), SIZES,
# IMAGES and CLIENTS, lists with spaces between, THREADS likewise (1 to the number of CPUs).
set -euo pipefail
source "$(dirname "$0")/lib.sh"

LOAD=${LOAD:-5}
SIZES=${SIZES:-64x64 224x224 512x384 1024x768 2048x1536 2828x2121 4000x3000 5656x4242}
IMAGES=${IMAGES:-1 2 4 8 16 32}
CLIENTS=${CLIENTS:-1 2 4 8 16 32 64}
THREADS=${THREADS:-$(seq "$(nproc)")}

# Loads the service and tells what a photo costs: name, CPUs in use, flags of the load program.
cost() {
  local name=$1 cpus=$2 rate
  shift 2
  bench "${name// /-}" --warmup 1s --duration "${LOAD}s" --expect 200,429 "$@"
  rate=$(figure "${name// /-}" .goodput.images_per_second)
  tell "$name" "$(printf '%7.1f ms of all cores a photo, %7.1f photos/s, p50 %7.1f ms' \
    "$(calc "1000 * $cpus / $rate")" "$rate" "$(figure "${name// /-}" .latency_ms.ok.p50)")"
}

machine
for threads in $THREADS; do
  start_service --threads "$threads"
  cost "$threads threads" "$threads" --clients 8
  stop_service
done
start_service
for clients in $CLIENTS; do
  cost "$clients clients" "$(nproc)" --clients "$clients"
done
for images in $IMAGES; do
  cost "$images photos a request" "$(nproc)" --clients 4 --images "$images"
done
for size in $SIZES; do
  cost "$size pixels" "$(nproc)" --clients 4 --photo "$size"
done
finish
