#!/usr/bin/env bash
# Runs a command on a Ray cluster that lives as long as the SLURM job (docs/cluster.md):
#   sbatch --nodes=3 --gpus-per-node=4 --cpus-per-task=16 --time=12:00:00 cluster/slurm.sh \
#     overthink run table-3-1-cifar100 --engine ray --resources gpu=0.5
#SBATCH --ntasks-per-node=1
#SBATCH --signal=B:TERM@120
#SBATCH --open-mode=append
set -euo pipefail

fail() {
  echo "slurm.sh: $1" >&2
  exit "${2:-1}"
}

(($#)) || fail "no command given; use: sbatch [options] cluster/slurm.sh overthink run ... --engine ray" 2
[ -n "${SLURM_JOB_ID:+${SLURMD_NODENAME:-}}" ] || fail "not a SLURM job; submit it with sbatch" 2
command -v ray >/dev/null || fail "no 'ray' on PATH; activate the environment of overthink[ray] before sbatch" 2

join_seconds=${OVERTHINK_JOIN_SECONDS:-300}
folder=$(realpath -m "${OVERTHINK_STATE:-.overthink}")/slurm-$SLURM_JOB_ID
log=$folder/ray.log
cluster=
command=
interrupted=

terminate() {
  interrupted=1
  [ -n "$command" ] || exit 143
  kill -TERM "$command" 2>/dev/null || true
}

exit_code_of() { # waits again if a signal interrupted the wait
  local code
  while true; do
    interrupted=
    code=0
    wait "$1" || code=$?
    [ -n "$interrupted" ] || return "$code"
  done
}

tidy() {
  trap '' TERM INT
  rm -f "$folder/token" || true
  exec 3>&- # which ends the cluster
  [ -z "$cluster" ] || wait "$cluster" || true
  rm -rf "$folder" || true # fails on NFS while srun has files open there; the job's exit code must not depend on it
}

ray_node() { # one on each node, until the end of its input: a signal from SLURM would end all of Ray's processes at once
  set -euo pipefail
  local head=$1 port=$2 place ray input
  temp=$(mktemp -d "/tmp/ov-$SLURM_JOB_ID-XXXXXX") # not TMPDIR: the paths of Ray's sockets must be short
  trap 'rm -rf "$temp"' EXIT
  trap 'exit 143' TERM
  place=(--address="$head:$port")
  if ((SLURM_NODEID == 0)); then
    place=(--head --node-ip-address="$head" --port="$port" --include-dashboard=false)
    if python3 -c "import grpc" 2>/dev/null; then # with grpc, Ray always serves remote clients
      place+=(--ray-client-server-port="$((port + 1))")
    fi
  fi
  ray start "${place[@]}" --num-cpus="$SLURM_CPUS_ON_NODE" --num-gpus="${SLURM_GPUS_ON_NODE:-0}" \
    --dashboard-agent-listen-port=0 --temp-dir="$temp/ray" --block </dev/null &
  ray=$!
  cat <&0 >/dev/null &
  input=$!
  wait -n "$ray" "$input" || true
  kill -TERM "$ray" "$input" 2>/dev/null || true
  for _ in {1..50}; do # Ray stops its processes in about 2 s, then sometimes waits 30 s more for a head that is gone
    kill -0 "$ray" 2>/dev/null || break
    sleep 0.1
  done
  kill -KILL "$ray" 2>/dev/null || true
  wait "$ray"
}

trap terminate TERM INT
trap tidy EXIT
rm -rf "$folder" # of the same job, before it was requeued
mkdir -p "$(dirname "$folder")"
mkdir -m 700 "$folder"
(umask 077 && od -An -N32 -tx1 /dev/urandom | tr -d ' \n' >"$folder/token")

unset RAY_ADDRESS RAY_AUTH_TOKEN
export RAY_AUTH_MODE=token RAY_AUTH_TOKEN_PATH=$folder/token RAY_USAGE_STATS_ENABLED=0
export RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S=0 # at the end, nodes would wait 30 s for a head that is gone
port=$((20000 + 2 * (SLURM_JOB_ID % 6000))) # below Linux's range of temporary ports, which Ray's other ports come from
last_node=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | tail -n 1)
last_address=$(scontrol --oneliner show node "$last_node" | grep -o "NodeAddr=[^ ]*" | cut -d= -f2)
head=$(
  python3 - "$last_address" <<'PYTHON'
import socket, sys

with socket.socket(type=socket.SOCK_DGRAM) as towards:  # our address on the network that the nodes share; sends nothing
    towards.connect((sys.argv[1], 9))
    print(towards.getsockname()[0])
PYTHON
)
mkfifo "$folder/input"
exec 3<>"$folder/input"
: >"$log"
srun --export=ALL --overlap --nodes="$SLURM_JOB_NUM_NODES" --ntasks="$SLURM_JOB_NUM_NODES" --ntasks-per-node=1 \
  --cpu-bind=none --kill-on-bad-exit=0 --wait=0 bash -c "$(declare -f ray_node); ray_node $head $port" <"$folder/input" >"$log" 2>&1 3>&- &
cluster=$!

begun=$SECONDS
until (($(grep -c "Ray runtime started" "$log" || true) >= SLURM_JOB_NUM_NODES)); do
  if ! kill -0 "$cluster" 2>/dev/null || ((SECONDS - begun > join_seconds)); then
    tail -n 30 "$log" >&2
    fail "not all of the $SLURM_JOB_NUM_NODES nodes joined the Ray cluster within $join_seconds s; see their messages above"
  fi
  sleep 0.5
done

RAY_ADDRESS=$head:$port "$@" 3>&- &
command=$!
exit_code_of "$command"
