# One image for the web server, the worker, the clock and the commands; what it does is the command it is started with.
# The versions are those that the tests run on. Nothing secret is needed to build it, and nothing secret ends up in it.

ARG PYTHON=3.11
ARG NODE=24

# --- Style sheets, icons and fonts -----------------------------------------------------------------------------------

FROM node:${NODE}-slim AS node
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --ignore-scripts

# --- Python packages and collected static files ----------------------------------------------------------------------

FROM python:${PYTHON}-slim AS build
WORKDIR /decklog
RUN python -m venv /venv
COPY requirements.txt ./
RUN /venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.txt
COPY . .
COPY --from=node /build/node_modules/@tabler/core/dist/css node_modules/@tabler/core/dist/css
COPY --from=node /build/node_modules/@fontsource-variable/inter/files node_modules/@fontsource-variable/inter/files
COPY --from=node /build/node_modules/@tabler/icons/icons/outline node_modules/@tabler/icons/icons/outline
# Of what npm brought, the pages read only the icons while they are served; the rest is collected by now.
RUN /venv/bin/python manage.py collectstatic --no-input \
    && rm -r node_modules/@tabler/core node_modules/@fontsource-variable \
    && /venv/bin/python -m compileall -q accounts catalog changes config demo home incidents notifications oncall public workflow

# --- What runs -------------------------------------------------------------------------------------------------------

FROM python:${PYTHON}-slim
RUN groupadd --system --gid 10001 decklog \
    && useradd --system --uid 10001 --gid decklog --no-create-home --home-dir /decklog decklog
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /decklog
COPY --from=build /venv /venv
COPY --from=build /decklog /decklog
USER decklog
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=2)"]
CMD ["python", "-m", "config.serve", "--host", "0.0.0.0", "--port", "8000", "--workers", "2", "--threads", "4"]
