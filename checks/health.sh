#!/usr/bin/env bash
# /health answers while 30 clients send photos of 12 megapixels, on both ports.
#
# Targets: of 600 polls and more on each port none fails; p99 50 ms, the longest 500 ms.
#
# About a minute for each port. Variables beside those of lib.sh: LOAD in seconds (60), CLIENTS (30),
# PHOTO (4000x3000).
set -euo pipefail
source "$(dirname "$0")/lib.sh"

LOAD=${LOAD:-60} CLIENTS=${CLIENTS:-30} PHOTO=${PHOTO:-4000x3000}

machine
start_service
for port in "$PORT" "$ADMIN_PORT"; do
  name=port-$port
  # Polls are not cut off before the worst is known.
  bench "$name" --clients "$CLIENTS" --photo "$PHOTO" --duration "${LOAD}s" --expect 200,429 \
    --probe /health --probe-url "http://127.0.0.1:$port" --probe-rate 10 --probe-timeout 60s
  tell "$name: photos a second" "$(figure "$name" .goodput.images_per_second)"
  check_probes "$name" "$((LOAD * 10))"
done
finish
