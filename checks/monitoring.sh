#!/usr/bin/env bash
# Monitoring: what overlays/monitoring brings, held against a real Prometheus. The rules are checked
# and unit-tested with promtool. Then the service is loaded beyond what it can do, while Prometheus
# reads it each second.
#
# Targets: every rule has tests and can be evaluated, every alert has a row in docs/metrics.md; every
# query and variable of the dashboard, and every expression of that page, has data under load; what
# they say of that load is true.
#
# A minute. Needs prometheus and promtool (Debian's package `prometheus` brings both) and python3.
# Variables beside those of lib.sh: LOAD (40, seconds), RATE (300 requests/s, more than the machine
# can do), PROMETHEUS_PORT (19090), STATE_PORT (18080) of what stands for kube-state-metrics.
set -euo pipefail
source "$(dirname "$0")/lib.sh"

LOAD=${LOAD:-40} RATE=${RATE:-300} PROMETHEUS_PORT=${PROMETHEUS_PORT:-19090} STATE_PORT=${STATE_PORT:-18080}
monitoring=overlays/monitoring
for tool in prometheus promtool python3; do
  if ! command -v "$tool" >/dev/null; then
    echo "$tool is missing: prometheus and promtool are in Debian's package \`prometheus\`" >&2
    exit 1
  fi
done
for port in "$PROMETHEUS_PORT" "$STATE_PORT"; do
  if curl -s -o /dev/null --max-time 2 "http://127.0.0.1:$port/" || (($? != 7)); then
    echo "port $port is taken: choose another by PROMETHEUS_PORT and STATE_PORT" >&2
    exit 1
  fi
done

helpers=()
stop_all() {
  local helper
  for helper in "${helpers[@]}"; do
    kill "$helper" 2>/dev/null || true
    wait "$helper" 2>/dev/null || true
  done
  stop_service
}
trap stop_all EXIT

# The rules, without the object around them.
awk '/^spec:/ { inside = 1; next } inside { sub(/^  /, ""); print }' \
  "$monitoring/prometheusrule.yaml" >"$OUT/rules.yaml"
cp "$monitoring/rules.test.yaml" "$OUT/"
promtool check rules "$OUT/rules.yaml"
promtool test rules "$OUT/rules.test.yaml"
rules=0
while read -r rule; do
  rules=$((rules + 1))
  if ! grep -q -- "- name: $rule, \|- expr: $rule\$" "$monitoring/rules.test.yaml"; then
    check "tests of $rule" 0 '>=' 1
  fi
  if [[ $rule != *:* ]] && ! grep -q "^| \`$rule\` |" docs/metrics.md; then
    check "rows of $rule in docs/metrics.md" 0 '>=' 1
  fi
done < <(sed -nE 's/^ *- (alert|record): //p' "$OUT/rules.yaml")
check "rules found" "$rules" '>=' 20

# There is no cluster here, so series of kube-state-metrics come from a file: the names and labels
# that it has, with figures of a service that is well but for one pod that was killed once.
state() {
  local namespace='namespace="inference"'
  local deployment="$namespace,deployment=\"inference-deploy\""
  local scaler="$namespace,horizontalpodautoscaler=\"inference-hpa\""
  local container="$namespace,pod=\"pod-1\",container=\"inference-service\",uid=\"1\""
  local resource
  echo "kube_deployment_spec_replicas{$deployment} 2"
  echo "kube_deployment_status_replicas_available{$deployment} 2"
  echo "kube_deployment_status_replicas_updated{$deployment} 2"
  echo "kube_deployment_status_condition{$deployment,condition=\"Progressing\",status=\"false\"} 0"
  echo "kube_horizontalpodautoscaler_spec_min_replicas{$scaler} 2"
  echo "kube_horizontalpodautoscaler_spec_max_replicas{$scaler} 6"
  echo "kube_horizontalpodautoscaler_status_desired_replicas{$scaler} 2"
  echo "kube_horizontalpodautoscaler_status_condition{$scaler,condition=\"ScalingActive\",status=\"false\"} 0"
  for resource in limits.cpu limits.memory requests.cpu requests.memory pods; do
    echo "kube_resourcequota{$namespace,resourcequota=\"inference-quota\",resource=\"$resource\",type=\"used\"} 4"
    echo "kube_resourcequota{$namespace,resourcequota=\"inference-quota\",resource=\"$resource\",type=\"hard\"} 16"
  done
  echo "kube_pod_container_resource_limits{$container,node=\"n\",resource=\"memory\",unit=\"byte\"} 3221225472"
  echo "kube_pod_container_resource_limits{$container,node=\"n\",resource=\"cpu\",unit=\"core\"} 2"
  echo "kube_pod_container_status_restarts_total{$container} 1"
  echo "kube_pod_container_status_last_terminated_reason{$container,reason=\"OOMKilled\"} 1"
}
mkdir -p "$OUT/state"
state >"$OUT/state/metrics.txt"
python3 -m http.server "$STATE_PORT" --bind 127.0.0.1 --directory "$OUT/state" >"$OUT/state.log" 2>&1 &
helpers+=($!)

# An operator gives each target the labels of its namespace and its pod.
cat >"$OUT/prometheus.yaml" <<END
global:
  scrape_interval: 1s
  scrape_timeout: 1s
  evaluation_interval: 1s
