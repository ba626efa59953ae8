#!/usr/bin/env bash
# Overload: the service is sent 2, 5 and 10 times what it can do, for a minute each, and then half.
# What it can do is the most of several closed loops: a few clients do not fill its batches.
#
# Targets: goodput stays at 90 % of the peak or more; answers are 200 and 429 alone; every 429 has
# Retry-After and the refused wait 50 ms at most (p99); the accepted wait no longer than
# --queue-timeout and two batches (p99); /livez and /readyz, polled ten times a second, never fail
# and take 50 ms (p99) and 500 ms (longest). 5 s after the last answer of the overload, at half the
# peak, nothing is refused and p99 is within 10 % of what it was before.
#
# About 7 minutes. Variables beside those of lib.sh, in seconds: PEAK (15, each closed loop), LOAD
# (60), HALF (60); CLIENTS_LIST of the closed loops ("8 32 64"), FACTORS ("2 5 10"), PROBES ("/livez /readyz"), PROBE_PORT (the admin port), QUEUE_TIMEOUT (10).
set -euo pipefail
source "$(dirname "$0")/lib.sh"

PEAK=${PEAK:-15} LOAD=${LOAD:-60} HALF=${HALF:-60} QUEUE_TIMEOUT=${QUEUE_TIMEOUT:-10}
probes=(--probe-url "http://127.0.0.1:${PROBE_PORT:-$ADMIN_PORT}" --probe-rate 10)
for path in ${PROBES:-/livez /readyz}; do probes+=(--probe "$path"); done

machine
start_service
peak=0
for clients in ${CLIENTS_LIST:-8 32 64}; do
  bench "peak-$clients" --clients "$clients" --warmup 3s --duration "${PEAK}s"
  reached=$(figure "peak-$clients" .goodput.requests_per_second)
  tell "$clients clients, requests/s" "$reached"
  peak=$(calc "$reached > $peak ? $reached : $peak")
done
tell "peak, the most of these, requests/s" "$peak"
half=$(calc "$peak / 2")
bench before --rate "$half" --warmup 5s --duration "${HALF}s"

# The largest batch is of 32 images; the peak says how long two of them take.
longest=$(calc "($QUEUE_TIMEOUT + 2 * 32 / $peak) * 1000")
for factor in ${FACTORS:-2 5 10}; do
  name=${factor}x
  bench "$name" --rate "$(calc "$peak * $factor")" --duration "${LOAD}s" --expect 200,429 "${probes[@]}"
  goodput=$(figure "$name" .goodput.requests_per_second)
  check "$name: goodput, share of the peak" "$(calc "100 * $goodput / $peak")" '>=' 90 %
  check "$name: answers but 200 and 429" \
    "$(figure "$name" '[.statuses | del(."200", ."429")[]] | add // 0')" == 0
  check "$name: requests without an answer" \
    "$(figure "$name" '.requests | .failed + .not_sent')" == 0
  tell "$name: refused (429)" "$(figure "$name" '.statuses."429" // 0')"
  check "$name: 429 without Retry-After" "$(figure "$name" .refused_without_retry_after)" == 0
  if [[ $(figure "$name" .latency_ms.refused.count) != 0 ]]; then
    check "$name: refused, p99" "$(figure "$name" .latency_ms.refused.p99)" '<=' 50 ms
  fi
  check "$name: accepted, p99" "$(figure "$name" .latency_ms.ok.p99)" '<=' "$longest" ms
  check_probes "$name" "$((LOAD * 10))"
done

# The load program has ended, so the last answer has come.
tell "half the peak after: measured from" "5 s after the last answer of $name"
bench after --rate "$half" --warmup 5s --duration "${HALF}s"
before=$(figure before .latency_ms.ok.p99)
tell "half the peak before, p99" "$before ms"
check "half the peak after, refused" "$(figure after '.statuses."429" // 0')" == 0
check "half the peak after, p99" "$(figure after .latency_ms.ok.p99)" '<=' "$(calc "$before * 1.1")" ms
finish
