# Footnote in a container: dependencies are built in one stage, the second holds only what runs.
FROM python:3.11-slim-bookworm AS build
RUN apt-get update && apt-get install --yes --no-install-recommends build-essential cmake git && rm -rf /var/lib/apt/lists/*
WORKDIR /src
# A plain x86-64 build would run everywhere; this one uses what the building machine has.
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY kb kb
COPY ingest ingest
COPY app app
RUN python -m venv /opt/footnote \
    && /opt/footnote/bin/pip install --no-cache-dir --constraint constraints.txt torch==2.13.0 \
    && /opt/footnote/bin/pip install --no-cache-dir --constraint constraints.txt '.[starter,server,mcp,identity,tracing]'

FROM python:3.11-slim-bookworm
RUN apt-get update && apt-get install --yes --no-install-recommends libgomp1 && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --create-home footnote && install -d -o footnote -m 0700 /data
COPY --from=build /opt/footnote /opt/footnote
USER footnote
ENV PATH=/opt/footnote/bin:$PATH HF_HUB_OFFLINE=1
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s CMD \
    ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/livez', timeout=4)"]
ENTRYPOINT ["footnote", "--config", "/etc/footnote/footnote.toml"]
CMD ["serve", "--host", "0.0.0.0"]
