# Two images of one server:
#   docker build -t cutover .                        the default: models run on the CPU
#   docker build -t cutover:gpu --target gpu .       models run on an NVIDIA GPU
# Both run as uid 1000 with a read-only root file system; only /var/cache/cutover is written.
# BuildKit (Docker 23 and later) and buildah skip the stages of the image that is not asked for.
ARG NODE_IMAGE=docker.io/library/node:22-bookworm-slim
ARG CUDA_IMAGE=docker.io/nvidia/cuda:12.9.1-cudnn-runtime-ubuntu24.04

FROM ${NODE_IMAGE} AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci

FROM dependencies AS build
COPY tsconfig.json tsconfig.build.json ./
COPY scripts/build.mjs scripts/
COPY src src
RUN node scripts/build.mjs

# onnxruntime-node brings the binaries of every platform; most of its 290 MB are for others.
FROM dependencies AS production
RUN npm prune --omit=dev \
    && find node_modules/onnxruntime-node/bin/napi-v6 -mindepth 2 -maxdepth 2 \
       ! -path "*/linux/$(node -p process.arch)" -exec rm -r {} +

# Everything of the CPU image; the GPU image takes /app from here.
FROM ${NODE_IMAGE} AS app
WORKDIR /app
RUN install -d -o 1000 -g 1000 /var/cache/cutover
COPY --from=production /app/node_modules node_modules
COPY package.json LICENSE* NOTICE* ./
COPY bin bin
COPY models models
COPY proto proto
COPY --from=build /app/dist dist
LABEL org.opencontainers.image.title="cutover" \
      org.opencontainers.image.description="A model server for Node.js with deployment built in" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV NODE_ENV=production CUTOVER_CACHE_DIR=/var/cache/cutover
VOLUME /var/cache/cutover
USER 1000:1000
EXPOSE 5000 8001
STOPSIGNAL SIGTERM
# The start period is the time that a version may take to load.
HEALTHCHECK --interval=10s --timeout=5s --start-period=300s CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.CUTOVER_PORT ?? 5000}/healthz/ready`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "--min-semi-space-size=4", "--max-semi-space-size=4", "--expose-gc", "bin/cutover.js"]
CMD ["serve"]

# This project ran the engines on a GPU, but never built or ran this image. onnxruntime's CUDA
# libraries come from NuGet, TensorFlow's from PyPI. Run it with `--gpus all`.
FROM production AS onnxruntime-gpu
RUN ONNXRUNTIME_NODE_INSTALL=cuda12 node node_modules/onnxruntime-node/script/install.js

# In /node_modules, where a program in /app finds it.
FROM ${NODE_IMAGE} AS tensorflow-gpu
WORKDIR /
# Debian drops old versions, so a pin would break the build.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends g++ python3-pip \
    && rm -rf /var/lib/apt/lists/*
RUN npm install --ignore-scripts @tensorflow/tfjs-node-gpu@4.22.0 node-api-headers@1.9.0
COPY scripts/setup-tensorflow.mjs scripts/
COPY scripts/setup-tensorflow scripts/setup-tensorflow
RUN XDG_CACHE_HOME=/opt node scripts/setup-tensorflow.mjs --gpu

FROM ${CUDA_IMAGE} AS gpu
COPY --from=app /usr/local/bin/node /usr/local/bin/node
COPY --from=app --chown=1000:1000 /var/cache/cutover /var/cache/cutover
WORKDIR /app
COPY --from=tensorflow-gpu /opt/cutover /opt/cutover
COPY --from=tensorflow-gpu /node_modules /node_modules
COPY --from=app /app .
COPY --from=onnxruntime-gpu /app/node_modules/onnxruntime-node/bin node_modules/onnxruntime-node/bin
ENV NODE_ENV=production CUTOVER_CACHE_DIR=/var/cache/cutover
VOLUME /var/cache/cutover
USER 1000:1000
EXPOSE 5000 8001
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=300s CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.CUTOVER_PORT ?? 5000}/healthz/ready`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "--min-semi-space-size=4", "--max-semi-space-size=4", "--expose-gc", "bin/cutover.js"]
CMD ["serve"]

FROM app AS cpu
