# Two images of one lock: `server` (MLflow and optuna-dashboard, without torch) and `runner` (overthink itself).
FROM python:3.11.13-slim-bookworm AS base
RUN groupadd --gid 10001 overthink \
 && useradd --uid 10001 --gid 10001 --create-home overthink \
 && install --directory --owner=10001 --group=10001 /artifacts /data /state /work
ENV PATH=/opt/overthink/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1

FROM base AS build
WORKDIR /source
COPY .ci/uv.lock .ci/uv.lock
RUN python -m venv /opt/uv \
 && /opt/uv/bin/pip install --no-cache-dir --require-hashes -r .ci/uv.lock \
 && python -m venv --without-pip /opt/overthink
# Only the lock's versions are allowed, and hashes are checked.
ENV VIRTUAL_ENV=/opt/overthink \
    UV_NO_CACHE=1 \
    UV_COMPILE_BYTECODE=1 \
    UV_CONSTRAINT=/source/requirements.lock
COPY pyproject.toml requirements.lock ./

FROM build AS build-server
RUN python -c "import tomllib; print(*tomllib.load(open('pyproject.toml', 'rb'))['project']['optional-dependencies']['server'], sep='\n')" \
      > server.txt \
 && /opt/uv/bin/uv pip install -r server.txt

FROM build AS build-runner
RUN /opt/uv/bin/uv pip install -r pyproject.toml --extra server --extra ray --extra onnx
COPY README.md LICENSE ./
COPY platform platform
COPY experiments experiments
COPY sweeps sweeps
RUN /opt/uv/bin/uv pip install --python /opt/uv/bin/python hatchling \
 && /opt/uv/bin/python -m hatchling build -t wheel \
 && /opt/uv/bin/uv pip install --no-deps dist/*.whl

FROM base AS server
COPY --from=build-server /opt/overthink /opt/overthink
USER 10001:10001
WORKDIR /home/overthink
VOLUME /artifacts

FROM base AS runner
# The compiler of the fast kernels, which are built for the processor that they run on. Debian keeps no older versions to pin.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends g++ \
 && rm -rf /var/lib/apt/lists/*
COPY --from=build-runner /opt/overthink /opt/overthink
USER 10001:10001
WORKDIR /work
VOLUME /data /state
ENTRYPOINT ["overthink"]
