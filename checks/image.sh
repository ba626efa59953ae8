#!/usr/bin/env bash
# How long an image takes from `docker run` to its first ready answer, where it can reach nobody:
# no network, a read-only root, no capabilities, the limits of a pod.
#
#   checks/image.sh IMAGE [FLAG of docker run]...
#   checks/image.sh photo-duplicate-inference:k8s-cpu-openai
#   checks/image.sh photo-duplicate-inference:k8s-cpu -e MODEL_PRETRAINED=random
#
# RUNS says how often (5). Readiness is asked by `inference-service health` within the container, whose
# own start is a part of the time. Fails if it ends, or is not ready within a minute.
set -euo pipefail

image=${1:?"the name of an image"}
shift
name=inference-image-check
trap 'docker rm -f "$name" >/dev/null 2>&1 || true' EXIT

docker image inspect "$image" --format '{{.Size}}' | awk '{ printf "size %.1f MB\n", $1 / 1e6 }'
for ((run = 1; run <= ${RUNS:-5}; run++)); do
  docker rm -f "$name" >/dev/null 2>&1 || true
  begin=$(date +%s%N)
  docker run -d --name "$name" --network=none --read-only --cap-drop ALL --security-opt no-new-privileges \
    --cpus 2 --memory 3g "$@" "$image" >/dev/null
  until docker exec "$name" inference-service health >/dev/null 2>&1; do
    if [[ $(docker inspect -f '{{.State.Running}}' "$name") != true ]] || (($(date +%s%N) - begin > 60000000000)); then
      docker logs --tail 5 "$name" >&2
      echo "it ended, or was not ready within a minute" >&2
      exit 1
    fi
  done
  echo "ready after $((($(date +%s%N) - begin) / 1000000)) ms"
done
docker stats --no-stream --format 'memory {{.MemUsage}}' "$name"
