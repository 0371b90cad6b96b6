# syntax=docker/dockerfile:1
# One image for every role: web (the default command), worker, beat and the one-shot migration (docker-compose.yml).

FROM python:3.11-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PYTHONDONTWRITEBYTECODE=1
RUN python -m venv /opt/matricula
COPY requirements.lock /tmp/requirements.lock
RUN /opt/matricula/bin/pip install --require-hashes --only-binary :all: -r /tmp/requirements.lock

FROM python:3.11-slim
ENV PATH=/opt/matricula/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    DATA_DIR=/srv/data STATIC_ROOT=/srv/static BIND=0.0.0.0:8000 LOG_FORMAT=json
RUN groupadd --gid 10001 matricula \
 && useradd --uid 10001 --gid matricula --no-create-home --home-dir /srv/app --shell /usr/sbin/nologin matricula \
 && install --directory --owner=matricula --group=matricula /srv/data /srv/static /srv/beat
COPY --from=build /opt/matricula /opt/matricula
WORKDIR /srv/app
COPY . .
# The collection runs on a secret that lives for this command only; the service's own comes from its environment.
RUN DATA_DIR=/tmp/collect SECRET_KEY=only-to-collect-static-files python manage.py collectstatic --noinput \
 && rm -rf /tmp/collect \
 && python -m compileall -q config enrollments enterprise saml_admin program_enrollments support
USER matricula
VOLUME /srv/data
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-m", "scripts.healthcheck", "web"]
CMD ["gunicorn", "--config", "config/gunicorn.py", "config.wsgi:application"]
