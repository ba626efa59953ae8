# inference-service in an image without a shell, for linux/amd64 and linux/arm64.
#
#   docker build -t photo-duplicate-inference:k8s-cpu .
#       weights are left out: a container fetches them into its cache (HF_HOME), or runs `random`
#   docker build --build-arg PRETRAINED=openai -t photo-duplicate-inference:k8s-cpu-openai .
#       weights are in the image: a new pod needs no network. Behind a mirror of the hub add
#       --build-arg HF_ENDPOINT=https://MIRROR, behind a proxy --build-arg HTTPS_PROXY=http://PROXY
#   docker build --target debug -t photo-duplicate-inference:k8s-cpu-debug .
#       the same with a shell
#   docker build --target gpu -t photo-duplicate-inference:gpu-linux-amd64 \
#       --build-arg GPU_BUILD=nvidia/cuda:13.0.1-devel-ubuntu24.04 \
#       --build-arg RUNTIME=nvidia/cuda:13.0.1-runtime-ubuntu24.04 .
#       for NVIDIA GPUs. The bases are arguments since a builder that builds every stage would else
#       pull gigabytes for the image of the CPU; left out, `gpu` is the image of the CPU.
#
# Plain instructions alone, so that every builder takes it: no cache mounts, no heredocs.

ARG RUST=rust:1.95-bookworm
ARG RUNTIME=gcr.io/distroless/cc-debian12:nonroot
ARG GPU_BUILD=tools

# --- What builds ---------------------------------------------------------------------------------
FROM ${RUST} AS tools
# cmake and nasm build libjpeg-turbo, from the sources that its crate brings. Their versions are those
# of the base image's Debian, which are left out of what runs.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install -y --no-install-recommends cmake nasm \
 && rm -rf /var/lib/apt/lists/*
# auditable writes the list of crates into the binary, cyclonedx the SBOM.
RUN cargo install --locked cargo-auditable@0.7.7 cargo-cyclonedx@0.5.9

FROM tools AS dependencies
WORKDIR /build
COPY Cargo.toml Cargo.lock ./
# Empty sources: what is compiled here are the crates alone, so a change of ours keeps this layer.
# The pipe begins with a constant, which cannot fail.
# hadolint ignore=DL4006
RUN mkdir -p src benches tests/integration \
 && echo 'fn main() {}' | tee src/main.rs build.rs tests/integration/main.rs \
      benches/forward.rs benches/load.rs benches/preprocess.rs benches/resize.rs \
      benches/throughput.rs >/dev/null \
 && touch src/lib.rs \
 && cargo auditable build --release --locked --features libjpeg-turbo

FROM dependencies AS build
COPY build.rs ./
COPY models models
COPY proto proto
COPY src src
# Copied files may be older than what was made of the empty ones.
RUN touch build.rs src/main.rs src/lib.rs \
 && cargo auditable build --release --locked --features libjpeg-turbo \
 && cargo cyclonedx --format json --features libjpeg-turbo --override-filename sbom \
 && install -D -m 755 target/release/inference-service /out/usr/local/bin/inference-service \
 && strip /out/usr/local/bin/inference-service \
 && install -D -m 644 sbom.json /out/usr/share/sbom/inference-service.cdx.json
COPY LICENSE-APACHE LICENSE-MIT /out/usr/share/licenses/inference-service/
# What the service caches lies here; a volume in its place keeps its owner.
RUN mkdir -p /out/var/cache/inference-service && chown 65532:65532 /out/var/cache/inference-service

# --- Weights, if they are asked for --------------------------------------------------------------
FROM build AS weights
ARG MODEL=ViT-B-32
ARG PRETRAINED=
# A mirror of the hub. It is an argument of this stage, so nothing of it is left in the image.
ARG HF_ENDPOINT=
# Not in the folder of the cache, where a pod mounts its volume.
RUN if [ -n "$PRETRAINED" ]; then \
      HF_HUB_CACHE=/out/usr/share/inference-service/hub \
        /out/usr/local/bin/inference-service download --model-name "$MODEL" --pretrained "$PRETRAINED"; \
    fi

# --- For NVIDIA GPUs -----------------------------------------------------------------------------
FROM ${GPU_BUILD} AS gpu-build
WORKDIR /build
COPY --from=tools /usr/local/cargo /usr/local/cargo
COPY --from=tools /usr/local/rustup /usr/local/rustup
ENV PATH=/usr/local/cargo/bin:/usr/local/rustup/toolchain/bin:${PATH} \
    CARGO_HOME=/usr/local/cargo RUSTUP_HOME=/usr/local/rustup
# The compute capability of the oldest GPU to serve: 80 is A100's, 89 L4's, 90 H100's.
ARG CUDA_COMPUTE_CAP=80
COPY Cargo.toml Cargo.lock build.rs ./
COPY models models
COPY proto proto
COPY src src
RUN mkdir -p benches tests/integration \
 && touch tests/integration/main.rs benches/forward.rs benches/load.rs benches/preprocess.rs benches/resize.rs \
      benches/throughput.rs
COPY --from=weights /out /out
# As above.
# hadolint ignore=DL3008
RUN if command -v nvcc >/dev/null; then \
      apt-get update && apt-get install -y --no-install-recommends gcc g++ cmake nasm \
      && CUDA_COMPUTE_CAP=$CUDA_COMPUTE_CAP cargo auditable build --release --locked --features cuda,libjpeg-turbo \
      && install -m 755 target/release/inference-service /out/usr/local/bin/inference-service; \
    fi

# --- What runs -----------------------------------------------------------------------------------
FROM ${RUNTIME} AS runtime
ARG RUNTIME
ARG MODEL=ViT-B-32
ARG PRETRAINED=
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="inference-service" \
      org.opencontainers.image.description="CLIP image embeddings over HTTP" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.licenses="Apache-2.0 OR MIT" \
      org.opencontainers.image.base.name="${RUNTIME}"
# The default is 127.0.0.1, but a container is asked from outside of it.
ENV HOST=0.0.0.0 \
    HF_HOME=/var/cache/inference-service
# With weights in the image, they are what is served unless a setting says otherwise, and the hub is
# not asked whether they have changed. Without, these are empty or the defaults.
ENV MODEL_NAME=${MODEL} \
    MODEL_PRETRAINED=${PRETRAINED:-openai} \
    HF_HUB_CACHE=${PRETRAINED:+/usr/share/inference-service/hub} \
    HF_HUB_OFFLINE=${PRETRAINED:+1}
WORKDIR /
USER 65532:65532
EXPOSE 8002 9090
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/local/bin/inference-service"]

FROM runtime AS gpu
COPY --from=gpu-build /out /

FROM runtime AS service
COPY --from=weights /out /

FROM debian:bookworm-slim AS shell
# The version is that of the base image's Debian, as above.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install -y --no-install-recommends busybox-static \
 && mkdir /busybox \
 && cp /bin/busybox /busybox/ \
 && for tool in $(busybox --list); do [ "$tool" = busybox ] || ln -s busybox "/busybox/$tool"; done

FROM service AS debug
COPY --from=shell /busybox /busybox
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/busybox

# The last stage is what a build without --target makes.
FROM service
