#!/usr/bin/env bash
# Start: how long it takes from the process's start until it is ready, and how a wrong
# configuration and weights with a missing tensor end. Needs python3, which writes these weights.
#
# Targets: ready within 5 s, the worst of STARTS (5) starts with seeded weights; with four wrong
# variables the process ends within 1 s, with status 64 and a line for each of them; with a file of
# weights that lacks a tensor, with status 1 and a line that names the tensor.
set -euo pipefail
source "$(dirname "$0")/lib.sh"

# Milliseconds since a time of $EPOCHREALTIME, which has microseconds.
since() {
  echo $(((${EPOCHREALTIME/[.,]/} - ${1/[.,]/}) / 1000))
}

machine
worst=0
for ((i = 1; i <= ${STARTS:-5}; i++)); do
  begin=$EPOCHREALTIME
  start_service
  took=$(since "$begin")
  tell "start $i" "$took ms"
  worst=$((took > worst ? took : worst))
  stop_service
done
check "ready, worst" "$worst" '<=' 5000 ms

begin=$EPOCHREALTIME
status=0
PORT=x MAX_IMAGES=0 LOG_LEVEL=loud THREADS=none \
  "$BINARY" --pretrained random >"$OUT/wrong.txt" 2>&1 || status=$?
took=$(since "$begin")
check "wrong configuration, exit status" "$status" == 64
check "wrong configuration, time" "$took" '<=' 1000 ms
for variable in PORT MAX_IMAGES LOG_LEVEL THREADS; do
  check "wrong configuration, lines that name $variable" \
    "$(grep -c "variable $variable" "$OUT/wrong.txt" || true)" '>=' 1
done

# Of all the tensors of ViT-B-32 its first alone, of zeros.
python3 - "$OUT/missing.safetensors" <<'PYTHON'
import json, math, struct, sys

shape = [768, 3, 32, 32]
length = 4 * math.prod(shape)
tensor = {"dtype": "F32", "shape": shape, "data_offsets": [0, length]}
header = json.dumps({"visual.conv1.weight": tensor}).encode()
with open(sys.argv[1], "wb") as file:
    file.write(struct.pack("<Q", len(header)) + header + bytes(length))
PYTHON
status=0
timeout 60 "$BINARY" --model-name ViT-B-32 --pretrained "$OUT/missing.safetensors" --port "$PORT" \
  --admin-port "$ADMIN_PORT" >"$OUT/missing.txt" 2>&1 || status=$?
check "weights without a tensor, exit status" "$status" == 1
check "weights without a tensor, lines that name it" \
  "$(grep -cE 'visual\.[a-z0-9_.]+[^a-z0-9_.]+is missing' "$OUT/missing.txt" || true)" '>=' 1
tell "weights without a tensor: named" \
  "$(grep -oE 'visual\.[a-z0-9_.]+[^a-z0-9_.]+is missing' "$OUT/missing.txt" | head -n 1 || true)"
rm -f "$OUT/missing.safetensors"
finish
