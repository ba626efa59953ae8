#!/usr/bin/env bash
# No leak: half an hour at 70 % of the peak, after a warm-up of 5 minutes.
#
# Targets: memory (the mean of a minute) grows by 20 MiB at most from the end of the warm-up to the
# end of the run; without clients the process has as many descriptors and threads as before; every
# request is answered with 200. Samples of each 10 s are in $OUT/samples.csv. A service that ends by
# itself ends the check.
#
# Variables beside those of lib.sh: MINUTES (30), WARMUP_MINUTES (5), PEAK in seconds (20), EVERY in
# seconds (10), PAUSE in seconds, after which idle threads have ended (90: longer than a keep-alive).
set -euo pipefail
source "$(dirname "$0")/lib.sh"

MINUTES=${MINUTES:-30} WARMUP_MINUTES=${WARMUP_MINUTES:-5}
PEAK=${PEAK:-20} EVERY=${EVERY:-10} PAUSE=${PAUSE:-90}
samples=$OUT/samples.csv

machine
start_service
bench peak --clients 8 --warmup 3s --duration "${PEAK}s"
rate=$(calc "$(figure peak .goodput.requests_per_second) * 0.7")
tell "rate, requests/s" "$rate"
sleep "$PAUSE"
descriptors_before=$(descriptors) threads_before=$(threads)

# Not by `bench`, which would be a shell between this one and the load, and end without it.
"$BINARY" bench --url "http://127.0.0.1:$PORT" --json --rate "$rate" \
  --warmup "${WARMUP_MINUTES}m" --duration "${MINUTES}m" >"$OUT/soak.json" &
load=$!
trap 'kill "$load" 2>/dev/null || true; stop_service' EXIT
echo "seconds,memory_mib,descriptors,threads" >"$samples"
begin=$SECONDS
while kill -0 "$load" 2>/dev/null; do
  require_service
  # Of a service that ends right now there is a part at most: no sample.
  if held=$(memory VmRSS) && open=$(descriptors) && run=$(threads) && [[ -n $held && -n $run ]]; then
    echo "$((SECONDS - begin)),$held,$open,$run" >>"$samples"
  fi
  sleep "$EVERY"
done
# Faults are figures to check below.
wait "$load" || true
require_service

# The mean memory of the samples from second $1 to second $2.
mean() {
  awk -F, -v from="$1" -v to="$2" \
    'NR > 1 && $1 >= from && $1 <= to { sum += $2; n++ } END { if (n) printf "%.1f", sum / n }' "$samples"
}
warm=$(calc "$WARMUP_MINUTES * 60") end=$(tail -n 1 "$samples" | cut -d, -f1)
first=$(mean "$warm" "$(calc "$warm + 60")") last=$(mean "$(calc "$end - 60")" "$end")
tell "memory after the warm-up, at the end" "${first:-none} MiB, ${last:-none} MiB"
tell "most descriptors, most threads under load" "$(awk -F, '
  NR > 1 { if ($3 > d) d = $3; if ($4 > t) t = $4 } END { print d ", " t }' "$samples")"
growth=none
if [[ -n $first && -n $last ]]; then growth=$(calc "$last - $first"); fi
check "memory's growth" "$growth" '<=' 20 MiB
sleep "$PAUSE"
require_service
check "descriptors without clients" "$(descriptors)" == "$descriptors_before"
check "threads without clients" "$(threads)" == "$threads_before"
check "requests but those answered with 200" \
  "$(figure soak '.requests.due - (.statuses."200" // 0)')" == 0
tell "requests" "$(figure soak .requests.due)"
finish
