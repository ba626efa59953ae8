# The commands of every day. `just --list` shows them; each is what it says, so `just` itself is not needed.

# Serve seeded weights, without a model hub
run *args:
    cargo run --release -- --pretrained random {{args}}

# All tests of the default build, or those that match
test *args:
    cargo test --release {{args}}

# The same with Pillow's JPEG decoder (needs cmake and nasm)
test-turbo *args:
    cargo test --release --features libjpeg-turbo {{args}}

# Damaged uploads by the thousand, e.g. `just hostile 20000 7`
hostile files="20000" seed="1":
    HOSTILE_FILES={{files}} HOSTILE_SEED={{seed}} cargo test --release --test integration hostile::uploads -- --nocapture

# Every fuzz target for so many seconds (needs cargo-fuzz and a nightly toolchain)
fuzz seconds="60" *targets:
    fuzz/run.sh {{seconds}} {{targets}}

# A running service against its own description (needs schemathesis 4)
schemathesis url="http://127.0.0.1:8002":
    schemathesis run {{url}}/openapi.json --checks all --max-examples 600 --max-time 300

# What faults cost: panics and errors on demand, in a build that has them (a minute and a half)
test-faults *args:
    cargo test --release --features fault-injection --test integration faults {{args}}

# Formatting and clippy, warnings denied
lint:
    cargo fmt --check
    cargo clippy --release --all-targets -- -D warnings

# Manifests and chart, rendered and checked (needs kubectl or kustomize, helm, Python)
manifests:
    checks/manifests.sh

# The local cluster: `just cluster up overlays/random`, scale, disturb, validate, down
cluster *args:
    checks/cluster.sh {{args}}

# Licences, sources, duplicates and advisories of the dependencies (needs cargo-deny 0.20)
deny:
    cargo deny check

# The alerts' tests, and the dashboard against a Prometheus under load (needs prometheus and promtool)
monitoring:
    checks/monitoring.sh

# Benchmarks, all or those that match
bench *args:
    cargo bench -- {{args}}

# Ours beside OpenVINO and ONNX Runtime, in one run (needs Python; half an hour, see benches/peers/README.md)
peers *args:
    python3 -m venv target/peers-venv
    target/peers-venv/bin/pip install -q -r benches/peers/requirements.txt
    target/peers-venv/bin/python benches/peers/peers.py {{args}}

# The library's documentation, in target/doc
docs:
    cargo doc --no-deps

# Crops and embeddings against Pillow, open_clip and PyTorch, with both JPEG decoders
parity:
    cargo test --release --test integration parity
    cargo test --release --features libjpeg-turbo --test integration parity

# The checks that need an NVIDIA GPU (and nvcc)
cuda:
    cargo test --release --features cuda --test integration gpu:: -- --ignored

# All that a commit must pass
ci:
    .ci/run
