# Stoic Emperor, without root:  docker build -t stoic-emperor .
# Web: docker run --rm -p 127.0.0.1:8000:8000 --env-file .env -v stoic_data:/app/data stoic-emperor
# Terminal: docker run --rm -it --env-file .env -v stoic_data:/app/data stoic-emperor chat
FROM python:3.11-slim AS build
WORKDIR /build
COPY packages/capsa packages/capsa
COPY packages/stoic_emperor packages/stoic_emperor
COPY data/stoic_texts data/stoic_texts
RUN python -m venv /venv \
    && /venv/bin/pip install --no-cache-dir --no-compile ./packages/capsa[postgresql] \
       ./packages/stoic_emperor[postgresql,openai,anthropic,web] \
    && /venv/bin/pip uninstall --yes pip

FROM python:3.11-slim
RUN useradd --create-home --uid 10001 stoic
COPY --from=build /venv /venv
WORKDIR /app
COPY --chown=stoic config config
COPY --chown=stoic data/stoic_texts data/stoic_texts
COPY --chown=stoic src src
RUN chown stoic data
USER stoic
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PORT=8000
EXPOSE 8000
# Says whether the process and its database answer.
HEALTHCHECK --interval=30s --timeout=5s --start-period=40s \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/health', timeout=4)"]
ENTRYPOINT ["stoic"]
CMD ["serve", "--host", "0.0.0.0"]
