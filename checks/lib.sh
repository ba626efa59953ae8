# Shared by the checks: starts the service, loads it with `inference-service bench`, holds figures
# against their targets. Sourced, never run. Needs curl and jq. Variables that a caller may set:
#
#   BINARY        the program, both as service and as load; built if not given
#   PORT          port of the API (18002), ADMIN_PORT of the admin listener (18090)
#   SERVICE_ARGS  further flags of the service, with spaces between them
#   OUT           folder for the JSON documents and the service's log (target/checks/NAME)

cd "$(dirname "${BASH_SOURCE[0]}")/.."
if [[ -z ${BINARY:-} ]]; then
  cargo build --quiet --release
  BINARY=target/release/inference-service
fi
PORT=${PORT:-18002}
ADMIN_PORT=${ADMIN_PORT:-18090}
OUT=${OUT:-target/checks/$(basename "$0" .sh)}
mkdir -p "$OUT"
service=
missed=0

# What ends with the script, however that ends.
stop_service() {
  [[ -n $service ]] || return 0
  kill "$service" 2>/dev/null || true
  wait "$service" 2>/dev/null || true
  service=
}
trap stop_service EXIT
trap 'exit 130' INT TERM

# Starts the service with seeded weights and these flags, and waits until it is ready.
start_service() {
  # Another program there would be taken for ours, and loaded.
  for port in "$PORT" "$ADMIN_PORT"; do
    if curl -s -o /dev/null --max-time 2 "http://127.0.0.1:$port/" || (($? != 7)); then
      echo "port $port is taken: choose another by PORT and ADMIN_PORT" >&2
      exit 1
    fi
  done
  # shellcheck disable=SC2086 # several flags, split on purpose
  "$BINARY" --pretrained random --port "$PORT" --admin-port "$ADMIN_PORT" \
    ${SERVICE_ARGS:-} "$@" 2>"$OUT/service.log" &
  service=$!
  await "the service" "$service" "http://127.0.0.1:$PORT/health" "$OUT/service.log"
}

# Waits until the process answers 200, or ends the script with the end of its log: name, process,
# address, log.
await() {
  until curl -sf -o /dev/null "$3"; do
    if ! kill -0 "$2" 2>/dev/null; then
      echo "$1 did not start:" >&2
      tail -n 20 "$4" >&2
      exit 1
    fi
    sleep 0.02
  done
}

# Ends the script if the service has: what would be measured from here on means nothing.
require_service() {
  if ! kill -0 "$service" 2>/dev/null; then
    echo "the service ended by itself:" >&2
    tail -n 20 "$OUT/service.log" >&2
    exit 1
  fi
}

# Runs the load program with these flags and keeps its report as $OUT/NAME.json. Faults are figures
# to check, not an end of the script; without a report there is nothing to check.
bench() {
  local name=$1
  shift
  "$BINARY" bench --url "http://127.0.0.1:$PORT" --json "$@" >"$OUT/$name.json" || true
  if [[ ! -s $OUT/$name.json ]]; then
    echo "no report of $name" >&2
    exit 1
  fi
}

# One figure of a report: the report's name, and a path of jq.
figure() {
  jq -r "$2" "$OUT/$1.json"
}

# An arithmetic expression.
calc() {
  awk "BEGIN { printf \"%.6g\", ($*) }"
}

# A figure without a target: name, value.
tell() {
  printf '        %-52s %s\n' "$1" "$2"
}

# A figure and its target: name, value, one of <= >= ==, target, unit. No value misses it.
check() {
  local name=$1 value=$2 relation=$3 target=$4 unit=${5:-}
  local verdict=missed
  if [[ $value =~ ^-?[0-9.]+(e[+-]?[0-9]+)?$ ]] &&
    awk "BEGIN { exit !($value $relation $target) }"; then
    verdict=met
  else
    missed=1
  fi
  printf '%-7s %-52s %s %s (target %s %s)\n' \
    "$verdict" "$name" "$value" "$unit" "$relation" "$target"
}

# Every probe of a report against the promise for probes: none fails, p99 and longest in time.
check_probes() {
  local name=$1 polls=$2 count i path
  count=$(figure "$name" '.probes | length')
  for ((i = 0; i < count; i++)); do
    path=$(figure "$name" ".probes[$i].path")
    check "$name: polls of $path" "$(figure "$name" ".probes[$i].polls")" '>=' "$polls"
    check "$name: failed polls of $path" "$(figure "$name" ".probes[$i].failures")" == 0
    check "$name: $path p99" "$(figure "$name" ".probes[$i].latency_ms.p99")" '<=' 50 ms
    check "$name: $path longest" "$(figure "$name" ".probes[$i].latency_ms.max")" '<=' 500 ms
  done
}

# Memory of the service now, or the most so far (VmRSS, VmHWM), in MiB.
memory() {
  awk -v key="$1:" '$1 == key { printf "%.1f", $2 / 1024 }' "/proc/$service/status"
}

descriptors() {
  find "/proc/$service/fd" -mindepth 1 -maxdepth 1 | wc -l
}

threads() {
  awk '$1 == "Threads:" { print $2 }' "/proc/$service/status"
}

# Where the figures were made: a line for the report.
machine() {
  tell "machine" "$(awk -F': ' '/model name/ { print $2; exit }' /proc/cpuinfo), $(nproc) CPUs, load and service together"
}

# The last line, and the exit status.
finish() {
  if ((missed)); then
    echo "some targets were missed; the reports are in $OUT"
  else
    echo "all targets were met; the reports are in $OUT"
  fi
  exit "$missed"
}
