#!/usr/bin/env bash
# Real clients against the service: each script in checks/clients/ speaks its protocol with the
# package that people use, holds the vectors against those of the native routes, and prints a line for
# each check: name, version, what, ok.
#
# Needs Python, Node and npm, and the package indexes on the first run; the packages go into
# target/checks/clients. Arguments choose scripts by their beginnings, like `openai huggingface`; all
# without them. Targets: every script ends with status 0.
set -euo pipefail
free_port() {
  python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}
PORT=${PORT:-$(free_port)} GRPC_PORT=${GRPC_PORT:-$(free_port)}
source "$(dirname "$0")/lib.sh"

clients=$PWD/checks/clients
# Whether a script is wanted: its name, then the arguments.
wanted() {
  local name=$1 beginning
  shift
  (($# == 0)) && return
  for beginning in "$@"; do
    [[ $name == "$beginning"* ]] && return
  done
  return 1
}

# Packages are installed anew when their versions change.
python=$OUT/venv/bin/python
if ! cmp -s "$clients/requirements.txt" "$OUT/requirements.txt"; then
  python3 -m venv --clear "$OUT/venv"
  "$python" -m pip install --quiet --disable-pip-version-check --requirement "$clients/requirements.txt"
  cp "$clients/requirements.txt" "$OUT/requirements.txt"
fi
# A module finds packages beside itself alone.
node=$OUT/node
mkdir -p "$node/support"
if ! cmp -s "$clients/package-lock.json" "$node/package-lock.json"; then
  cp "$clients/package.json" "$clients/package-lock.json" "$node"
  npm --prefix "$node" ci --silent --no-audit --no-fund
fi
cp "$clients"/*.mjs "$node"
cp "$clients"/support/*.mjs "$node/support"

start_service --grpc-port "$GRPC_PORT"
base=http://127.0.0.1:$PORT
export PYTHONDONTWRITEBYTECODE=1 REPOSITORY=$PWD
# What the clients would otherwise take from whoever runs this.
unset OPENAI_API_KEY OPENAI_BASE_URL HF_TOKEN HF_ENDPOINT
for script in "$clients"/*.py "$node"/*.mjs; do
  name=$(basename "$script")
  wanted "$name" "$@" || continue
  status=0
  case $name in
  *.py) "$python" "$script" "$base" "127.0.0.1:$GRPC_PORT" || status=$? ;;
  *.mjs) node "$script" "$base" || status=$? ;;
  esac
  require_service
  check "$name, exit status" "$status" == 0
done
finish
