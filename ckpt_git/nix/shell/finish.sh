# TOP CHECKPOINT: fails where an output still names the base's outputs or the checkpoint.

# shellcheck source-path=SCRIPTDIR
source "${0%/*}/lib.sh"
hashes_of_base "$1" >"$work/base-hashes"
while read -r _ path; do
    if [ -e "$path" ] && grep -rlaF -D skip -f "$work/base-hashes" -- "$path" >"$work/left"; then
        fail "$(head -n 1 "$work/left") names the base's output"
    fi
done <"$work/outputs"
