# Stands in for caddy:2: the same program, paths and file capability, busybox for the health check.
FROM relay-lab/debian:trixie
COPY busybox /bin/busybox
RUN ln -s busybox /bin/wget && mkdir -p /etc/caddy /config/caddy /data/caddy
COPY ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY caddy /usr/bin/caddy
# Not in a stage of its own: the legacy builder's COPY --from forgets capabilities.
RUN apt-get update -qq \
 && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends libcap2-bin >/dev/null \
 && setcap cap_net_bind_service=+ep /usr/bin/caddy \
 && rm -rf /var/lib/apt/lists/*
ENV XDG_CONFIG_HOME=/config XDG_DATA_HOME=/data
EXPOSE 80 443 443/udp 2019
WORKDIR /srv
CMD ["caddy", "run", "--config", "/etc/caddy/Caddyfile", "--adapter", "caddyfile"]
