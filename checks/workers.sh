#!/usr/bin/env bash
# How many batches to compute side by side: --workers 1, one core's work, against one worker for
# each CPU, which help each other, with 1, 2, 8 and 32 clients of small photos.
#
# No targets: it is what the default of --workers rests on. About two minutes. Variables beside
# those of lib.sh: LOAD in seconds (10), PHOTO (224x224).
set -euo pipefail
source "$(dirname "$0")/lib.sh"

LOAD=${LOAD:-10} PHOTO=${PHOTO:-224x224}

machine
for workers in 1 "$(nproc)" 1 "$(nproc)"; do
  start_service --workers "$workers"
  for clients in 1 2 8 32; do
    bench "workers-$workers-$clients" --clients "$clients" --photo "$PHOTO" --warmup 2s --duration "${LOAD}s"
    tell "--workers $workers, $clients clients: photos a second" \
      "$(figure "workers-$workers-$clients" .goodput.images_per_second)"
    tell "--workers $workers, $clients clients: p50 ms" \
      "$(figure "workers-$workers-$clients" .latency_ms.ok.p50)"
  done
  stop_service
done
finish
