# One image for API, worker and commands; docker-compose.yml says which is which.
FROM python:3.13-slim-bookworm AS build
WORKDIR /build
COPY requirements.txt requirements-s3.txt requirements-tracing.txt ./
# Not empty: with what a store that speaks S3 needs.
ARG S3=""
# Not empty: with what sending traces needs.
ARG TRACING=""
RUN python -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.txt \
    && if [ -n "$S3" ]; then \
    /opt/venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements-s3.txt; fi \
    && if [ -n "$TRACING" ]; then \
    /opt/venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements-tracing.txt; fi

FROM python:3.13-slim-bookworm
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    QHSE_ENV=production
RUN groupadd --gid 10001 qhse \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin qhse
WORKDIR /app
COPY --from=build /opt/venv /opt/venv
COPY . .
# Settings need keys even to collect static files: these live for this one command and are stored nowhere.
RUN SECRET_KEY="$(python -c 'import secrets; print(secrets.token_urlsafe(64))')" \
    JWT_SIGNING_KEY="$(python -c 'import secrets; print(secrets.token_urlsafe(64))')" \
    ALLOWED_HOSTS=build.invalid \
    python manage.py collectstatic --noinput --verbosity 0
# A new volume takes its owner from here.
RUN install --directory --mode=0750 --owner=10001 --group=10001 var/attachments
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.build_opener(r.ProxyHandler({})).open('http://127.0.0.1:8000/healthz', timeout=4)"]
# A network of its own: who reaches it is decided by what the container publishes.
CMD ["gunicorn", "--bind", "0.0.0.0:8000"]
