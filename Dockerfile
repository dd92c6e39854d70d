FROM python:3.12-slim

# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends \
        apertium apertium-eng-spa bubblewrap ffmpeg fonts-noto-cjk fonts-noto-core make \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --create-home dubbing \
    && install -d -o dubbing -g dubbing /data

WORKDIR /srv/dubbing
COPY Makefile requirements.lock pyproject.toml ./
RUN make setup
COPY alembic.ini ./
COPY alembic alembic
COPY app app
# Nobody can write beside it when the server runs.
RUN .venv/bin/python -m compileall -q app alembic

USER 10001
ENV DATA_DIR=/data HOME=/tmp PYTHONDONTWRITEBYTECODE=1 HOST=0.0.0.0 PORT=8000 PYTHONUNBUFFERED=1 PATH="/srv/dubbing/.venv/bin:$PATH"
VOLUME /data
EXPOSE 8000
HEALTHCHECK --start-period=15s --interval=15s --timeout=5s CMD ["python", "-c", \
    "import os, urllib.request as http; http.urlopen('http://127.0.0.1:' + os.environ['PORT'] + '/healthz')"]
CMD ["python", "-m", "app", "serve"]
