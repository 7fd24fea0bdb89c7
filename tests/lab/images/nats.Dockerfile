# Stands in for nats:2-alpine: the same program and path, busybox for the health check.
FROM relay-lab/debian:trixie
COPY busybox /bin/busybox
RUN ln -s busybox /bin/wget
COPY nats-server /usr/local/bin/nats-server
EXPOSE 4222 8222 6222
CMD ["nats-server", "--config", "/etc/nats/nats-server.conf"]
