#!/usr/bin/env bash
# Builds and runs the grader as Gradescope does, in another system on this machine; root alone can.
#
#   debootstrap --variant=minbase --include=ca-certificates,python3 jammy jammy [MIRROR]
#   tests/support/gradescope_trial.sh jammy autograder.zip HAND_IN.zip ...
#
# SYSTEM is a folder with a system; its /autograder is made anew. The archive is unpacked and setup.sh
# runs, with the network; then each hand-in is unpacked and graded, without. All has the rights that
# root has in a container, and of control groups (version 1) the memory and processors of Gradescope's
# smallest container. From the environment: MEMORY_MB (768), CPUS (0.5), PYTHON for setup.sh.
set -euo pipefail

system=$(realpath "$1")
archive=$(realpath "$2")
shift 2
memory_mb=${MEMORY_MB:-768}
cpus=${CPUS:-0.5}
place=$system/autograder
group=gradescope-trial-$$
rights=-all,+chown,+dac_override,+fowner,+fsetid,+kill,+setgid,+setuid,+setpcap,+net_bind_service
rights+=,+net_raw,+sys_chroot,+mknod,+audit_write,+setfcap

memory=/sys/fs/cgroup/memory/$group
cpu=/sys/fs/cgroup/cpu/$group
mkdir "$memory" "$cpu"
trap 'rmdir "$memory" "$cpu"' EXIT
echo "${memory_mb}M" >"$memory/memory.limit_in_bytes"
awk -v n="$cpus" 'BEGIN { print int(100000 * n) }' >"$cpu/cpu.cfs_quota_us"

# A command in the system, as root in a container: with processes of its own, and few rights.
inside() {
    # shellcheck disable=SC2016
    unshare --mount --pid --fork --kill-child "${network[@]}" bash -c '
        system=$1 rights=$2; shift 2
        mount -t proc proc "$system/proc"
        exec setpriv --bounding-set="$rights" --inh-caps=-all chroot "$system" \
            env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
    ' - "$system" "$rights" "$@"
}

# The same within the limits, timed.
limited() {
    local start=$EPOCHREALTIME status=0
    echo 0 >"$memory/memory.max_usage_in_bytes"
    (
        echo "$BASHPID" >"$memory/tasks"
        echo "$BASHPID" >"$cpu/tasks"
        inside "$@"
    ) || status=$?
    awk -v a="$start" -v b="$EPOCHREALTIME" -v m="$(<"$memory/memory.max_usage_in_bytes")" \
        -v s="$status" 'BEGIN { printf "status %d, %.1f s, at most %d MB with files\n", s, b - a, m / 2^20 }'
    return "$status"
}

rm -rf "$place"
mkdir -p "$place/source"
unzip -q "$archive" -d "$place/source"
cp "$place/source/run_autograder" "$place/run_autograder"
cp /etc/resolv.conf "$system/etc/resolv.conf"
mkdir -p "$system/etc/ssl/certs"
cp /etc/ssl/certs/ca-certificates.crt "$system/etc/ssl/certs/"

echo "=== setup.sh in $(sed -n 's/^PRETTY_NAME=//p' "$system/etc/os-release")"
network=()
limited ${PYTHON:+PYTHON="$PYTHON"} bash /autograder/source/setup.sh

network=(--net)
for hand_in; do
    echo "=== $hand_in"
    rm -rf "$place/submission" "$place/results"
    mkdir "$place/submission" "$place/results"
    unzip -q "$hand_in" -d "$place/submission"
    echo '{"users": [{"name": "Ada", "email": "ada@example.org"}]}' >"$place/submission_metadata.json"
    limited bash -c 'cd /autograder && ./run_autograder'
    python3 - "$place/results/results.json" <<'EOF'
import json, sys
table = json.load(open(sys.argv[1]))
tests = table.get("tests", [])
points = sum(test["score"] for test in tests)
print(f"{points:g} points, {sum(test['status'] == 'passed' for test in tests)} of {len(tests)} pass,",
      f"graded in {table.get('execution_time', '?')} s:", table["output"].splitlines()[0])
EOF
done
