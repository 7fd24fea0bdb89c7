# Stands in for caddy:2: the same program, the same file capability, busybox for the health check.
FROM relay-lab/debian:trixie AS capable
RUN apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends libcap2-bin >/dev/null
COPY caddy /usr/bin/caddy
RUN setcap cap_net_bind_service=+ep /usr/bin/caddy

FROM scratch
COPY busybox /bin/busybox
RUN ["/bin/busybox", "--install", "-s", "/bin"]
RUN mkdir -p /etc/caddy /etc/ssl/certs /config/caddy /data/caddy /srv /tmp \
 && printf 'root:x:0:0:root:/root:/bin/sh\n' > /etc/passwd
COPY ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=capable /usr/bin/caddy /usr/bin/caddy
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin XDG_CONFIG_HOME=/config XDG_DATA_HOME=/data
EXPOSE 80 443 443/udp 2019
WORKDIR /srv
CMD ["caddy", "run", "--config", "/etc/caddy/Caddyfile", "--adapter", "caddyfile"]
