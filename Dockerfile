# glean-bench in a container, for a CPU:
#
#     docker build -t glean-bench .
#     docker run --rm -v "$PWD/results:/app/reports/out" glean-bench table table2
#
# and for an NVIDIA GPU:
#
#     docker build -t glean-bench --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cu126 .
#     docker run --rm --gpus all -v "$PWD/results:/app/reports/out" glean-bench table table2
#
# Data sets go to /data, published weights to /weights: -v /path/to/data:/data:ro -v /path/to/weights:/weights.
# It runs as a user without rights; --user "$(id -u):$(id -g)" makes the results yours.

FROM python:3.11.13-slim-bookworm AS build
# Some packages come as source for some machines.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends g++ \
    && rm -rf /var/lib/apt/lists/*
RUN python -m venv /opt/glean-bench
ENV PATH=/opt/glean-bench/bin:$PATH
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
RUN pip install --no-cache-dir torch torchvision --index-url "$TORCH_INDEX"
COPY . /src
RUN pip install --no-cache-dir "/src[lmdb]"

FROM python:3.11.13-slim-bookworm
# OpenCV, which insightface imports, needs these two.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libgl1 libglib2.0-0 \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /opt/glean-bench /opt/glean-bench
# Any user may write to /app, so that --user works.
RUN useradd --create-home bench \
    && install --directory --mode 1777 /app /app/reports /app/reports/out /data /weights
ENV PATH=/opt/glean-bench/bin:$PATH \
    GLEAN_DATA=/data \
    GLEAN_WEIGHTS=/weights \
    XDG_CACHE_HOME=/app/.cache
USER bench
WORKDIR /app
ENTRYPOINT ["glean-bench"]
CMD ["--help"]
