# The portal's image: web, worker, beat and migrations run from the same one. docs/operations/install.md says how.
FROM python:3.13.14-slim-trixie AS build

ENV PATH="/opt/venv/bin:$PATH"
RUN python -m venv /opt/venv
COPY requirements.txt /tmp/requirements.txt
# Wheels alone: nothing is compiled, and no code of a package runs while it is installed. Only xero-python comes as
# source; it is built with the setuptools of the lock, where pip would fetch one that is held against no hash.
RUN sed -n '/^setuptools==/,/[^\\]$/p' /tmp/requirements.txt > /tmp/setuptools.txt \
    && pip install --no-cache-dir --require-hashes --only-binary :all: --requirement /tmp/setuptools.txt \
    && pip install --no-cache-dir --require-hashes --only-binary :all: --no-binary xero-python --no-build-isolation \
        --requirement /tmp/requirements.txt

WORKDIR /app
COPY . .
# The settings ask for secrets before anything else. These are thrown away: they sign and encrypt nothing.
RUN SECRET_KEY=of-the-build-alone ENCRYPTION_KEYS=of-the-build-alone VAR_DIR=/tmp/var \
    python manage.py collectstatic --no-input --verbosity 0 \
    && python -m compileall -q .


FROM python:3.13.14-slim-trixie

# What backups are made with: of the same version as the server of compose.yaml. A version of Debian's own would vanish
# with its next security update, so it is not pinned.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends postgresql-client-17 \
    && rm -rf /var/lib/apt/lists/*

# The folders of the state are made here so that a fresh volume belongs to this user.
RUN groupadd --gid 10001 c3portal \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin c3portal \
    && install --directory --owner 10001 --group 10001 --mode 0700 /var/lib/c3portal /var/lib/c3portal/imports
COPY --from=build /opt/venv /opt/venv
COPY --from=build /app /app
WORKDIR /app

ENV PATH="/opt/venv/bin:$PATH" \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    VAR_DIR=/var/lib/c3portal \
    WEB_BIND=0.0.0.0 \
    PORT=8000
USER 10001:10001
EXPOSE 8000

# Waits for the schema, then becomes the process of the Procfile that is named.
ENTRYPOINT ["python", "-m", "c3portal.processes.start"]
CMD ["web"]
# As a file, not as a module: so it loads nothing of the portal, and costs little each time.
HEALTHCHECK --interval=15s --timeout=10s --start-period=60s --retries=3 \
    CMD ["python", "-P", "c3portal/processes/healthcheck.py", "web"]
