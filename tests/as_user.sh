#!/usr/bin/env bash
# Run tests as an ordinary user, from an account of root: `tests/as_user.sh tests/kernels tests/grading tests/attacks`.
#
# The user is nobody (AS_USER=uid for another), without groups, capabilities or a home; what is temporary lies in a
# folder of its own. Where the interpreter or the fetched data lie in root's home, which others may not enter, a mount
# namespace of this run shows them alone.
set -euo pipefail
cd "$(dirname "$0")/.."
[ "$(id -u)" = 0 ] || { echo "only root can become somebody else; as yourself, say: .venv/bin/pytest $*" >&2; exit 2; }
user=${AS_USER:-65534}
own=$(mktemp -d /tmp/as-user-XXXXXX)
trap 'rm -rf "$own"' EXIT
mkdir "$own/home" "$own/tmp"
chown -R "$user:$user" "$own"
python=$(.venv/bin/python -c 'import sys; print(sys.base_prefix)')
data=$(.venv/bin/python -c 'from rlhf.cache import cache_folder; print(cache_folder())')

inside='
set -e
own=$1 user=$2 shown=("$3" "$4"); shift 4
for number in 0 1; do
    mkdir -p "$own/shown/$number" && mount --bind "${shown[$number]}" "$own/shown/$number"
done
case "${shown[*]}" in */root/*) mount -t tmpfs -o mode=755 tmpfs /root ;; esac
for number in 0 1; do
    case "${shown[$number]}" in
        /root/*) mkdir -p "${shown[$number]}" && mount --bind "$own/shown/$number" "${shown[$number]}" ;;
    esac
done
cd "$OLDPWD"
exec setpriv --reuid "$user" --regid "$user" --clear-groups --inh-caps=-all --bounding-set=-all "$@"
'
OLDPWD=$PWD HOME=$own/home TMPDIR=$own/tmp LABKIT_CACHE=$data PYTHONDONTWRITEBYTECODE=1 \
    unshare -m --propagation private bash -c "$inside" as_user "$own" "$user" "$python" "$data" \
    "$PWD/.venv/bin/python" -m pytest -p no:cacheprovider "$@"
