# The action's image. No BuildKit feature is used, so the classic builder of an old engine builds it
# too. Both images it is made from are arguments: a machine without a way to Docker Hub names its own.
#
#   BASE           any Debian-like image with Python >= 3.11 and its venv module
#   COMPOSE_IMAGE  any image that holds the Compose binary as /docker-compose
ARG BASE=python:3.13-slim@sha256:ffb752e139c0a19692a43af8d8523b274222dd68eebad5d583b45c2201c6e30a
ARG COMPOSE_IMAGE=docker/compose-bin:v5.6.0@sha256:db34ebea4a1acd4b130e9abc305cdb51b3fe53b9116a6c2ac268a451eb308bed

FROM ${COMPOSE_IMAGE} AS compose

FROM ${BASE} AS build
SHELL ["/bin/sh", "-eu", "-c"]
COPY requirements/runtime.txt /build/requirements.txt
# A wheel is the only thing that is ever installed: no compiler, no code of a package's setup runs.
RUN python3 -m venv /opt/aks-action; \
    /opt/aks-action/bin/pip install --quiet --no-cache-dir --no-compile --only-binary=:all: \
        --disable-pip-version-check --require-hashes --requirement /build/requirements.txt
# What comes with the libraries and is never imported. `kubernetes/aio` alone is half of everything;
# aiohttp and its friends serve only that; PyGithub and PyNaCl come with a part of actions-toolkit
# that is not used; cffi is needed at run time only as its compiled `_cffi_backend`.
# hadolint ignore=DL3003,SC2164
RUN cd /opt/aks-action/lib/python3.*/site-packages; \
    rm -rf kubernetes/aio kubernetes/e2e_test aiohttp aiohttp_retry aiohappyeyeballs aiosignal \
        frozenlist multidict propcache yarl attr attrs github nacl cffi pycparser \
        pip setuptools pkg_resources _distutils_hack distutils-precedence.pth; \
    rm -rf aiohttp-* aiohttp_retry-* aiohappyeyeballs-* aiosignal-* frozenlist-* multidict-* \
        propcache-* yarl-* attrs-* pygithub-* PyGithub-* pynacl-* PyNaCl-* cffi-* pycparser-* \
        pip-* setuptools-*; \
    find . -depth -type d \( -name tests -o -name test -o -name testing \) -exec rm -rf {} +; \
    find . -type f \( -name '*.pyi' -o -name '*.c' -o -name '*.h' -o -name '*.pxd' -o -name '*.pyx' \) -delete; \
    rm -f /opt/aks-action/bin/[Aa]ctivate* /opt/aks-action/bin/pip* /opt/aks-action/bin/httpx
COPY aks_action /build/aks_action
COPY entrypoint.py /opt/aks-action/entrypoint.py
# `-I` keeps the script's own folder off the path, so the package lies among the libraries. The
# bytecode is not checked against its source at every start: neither ever changes in an image.
RUN cp -R /build/aks_action /opt/aks-action/lib/python3.*/site-packages/; \
    /opt/aks-action/bin/python3 -I -c 'import actions_toolkit.core, azure.identity, docker, urllib3, yaml; from kubernetes import client, config; client.ApiClient, config.load_kube_config'; \
    find /opt/aks-action -depth -type d -name __pycache__ -exec rm -rf {} +; \
    /opt/aks-action/bin/python3 -m compileall -q --invalidation-mode unchecked-hash \
        /opt/aks-action/lib /opt/aks-action/entrypoint.py

FROM ${BASE}
SHELL ["/bin/sh", "-eu", "-c"]
ARG VERSION=0.0.0
ARG REVISION=unknown
ARG SOURCE=https://github.com
LABEL org.opencontainers.image.title="aks_action" \
      org.opencontainers.image.description="Push, release and deploy an application to Kubernetes on Azure, in one step" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.source="${SOURCE}"
COPY --from=compose /docker-compose /usr/local/bin/docker-compose
COPY --from=build /opt/aks-action /opt/aks-action
# Python's own images come without bytecode and a job's container starts only once: without this
# layer every run would compile the standard library again. The installer is not needed any more.
RUN rm -rf /usr/local/lib/python3.*/site-packages/pip* /usr/local/bin/pip* /usr/local/lib/python3.*/ensurepip; \
    python3 -m compileall -q --invalidation-mode unchecked-hash \
        -x '/(test|tests|idlelib|lib2to3|tkinter|turtledemo|pydoc_data|site-packages|dist-packages)/' \
        "$(python3 -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')"
# Root, because the runner's command files, the workspace and the engine's socket belong to root in
# a container action. `-I`: no PYTHON* variable and no file of the workspace can change what runs.
ENTRYPOINT ["/opt/aks-action/bin/python3", "-I", "/opt/aks-action/entrypoint.py"]
