#!/usr/bin/env bash
# Stop the cluster that up.sh started; --purge also removes its state (accounting database, logs).
set -uo pipefail
source "$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/common.sh"
[ -d "$RUN" ] || { say "not running"; exit 0; }

if pid_of slurmctld >/dev/null; then
  timeout 10 scancel -u root
  sleep 1 # slurmd ends the steps
fi
for file in "$RUN"/slurmd-*.pid; do
  [ -e "$file" ] && stop "$(basename "$file" .pid)"
done
for daemon in slurmctld slurmdbd mariadbd munged; do stop "$daemon"; done

[ "$(readlink /etc/slurm/slurm.conf 2>/dev/null)" = "$SLURM_CONF" ] && rm -f /etc/slurm/slurm.conf
# /etc/hosts is often a mount: rewrite its content, do not replace the file
if grep -qF "$HOSTS_MARK" /etc/hosts; then
  kept=$(grep -vF "$HOSTS_MARK" /etc/hosts)
  printf '%s\n' "$kept" > /etc/hosts
fi
[ "${1:-}" = --purge ] && rm -rf "$STATE"
say "stopped"
exit 0
