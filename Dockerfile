# One image for every role; the command says which: `start web-api`, `start web-stream`, `start worker speech.espeak`,
# `start worker maintenance`, `start beat`, `start migrate`, or any other of manage.py's.

FROM python:3.11-slim-bookworm AS build
WORKDIR /app
COPY requirements*.txt .
# requirements-kokoro-cjk.txt for Kokoro's Japanese and Chinese voices, 375 MB more.
ARG EXTRA_REQUIREMENTS=""
# Without pip inside: what runs needs no installer. All wheels bring their own libraries, so no compiler is needed either.
RUN python -m venv --without-pip /venv \
    && pip --python /venv/bin/python install --no-cache-dir --disable-pip-version-check \
        --require-hashes -r requirements.txt \
    && if [ -n "$EXTRA_REQUIREMENTS" ]; then \
        pip --python /venv/bin/python install --no-cache-dir --disable-pip-version-check -r "$EXTRA_REQUIREMENTS"; fi
# Kokoro's model and voices, 127 MB, so that no container fetches anything. 0: an image without them.
ARG KOKORO=1
# int8 or fp32; default: the faster one on the processor that builds.
ARG KOKORO_MODEL=""
COPY . .
# Kept between builds, so that a change of the code fetches nothing anew.
RUN --mount=type=cache,target=/var/cache/kokoro mkdir -p /opt/kokoro \
    && if [ "$KOKORO" != 0 ]; then \
        DATA_DIR=/tmp/build SECRET_KEY=build KOKORO_MODEL_DIR=/opt/kokoro KOKORO_CACHE=/var/cache/kokoro \
        /venv/bin/python manage.py kokoro_install; fi \
    && chmod -R a+rX /opt/kokoro
# A throw-away folder and key: nothing of them is kept, and no database is asked.
RUN DATA_DIR=/tmp/build SECRET_KEY=build STATIC_ROOT=/app/collected-static \
    /venv/bin/python manage.py collectstatic --noinput \
    && /venv/bin/python -m compileall -q /app /venv/lib \
    && chmod -R a+rX /app

FROM python:3.11-slim-bookworm
RUN pip uninstall --yes --quiet --root-user-action=ignore setuptools wheel pip \
    && useradd --uid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin utterance \
    && install -d -o utterance -g utterance -m 0700 /data
COPY --from=build /venv /venv
COPY --from=build /opt/kokoro /opt/kokoro
COPY --from=build /app /app
WORKDIR /app
ARG KOKORO=1
ENV PATH=/venv/bin:$PATH \
    KOKORO=$KOKORO \
    KOKORO_MODEL_DIR=/opt/kokoro \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    LISTEN_HOST=0.0.0.0 \
    PORT=8000 \
    DATA_DIR=/data \
    STATIC_ROOT=/app/collected-static
USER utterance
VOLUME /data
EXPOSE 8000
# For the web roles; compose switches it off for the others, which listen nowhere.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(f\"http://127.0.0.1:{os.environ['PORT']}/healthz\", timeout=2)"]
ENTRYPOINT ["python", "manage.py"]
CMD ["help"]
