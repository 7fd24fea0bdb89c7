#!/bin/sh
# What a server does already that this playbook would break, one sentence a line; nothing for one that the
# playbook has made, or has begun to make: the lock is the first that it makes, and hosts of before have settings.
if test -e /opt/relay/lock || test -e /opt/relay/.env; then
	exit 0
fi

if dpkg-query --show --showformat '${db:Status-Status}\n' docker-ce 2>/dev/null | grep -qx installed; then
	echo "has docker-ce, Docker's own packages, and this playbook installs Debian's: remove them, or take a" \
		"fresh server"
fi
if test -e /etc/docker/daemon.json; then
	echo "has an /etc/docker/daemon.json of somebody else's, which this playbook would replace: move it away," \
		"or take a fresh server"
fi
# The package's own, as dpkg knows it, is nobody's.
if test -e /etc/nftables.conf && {
	! dpkg-query --show nftables >/dev/null 2>&1 || dpkg --verify nftables | grep -q ' /etc/nftables.conf$'
}; then
	echo "has an /etc/nftables.conf of somebody else's, which this playbook would replace: move it away, or take a" \
		"fresh server"
fi
if grep -qsx ENABLED=yes /etc/ufw/ufw.conf; then
	echo "has ufw, which keeps ports 80 and 443 closed whatever this playbook opens: ufw disable, or take a fresh" \
		"server"
fi
containers=$(docker ps --all --format '{{.Names}}' 2>/dev/null | head -3 | xargs)
if test -n "$containers"; then
	echo "runs containers of somebody else's ($containers), which the firewall would cut off: remove them, or" \
		"take a fresh server"
fi
for port in 80 443; do
	who=$(ss --no-header --listening --tcp --processes "sport = :$port" |
		sed -n 's/.*users:(("\([^"]*\)".*/\1/p' | sort -u | xargs)
	if test -n "$who"; then
		echo "has $who on port $port, where Caddy is to listen: stop it, or bring your own proxy" \
			"(docs/own-proxy.md)"
	fi
done
