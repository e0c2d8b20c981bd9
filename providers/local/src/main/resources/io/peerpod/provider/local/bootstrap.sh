# SPDX-License-Identifier: Apache-2.0
# Runs as the first process of a pod VM of the local cloud, in namespaces of its own, until it becomes the VM's init ("$@").
# It takes one step a line from standard input, fields separated by tabs, and answers each on standard output. It ends with
# its input: when the process that makes the VM is killed before the last step, nothing of the VM stays.
set -u
tab=$(printf '\t')
# The proc file system is still the machine's, so this is the process's number there. No command is run for it: it would have its own.
IFS=' ' read -r pid rest </proc/self/stat || exit 1
echo "pid $pid"

step() {
    case $1 in
    folder) mkdir -p -- "$2" ;;
    file) mkdir -p -- "${2%/*}" && : >>"$2" ;;
    tmpfs) mount -n -t tmpfs -o "$3" peerpod-vm "$2" ;;
    bind) mount -n --bind -- "$2" "$3" ;;
    move) mount -n --move -- "$2" "$3" ;;
    proc) mount -n -t proc -o nosuid,nodev,noexec proc /proc ;;
    *) echo "unknown step" >&2 && return 1 ;;
    esac
}

while IFS=$tab read -r verb first second; do
    if [ "$verb" = init ]; then
        # Standard error is the console already.
        exec "$@" </dev/null >&2
    fi
    if ! why=$(step "$verb" "$first" "$second" 2>&1); then
        echo "failed $verb $first $second: $why"
        exit 1
    fi
    echo "done $verb"
done
exit 1
