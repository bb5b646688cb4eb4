#!/usr/bin/env bash
# Prepares the image of the grader; Gradescope runs it once, as root, when it builds the image.
#
# It takes or installs a Python for the grader, makes an environment with NumPy for it, adds a user
# for the code of hand-ins, and closes folders to that user. The image's own python3 stays as it is:
# Gradescope's programs need it.
#
# From the environment:
#   AUTOGRADER  the folder with source/ (default: /autograder)
#   PYTHON      the Python to take, 3.11 or newer (default: one that is there, else by apt)
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
umask 022

AUTOGRADER=${AUTOGRADER:-/autograder}
SOURCE=$AUTOGRADER/source
VENV=$AUTOGRADER/venv
STUDENT=student
NEEDED='import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))'
MINORS=(11 12 13 14 15 16 17 18 19)

say() { printf 'setup.sh: %s\n' "$*"; }
fail() {
    trap - ERR
    say "$*" >&2
    exit 1
}
trap 'fail "line $LINENO failed, see above: $BASH_COMMAND"' ERR

as_student() {
    (cd / && exec setpriv --reuid="$STUDENT" --regid="$STUDENT" --clear-groups --no-new-privs "$@")
}

# A Python that is new enough, can make environments, and that other users can run.
is_fit() { command -v "$1" >/dev/null && as_student "$(command -v "$1")" -I -c "$NEEDED" 2>/dev/null; }

find_python() {
    local minor
    for minor in "${MINORS[@]}"; do
        if is_fit "python3.$minor"; then
            command -v "python3.$minor"
            return
        fi
    done
    if is_fit python3; then command -v python3; fi
}

# The oldest that the package lists have: NumPy's wheels come late for the newest.
install_python() {
    local minor
    for minor in "${MINORS[@]}"; do
        if apt-cache show "python3.$minor-venv" >/dev/null 2>&1; then
            say "installing Python 3.$minor"
            apt-get install --yes --quiet --no-install-recommends \
                "python3.$minor" "python3.$minor-venv"
            return
        fi
    done
    return 1
}

add_deadsnakes() {
    grep --quiet '^ID=ubuntu$' /etc/os-release || return 1
    say 'this Ubuntu has no Python 3.11 or newer: adding the archive ppa:deadsnakes'
    apt-get install --yes --quiet --no-install-recommends software-properties-common gpg gpg-agent
    add-apt-repository --yes ppa:deadsnakes/ppa
    apt-get update --quiet
}

# ------------------------------------------------------------------------ what must be there first

[ "$(id -u)" = 0 ] || fail 'it must run as root, as on Gradescope'
[ -f "$SOURCE/requirements.txt" ] || fail "there is no $SOURCE/requirements.txt: unpack the grader's archive there"
command -v setpriv >/dev/null || fail 'setpriv is missing: install util-linux'
own_python3=$(readlink -f "$(command -v python3 || true)" || true)
if ! id "$STUDENT" >/dev/null 2>&1; then
    useradd --system --user-group --no-create-home --home-dir /nonexistent \
        --shell /usr/sbin/nologin "$STUDENT"
fi
[ "$(id -u "$STUDENT")" != 0 ] || fail "the user $STUDENT is root: remove it from /etc/passwd"
chmod go+x "$AUTOGRADER"
as_student test -x "$AUTOGRADER" || fail "$AUTOGRADER cannot be reached by other users: a folder above it is closed"

# ------------------------------------------------------------------------------------- the Python

if [ -n "${PYTHON:-}" ]; then
    is_fit "$PYTHON" || fail "PYTHON=$PYTHON will not do: it must be 3.11 or newer, with the modules \
venv and ensurepip, and lie where other users can run it"
    python=$(command -v "$PYTHON")
else
    python=$(find_python)
    if [ -z "$python" ]; then
        apt-get update --quiet
        install_python || { add_deadsnakes && install_python; } ||
            fail 'there is no Python 3.11 or newer here, nor in the package lists: choose a newer base image, or install one and set PYTHON'
        python=$(find_python)
    fi
    [ -n "$python" ] || fail 'Python was installed, but cannot be used: choose a newer base image, or set PYTHON'
fi
say "the grader runs on $python: $("$python" -V)"
"$python" -I -m venv --clear "$VENV"
"$VENV/bin/python" -I -m pip install --quiet --no-cache-dir --only-binary :all: \
    --requirement "$SOURCE/requirements.txt" ||
    fail 'the packages of requirements.txt cannot be installed: is the network there, and has NumPy a wheel for this Python?'
[ "$(readlink -f "$(command -v python3 || true)" || true)" = "$own_python3" ] ||
    fail "python3 of the image was replaced, and Gradescope's own programs need it: choose a newer base image"

# ------------------------------------------------------------------------------ closed folders

for folder in "$SOURCE" "$AUTOGRADER/results" "$AUTOGRADER/submission"; do
    mkdir -p "$folder"
    chown root:root "$folder"
    chmod 0700 "$folder"
done
chmod -R go= "$SOURCE"

# ------------------------------------------------------------------------------ does it all hold?

as_student "$VENV/bin/python" -I -c 'import numpy, tqdm; assert (numpy.eye(2) @ [1, 2]).sum() == 3' ||
    fail "the user $STUDENT cannot run NumPy with $VENV/bin/python"
if as_student ls "$SOURCE" >/dev/null 2>&1 || as_student cat "$SOURCE/requirements.txt" >/dev/null 2>&1; then
    fail "the user $STUDENT can read $SOURCE: students' code could read what must come out"
fi
(cd "$SOURCE" && AUTOGRADER=$AUTOGRADER "$VENV/bin/python" -B -E -s -m course.autograder.gradescope --check) ||
    fail 'the grader cannot read its own files: build the archive anew, and upload it'
say 'ready'
