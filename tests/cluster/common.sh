# Sourced by up.sh and down.sh: where the cluster lives and how it is taken apart.
# shellcheck shell=bash
NODES=${CLUSTER_NODES:-2}
GPUS=${CLUSTER_GPUS:-8}
CPUS=${CLUSTER_CPUS:-64}
PORT=${CLUSTER_PORT:-17817} # slurmctld; slurmdbd is PORT+1, slurmd of node i is PORT+10+i
STATE=${CLUSTER_STATE:-${XDG_CACHE_HOME:-$HOME/.cache}/foldcp/cluster}
HOSTS_MARK="# foldcp cluster"

export SLURM_CONF=$STATE/slurm.conf
RUN=$STATE/run
LOG=$STATE/log

say() { echo "cluster: $*" >&2; }

# Exit code 77 means "cannot run here", which the test suite reports as a skip.
cannot() { say "cannot start here: $*"; exit 77; }

# pid_of NAME: print the pid of a running daemon of ours. Its program name is checked, because pids are reused.
pid_of() {
  local pid
  pid=$(cat "$RUN/$1.pid" 2>/dev/null) || return 1
  [ -n "$pid" ] && [[ $(cat "/proc/$pid/comm" 2>/dev/null) == "${1%%-*}"* ]] && echo "$pid"
}

# stop NAME: end a daemon politely, then not.
stop() {
  local pid
  if pid=$(pid_of "$1"); then
    kill "$pid" 2>/dev/null
    for _ in $(seq 50); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
    kill -9 "$pid" 2>/dev/null
  fi
  rm -f "$RUN/$1.pid"
}
