# A cloud server as a container: Debian 13 with systemd and sshd, as it is on the first day.
FROM relay-lab/debian:trixie
ENV container=docker
STOPSIGNAL SIGRTMIN+3
COPY authorities/ /usr/local/share/ca-certificates/
# The lists of packages look old, so that what is provisioned asks for new ones.
RUN apt-get update -qq \
 && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends \
      systemd systemd-sysv dbus openssh-server python3 python3-apt sudo iproute2 kmod procps curl ca-certificates >/dev/null \
 && update-ca-certificates >/dev/null \
 && rm -rf /var/lib/apt/lists/* && mkdir -p /var/lib/apt/lists && touch -d 2020-01-01 /var/lib/apt/lists \
 && install -d -m 700 /root/.ssh \
 && systemctl enable ssh \
 && systemctl mask systemd-udevd.service systemd-logind.service getty.target console-getty.service systemd-firstboot.service
COPY vps-entry.sh /entry.sh
VOLUME /var/lib/docker
CMD ["/entry.sh"]
