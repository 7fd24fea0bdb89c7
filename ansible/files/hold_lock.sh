#!/bin/sh
# Holds the lock of the host for one run that provisions: hold_lock.sh LOCK RUN WHO WAIT
# Returns as soon as it holds it. After WAIT seconds it prints who has it instead, and exits with 75.
#
# The holder is a unit of its own, relay-provisioning-RUN. It ends when it is stopped, or with the SSH connection
# through which this was asked: a run that was cut off takes its connection along. An hour is the most.
set -eu
lock=$1 run=$2 who=$3 wait=$4

if ! test -e "$lock"; then
	mkdir -p "$(dirname "$lock")"
	touch "$lock"
fi

connection=
process=$$
while test "$process" -gt 1 && test -z "$connection"; do
	test "$(cat "/proc/$process/comm")" != sshd-session || connection=$process
	process=$(awk '$1 == "PPid:" { print $2 }' "/proc/$process/status")
done

# systemd-run returns when the unit says that it is ready. As the lock's owner, who writes in its directory.
# shellcheck disable=SC2016 # for the shell of the unit
if ! systemd-run --quiet --collect --unit="relay-provisioning-$run" --uid="$(stat --format=%U "$lock")" \
	--service-type=notify --property=NotifyAccess=all --property=TimeoutStartSec=infinity \
	--property=RuntimeMaxSec=1h \
	flock --timeout "$wait" "$lock" sh -c '
		echo "provisioning by $1, since $(date -u +%Y%m%dT%H%M%S) UTC" >"$2"
		systemd-notify --ready
		exec tail ${3:+--pid="$3"} --follow /dev/null
	' sh "$who" "$lock" "$connection"; then
	flock --nonblock "$lock" true && exit 1 # it was not for the lock
	cat "$lock"
	exit 75
fi
