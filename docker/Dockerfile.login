# The login service and the command line.
#
#     docker build -f docker/Dockerfile.login -t portero-login .
#
# Settings are PORTERO_* variables, secrets PORTERO_*_FILE.  It runs as
# www-data, writes to /run/portero (sockets, public keys) and /var/lib/portero
# (private keys), and nowhere else.

FROM docker.io/library/debian:bookworm-slim AS build

RUN apt-get update && apt-get install -y --no-install-recommends \
        gcc libc6-dev make perl libjwt-dev libjansson-dev libpq-dev \
        libcrypt-dev libfcgi-dev libssl-dev \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /src
COPY Makefile ./
COPY jot jot
COPY login-service login-service
COPY sql sql
RUN make build/portero-login build/portero \
    && strip build/portero-login build/portero


FROM docker.io/library/debian:bookworm-slim

RUN apt-get update && apt-get install -y --no-install-recommends \
        libfcgi0ldbl libjwt0 libjansson4 libpq5 libcrypt1 libssl3 \
    && rm -rf /var/lib/apt/lists/*

COPY --from=build /src/build/portero-login /usr/local/sbin/
COPY --from=build /src/build/portero /usr/local/bin/
RUN mkdir -m 750 /run/portero && mkdir -m 700 -p /var/lib/portero/keys \
    && chown -R www-data:www-data /run/portero /var/lib/portero

ENV PORTERO_SOCKET_DIR=/run/portero \
    PORTERO_SOCKET_GROUP=www-data \
    PORTERO_KEY_DIR=/var/lib/portero/keys \
    PORTERO_GATEWAY_KEYS_FILE=/run/portero/gateway-keys.json

USER www-data
CMD ["portero-login"]

HEALTHCHECK --interval=15s --timeout=10s --start-period=10s \
    CMD ["portero", "check"]
