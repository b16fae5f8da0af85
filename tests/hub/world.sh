#!/usr/bin/env bash
# Run a command where the users of a hub are users of the machine: `world.sh FOLDER COMMAND…`, from an account of root.
#
# A mount namespace of this run alone shows them: FOLDER/passwd and FOLDER/group stand in place of the machine's, and
# nothing of the machine is changed. An interpreter in root's home, which others may not enter, is shown to all. What a
# student's machine never has (answers, banks) is not there: the course of the hub is in FOLDER.
set -euo pipefail
[ "$(id -u)" = 0 ] || { echo "only root can be several users" >&2; exit 2; }
repository=$(cd "$(dirname "$0")/../.." && pwd)
python=$("$repository/.venv/bin/python" -c 'import sys; print(sys.base_prefix)')

inside='
set -e
folder=$1 repository=$2 python=$3; shift 3
mkdir -p "$folder/shown"
mount --bind "$python" "$folder/shown"
case "$python" in
    /root/*) mount -t tmpfs -o mode=755 tmpfs /root; mkdir -p "$python"; mount --bind "$folder/shown" "$python" ;;
esac
for name in passwd group; do mount --bind "$folder/$name" "/etc/$name"; done
for name in solutions quizzes class build work; do
    [ ! -d "$repository/$name" ] || mount -t tmpfs -o mode=755 tmpfs "$repository/$name"
done
exec "$@"
'
# It is ended when who started it ends, however that is: no hub outlives its tests.
exec setpriv --pdeathsig TERM unshare -m --propagation private bash -c "$inside" world "$1" "$repository" "$python" "${@:2}"