rule_files:
  - rules.yaml
scrape_configs:
  - job_name: inference-metrics
    static_configs:
      - targets: ["127.0.0.1:$ADMIN_PORT"]
        labels:
          namespace: inference
          pod: pod-1
  - job_name: kube-state-metrics
    honor_labels: true
    metrics_path: /metrics.txt
    static_configs:
      - targets: ["127.0.0.1:$STATE_PORT"]
END
promtool check config "$OUT/prometheus.yaml"

machine
# A shorter wait than the default, so that refusals come early.
start_service --queue-timeout 3s
rm -rf "$OUT/data"
prometheus --config.file "$OUT/prometheus.yaml" --storage.tsdb.path "$OUT/data" \
  --web.listen-address "127.0.0.1:$PROMETHEUS_PORT" 2>"$OUT/prometheus.log" &
prometheus=$!
helpers+=("$prometheus")
await Prometheus "$prometheus" "http://127.0.0.1:$PROMETHEUS_PORT/-/ready" "$OUT/prometheus.log"

# An expression's answer: how many series have a number.
api="http://127.0.0.1:$PROMETHEUS_PORT/api/v1"
series() {
  curl -s "$api/query" --data-urlencode "query=$1" |
    jq '[.data.result[]? | select(.value[1] != "NaN")] | length'
}
# The number of an expression that has one.
value() {
  curl -s "$api/query" --data-urlencode "query=$1" | jq -r '.data.result[0].value[1]'
}
# Whether an expression has data; only one that has none is worth a line.
asked=0
has_data() {
  local count
  count=$(series "$2")
  asked=$((asked + 1))
  if ((count == 0)); then
    check "$1: series of $2" 0 '>=' 1
  fi
}

bench load --rate "$RATE" --max-connections 1024 --warmup 5s --duration "${LOAD}s" --expect 200,429 &
load=$!
helpers+=("$load")
# Past the warm-up, long enough for rates over the times below; and well before the load ends.
sleep $((LOAD / 2 + 5))
require_service

# The dashboard's variables as Grafana fills them in.
dashboard=$monitoring/dashboard.json
while IFS=$'\t' read -r title expression; do
  expression=${expression//\$__rate_interval/15s}
  expression=${expression//\$namespace/inference}
  expression=${expression//\$pod/.*}
  has_data "dashboard, $title" "$expression"
done < <(jq -r '.panels[] | .title as $title | .targets[]? | [$title, .expr] | join("\t")' "$dashboard")
check "queries of the dashboard" "$asked" '>=' 30
while read -r expression label; do
  expression=${expression//\$namespace/inference}
  has_data "dashboard, variable $label" "count by ($label) ($expression)"
done < <(jq -r '.templating.list[] | select(.type == "query") | .definition' "$dashboard" |
  sed -E 's/^label_values\((.*), ([a-z]+)\)$/\1 \2/')

# The table of questions, with the times short enough for this load.
asked=0
# shellcheck disable=SC2016 # the backticks are those of the page
while IFS=$'\t' read -r question expression; do
  has_data "metrics.md, $question" "$expression"
done < <(awk '/^## Questions/ { inside = 1; next } /^## / { inside = 0 } inside' docs/metrics.md |
  sed -nE 's/^\| (.*) \| `(.*)` \|$/\1\t\2/p' | sed -E 's/\\\|/|/g; s/\[(1|5)m\]/[15s]/g')
check "expressions of docs/metrics.md" "$asked" '>=' 10

# What Prometheus says of the load.
check "targets that are read" "$(value 'count(up == 1)')" == 2
embed='namespace="inference",route=~"/embed.*"'
check "requests/s" "$(value "sum(rate(http_requests_total{$embed}[15s]))")" '>' 0
check "photos/s embedded" "$(value 'sum(rate(inference_images_total{outcome="embedded"}[15s]))')" '>' 0
check "refused/s" "$(value 'sum(rate(inference_refusals_total{reason=~"hopeless|queue_timeout"}[15s]))')" '>' 0
check "photos in a batch" "$(value 'sum(rate(inference_batch_size_sum[15s])) / sum(rate(inference_batch_size_count[15s]))')" '>' 1
check "answers 5xx/s" "$(value "sum(rate(http_requests_total{$embed,status=~\"5..\"}[15s]))")" == 0
check "alerts on overload, pending or firing" "$(value 'count(ALERTS{alertname="InferenceOverload"})')" == 1
# How slow a full queue is depends on the machine; nothing else may be amiss.
others=$(curl -s "$api/alerts" | jq -r '[.data.alerts[].labels.alertname]
  | map(select(. != "InferenceOverload" and . != "InferenceSlow")) | unique | join(" ")')
check "alerts on faults${others:+ ($others)}" "$(wc -w <<<"$others")" == 0
curl -s "$api/rules" >"$OUT/evaluated.json"
check "rules evaluated without an error" "$(jq '[.data.groups[].rules[] | select(.health == "ok")] | length' "$OUT/evaluated.json")" == "$rules"

kill -0 "$load" 2>/dev/null || check "load was still running" 0 == 1
wait "$load" || true
tell "the load program's own requests/s" "$(figure load .requests.sent_per_second)"
finish
