# Stoic Emperor, without root:  docker build -t stoic-emperor . && docker run --rm -it stoic-emperor chat
FROM python:3.11-slim AS build
WORKDIR /build
COPY packages/capsa packages/capsa
COPY packages/stoic_emperor packages/stoic_emperor
COPY data/stoic_texts data/stoic_texts
RUN python -m venv /venv \
    && /venv/bin/pip install --no-cache-dir ./packages/capsa[postgresql] \
       ./packages/stoic_emperor[postgresql,openai,anthropic]

FROM python:3.11-slim
RUN useradd --create-home --uid 10001 stoic
COPY --from=build /venv /venv
WORKDIR /app
COPY --chown=stoic config config
COPY --chown=stoic data/stoic_texts data/stoic_texts
RUN chown stoic data
USER stoic
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1
ENTRYPOINT ["stoic"]
CMD ["--help"]
