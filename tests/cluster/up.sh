#!/usr/bin/env bash
# Start a SLURM cluster on this one machine, to test and rehearse campaigns on: munge, mariadb + slurmdbd (so that
# sacct works), slurmctld, and virtual nodes with fake GPUs. Needs root, but no systemd, containers or cgroups.
#
#   eval "$(tests/cluster/up.sh)"     exports SLURM_CONF; running it again is harmless
#   tests/cluster/down.sh             stops it
#
# Partitions: gpu (default), and low, whose jobs are requeued when gpu needs the nodes.
# Exit codes: 0 up, 1 failed, 77 cannot run on this machine (the reason is on stderr).
# Settings: CLUSTER_NODES (2), CLUSTER_GPUS per node (8), CLUSTER_CPUS per node (64), CLUSTER_PORT, CLUSTER_STATE (folder).
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source "$HERE/common.sh"

fail() { say "FAILED: $*"; tail -n 3 "$LOG"/*.log >&2 2>/dev/null || true; exit 1; }

# wait_for WHAT SECONDS COMMAND...: until the command succeeds.
wait_for() {
  local what=$1 seconds=$2; shift 2
  for _ in $(seq $((seconds * 5))); do "$@" >/dev/null 2>&1 && return; sleep 0.2; done
  fail "$what is not up after $seconds s"
}

# Start a daemon that stays in the foreground, so that it outlives this shell.
background() {
  local name=$1; shift
  setsid nohup "$@" </dev/null >>"$LOG/$name.out.log" 2>&1 &
  echo $! > "$RUN/$name.pid"
}

node_names() { for i in $(seq 0 $((NODES - 1))); do echo "fold$i"; done; }

install_packages() {
  local missing=() program
  for program in munged slurmctld slurmd sbatch slurmdbd mariadbd; do
    command -v "$program" >/dev/null || missing+=("$program")
  done
  [ ${#missing[@]} = 0 ] && return
  command -v apt-get >/dev/null || cannot "no ${missing[*]}, and no apt-get to install them with"
  say "installing Debian packages, because there is no ${missing[*]}"
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
      munge slurmctld slurmd slurm-client slurmdbd mariadb-server-core; } >"$LOG/apt.log" 2>&1 \
    || cannot "apt-get failed: $(tail -n 1 "$LOG/apt.log")"
}

# slurmd takes only character devices as GPUs; with plain files CUDA_VISIBLE_DEVICES stays unset. Aliases of /dev/null do.
make_gpus() {
  local gpu
  for i in $(seq 0 $((GPUS - 1))); do
    gpu=$STATE/gpu/gpu$i
    [ -c "$gpu" ] || mknod -m 666 "$gpu" c 1 3 || cannot "mknod is not permitted (fake GPUs are device files)"
  done
}

fill() { # fill TEMPLATE OUTPUT: replace @NAME@
  sed -e "s|@STATE@|$STATE|g" -e "s|@HOST@|$(hostname -s)|g" -e "s|@PORT@|$PORT|g" -e "s|@DBD_PORT@|$((PORT + 1))|g" \
    "$HERE/$1" > "$2"
}

write_configuration() {
  fill slurm.conf.in "$STATE/slurm.conf"
  local i=0 name
  for name in $(node_names); do
    echo "NodeName=$name NodeHostname=$(hostname -s) NodeAddr=127.0.0.1 Port=$((PORT + 10 + i)) CPUs=$CPUS" \
      "RealMemory=256000 Gres=gpu:$GPUS State=UNKNOWN" >> "$STATE/slurm.conf"
    i=$((i + 1))
  done
  echo "AutoDetect=off" > "$STATE/gres.conf"
  echo "NodeName=fold[0-$((NODES - 1))] Name=gpu File=$STATE/gpu/gpu[0-$((GPUS - 1))]" >> "$STATE/gres.conf"
  echo "CgroupAutomount=no" > "$STATE/cgroup.conf"
  fill slurmdbd.conf.in "$STATE/slurmdbd.conf"
  fill mariadb.cnf.in "$STATE/mariadb.cnf"
  chmod 600 "$STATE/slurmdbd.conf"
}

# Two things jobs rely on: job steps of other programs read the default path, and ranks find each other by node name.
announce() {
  mkdir -p /etc/slurm
  if [ -L /etc/slurm/slurm.conf ] || [ ! -e /etc/slurm/slurm.conf ]; then
    ln -sfn "$SLURM_CONF" /etc/slurm/slurm.conf
  else
    cannot "/etc/slurm/slurm.conf exists: this machine seems to belong to a real cluster"
  fi
  local line
  line="127.0.0.1 $(node_names | tr '\n' ' ')$HOSTS_MARK"
  grep -qxF "$line" /etc/hosts || echo "$line" >> /etc/hosts
}

start_munge() {
  [ -s "$RUN/munge.key" ] || (umask 077 && head -c 1024 /dev/urandom > "$RUN/munge.key")
  pid_of munged >/dev/null || {
    rm -f "$RUN"/munge.socket*
    munged --force --key-file="$RUN/munge.key" --socket="$RUN/munge.socket" --pid-file="$RUN/munged.pid" \
      --seed-file="$RUN/munge.seed" --log-file="$LOG/munged.log" 2>>"$LOG/munged.out.log" || fail "munged"
  }
  wait_for munge 10 sh -c "munge -n -S '$RUN/munge.socket' | unmunge -S '$RUN/munge.socket'"
}

start_accounting() {
  pid_of mariadbd >/dev/null || {
    if [ ! -d "$STATE/db/mysql" ]; then # what mariadb-install-db does; that script needs the large client package
      mkdir -p "$STATE/db/mysql"
      { echo "use mysql;"; cat /usr/share/mysql/mysql_system_tables.sql; } |
        mariadbd --defaults-file="$STATE/mariadb.cnf" --bootstrap >"$LOG/mariadb-install.log" 2>&1 ||
        { rm -rf "$STATE/db"; fail "mariadbd --bootstrap"; }
    fi
    rm -f "$RUN/mariadb.sock"
    background mariadbd mariadbd --defaults-file="$STATE/mariadb.cnf"
  }
  wait_for mariadb 60 test -S "$RUN/mariadb.sock"
  # libmariadb looks for the socket of host "localhost" in MYSQL_UNIX_PORT
  pid_of slurmdbd >/dev/null || MYSQL_UNIX_PORT=$RUN/mariadb.sock background slurmdbd slurmdbd -D
  # -i and /dev/null everywhere: at end of input sacctmgr asks its question for ever
  wait_for slurmdbd 60 sh -c "timeout 10 sacctmgr -n -P -i list cluster </dev/null"
  manage() { timeout 20 sacctmgr -i "$@" </dev/null >>"$LOG/sacctmgr.log" 2>&1 || true; }
  if ! timeout 20 sacctmgr -n -P -i list assoc format=account,user </dev/null | grep -q "lab|root"; then
    manage add cluster local
    manage add account lab Cluster=local Description=lab Organization=lab
    manage add user root Account=lab DefaultAccount=lab
  fi
}

start_slurm() {
  pid_of slurmctld >/dev/null || slurmctld -f "$SLURM_CONF" || fail "slurmctld"
  wait_for slurmctld 30 sh -c "scontrol ping | grep -q UP"
  local name
  for name in $(node_names); do
    mkdir -p "$STATE/spool/$name"
    pid_of "slurmd-$name" >/dev/null || slurmd -f "$SLURM_CONF" -N "$name" || fail "slurmd of $name"
  done
  all_up() { [ "$(sinfo -h -N -p gpu -t idle,mix,alloc -o %N | sort -u | wc -l)" = "$NODES" ]; }
  wait_for "every node" 60 all_up
}

[ "$(id -u)" = 0 ] || cannot "it needs root: slurmd and munged start processes for users"
[ ${#STATE} -le 80 ] || cannot "the path $STATE is too long for a socket; set CLUSTER_STATE to a shorter one"
umask 022
mkdir -p "$RUN" "$LOG" "$STATE"/{ctld,gpu,db,spool}
install_packages
make_gpus
write_configuration
announce
start_munge
start_accounting
start_slurm
say "up after $SECONDS s: $(sinfo -h -p gpu -o '%D nodes, %c CPUs and %G each, %t')"
echo "export SLURM_CONF=$SLURM_CONF"
