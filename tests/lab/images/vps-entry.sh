#!/bin/sh
# Process 1 of the server until systemd takes over. The container is not privileged (where the tests
# run, root may lack CAP_SYS_RESOURCE), so the mounts that systemd and Docker write to are made
# writable here.
set -e
mount -o remount,rw /sys
mount -o remount,bind,rw /sys/fs/cgroup
for hierarchy in /sys/fs/cgroup/*; do
	[ -L "$hierarchy" ] || [ ! -d "$hierarchy" ] || mount -o remount,bind,rw "$hierarchy" 2>/dev/null || true
done
mount --make-rshared /
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
	exec /sbin/init
fi
exec /sbin/init systemd.unified_cgroup_hierarchy=0 SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1
