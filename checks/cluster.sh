#!/usr/bin/env bash
# The local cluster of docs/K8S_PLAN.md.
#
#   checks/cluster.sh up [OVERLAY]     from nothing to `curl localhost:8092/health`: cluster, metrics-server, image, OVERLAY
#                                      (k8s by default; overlays/random needs no model hub)
#   checks/cluster.sh image            builds the image again, loads it and rolls the pods
#   checks/cluster.sh scale            load until the autoscaler has six pods, then none until it has two: prints when
#   checks/cluster.sh disturb          a rolling update, an undo, a drain and a killed pod under an open-loop load:
#                                      failed requests of each
#   checks/cluster.sh update           the first two of them alone
#   checks/cluster.sh validate         the definitions (CRDs) of prometheus-operator and KEDA, then every overlay against
#                                      the API server: a field that does not exist is an error. Nothing of it is kept
#                                      but the definitions
#   checks/cluster.sh down             deletes the cluster
#
# Each can be run again. Needs docker, kind, kubectl and, for loads, target/release/inference-service.
# KIND_NODE_IMAGE names another node image; METRICS_SERVER another manifest of metrics-server; CRDS other
# files, folders or addresses of the definitions; DOCKER_BUILD_FLAGS go to docker build.
set -euo pipefail
cd "$(dirname "$0")/.."

cluster=inference-cluster
image=photo-duplicate-inference:k8s-cpu
bench=target/release/inference-service
metrics_server=${METRICS_SERVER:-https://github.com/kubernetes-sigs/metrics-server/releases/latest/download/components.yaml}
crds=${CRDS:-
  https://github.com/prometheus-operator/prometheus-operator/releases/download/v0.85.0/stripped-down-crds.yaml
  https://github.com/kedacore/keda/releases/download/v2.18.1/keda-2.18.1-crds.yaml}

say() { printf '%s  %s\n' "$(date +%T)" "$*"; }
k() { kubectl --context "kind-$cluster" -n inference "$@"; }

build() {
  # shellcheck disable=SC2086 # several flags
  docker build ${DOCKER_BUILD_FLAGS:-} --build-arg REVISION="$(git rev-parse --short HEAD)" -t "$image" .
  kind load docker-image "$image" --name "$cluster"
}

up() {
  local overlay=${1:-k8s} begin
  if ! kind get clusters 2>/dev/null | grep -qx "$cluster"; then
    kind create cluster --config kind-config.yaml ${KIND_NODE_IMAGE:+--image "$KIND_NODE_IMAGE"} --wait 180s
  fi
  kubectl config use-context "kind-$cluster" >/dev/null
  kubectl get nodes
  kubectl apply -f "$metrics_server"
  # The kubelet's certificate is its own in kind.
  if ! kubectl get deploy metrics-server -n kube-system -o yaml | grep -q kubelet-insecure-tls; then
    kubectl patch deployment metrics-server -n kube-system --type=json \
      -p='[{"op":"add","path":"/spec/template/spec/containers/0/args/-","value":"--kubelet-insecure-tls"}]'
  fi
  build
  begin=$SECONDS
  kubectl apply -k "$overlay"
  k rollout status deploy/inference-deploy --timeout=900s
  say "ready $((SECONDS - begin)) s after kubectl apply"
  curl -sS --retry 10 --retry-connrefused http://localhost:8092/health
  echo
}

# wait_for COUNT SECONDS: until so many pods are ready and no other is left.
wait_for() {
  local begin=$SECONDS ready
  while ((SECONDS - begin < $2)); do
    ready=$(k get deploy inference-deploy -o 'jsonpath={.status.readyReplicas} {.spec.replicas}')
    [[ $ready == "$1 $1" ]] && return
    sleep 2
  done
  say "not $1 pods after $2 s: $ready (ready, wanted)"
  return 1
}

restarts() { k get pods -l app=inference-service -o 'jsonpath={range .items[*]}{.metadata.name}={.status.containerStatuses[0].restartCount} {end}'; }

scale() {
  local load begin
  wait_for 2 400
  say "two pods: $(restarts)"
  "$bench" bench --url http://localhost:8092 --clients 16 --duration 600s --timeout 30s --expect 200,429 >target/cluster-scale.txt 2>&1 &
  load=$!
  trap 'kill "$load" 2>/dev/null || true' EXIT
  begin=$SECONDS
  wait_for 6 400
  say "six pods ready $((SECONDS - begin)) s after the load began"
  k get hpa
  kubectl top pods -n inference || true
  sleep 30
  kill -INT "$load"
  wait "$load" || true
  trap - EXIT
  begin=$SECONDS
  cat target/cluster-scale.txt
  wait_for 2 600
  say "two pods $((SECONDS - begin)) s after the load ended"
  k describe hpa inference-hpa | sed -n '/^Events/,$p'
  say "restarts: $(restarts)"
}

# under_load NAME COMMAND...: counts what failed while COMMAND runs.
under_load() {
  local name=$1 load
  shift
  "$bench" bench --url http://localhost:8092 --rate "${RATE:-8}" --requests "${REQUESTS:-10000}" --timeout 60s \
    >"target/cluster-$name.txt" 2>&1 &
  load=$!
  trap 'kill "$load" 2>/dev/null || true' EXIT
  sleep 5
  say "$name: begins"
  "$@"
  say "$name: done; the load goes on to its end"
  wait "$load" && say "$name: nothing failed" || say "$name: some failed"
  trap - EXIT
  cat "target/cluster-$name.txt"
}

rollout() {
  k set env deploy/inference-deploy LOG_LEVEL="$1"
  k rollout status deploy/inference-deploy --timeout=300s
}

undo() {
  k rollout undo deploy/inference-deploy
  k rollout status deploy/inference-deploy --timeout=300s
}

planned() {
  rollout debug
  undo
}

# Of two pods one may be evicted; the next must wait until the Deployment has made up for it.
drain() {
  local node
  node=$(kubectl get nodes -o 'jsonpath={.items[0].metadata.name}')
  kubectl drain "$node" --ignore-daemonsets --delete-emptydir-data --pod-selector=app=inference-service --timeout=30s || true
  kubectl uncordon "$node"
  k rollout status deploy/inference-deploy --timeout=300s
}

killed() {
  k delete pod --grace-period=0 --force "$(k get pods -l app=inference-service -o 'jsonpath={.items[0].metadata.name}')"
  k rollout status deploy/inference-deploy --timeout=300s
}

validate() {
  local from overlay
  for from in $crds; do
    # They are too large for the annotation of a plain apply.
    kubectl --context "kind-$cluster" apply --server-side -f "$from"
  done
  kubectl --context "kind-$cluster" wait --for=condition=Established crd --all --timeout=60s >/dev/null
  for overlay in k8s overlays/*; do
    say "$overlay"
    k apply -k "$overlay" --dry-run=server --validate=strict
  done
}

case ${1:-} in
  up) up "${2:-}" ;;
  image) build && k rollout restart deploy/inference-deploy && k rollout status deploy/inference-deploy --timeout=900s ;;
  scale) scale ;;
  update) under_load update planned ;;
  disturb)
    under_load update planned
    REQUESTS=${REQUESTS_EACH:-600} under_load drain drain
    REQUESTS=${REQUESTS_EACH:-600} under_load killed killed
    ;;
  validate) validate ;;
  down) kind delete cluster --name "$cluster" ;;
  *) sed -n '2,/^set/p' "$0" | sed -n 's/^# \{0,1\}//p'; exit 64 ;;
esac
