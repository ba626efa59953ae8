#!/usr/bin/env bash
# Renders k8s/, every overlay and the chart, and holds them against the schemas of Kubernetes, the
# Pod Security Standard `restricted`, the quota, the plan's names and the binary's routes.
# Needs kubectl or kustomize, helm, Python 3.10 or newer with venv, and target/release/inference-service.
set -euo pipefail
cd "$(dirname "$0")/.."

venv=target/manifests-venv
if ! cmp -s tests/manifests/requirements.txt "$venv/installed"; then
  rm -rf "$venv"
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check -r tests/manifests/requirements.txt
  cp tests/manifests/requirements.txt "$venv/installed"
fi
[[ -x target/release/inference-service ]] || cargo build --locked --release
helm lint --strict --quiet helm/inference-service
exec "$venv/bin/python" tests/manifests/manifests.py "$@"
