# TOP CHECKPOINT: fails where an output still names the base's outputs, one of which is the checkpoint.

# shellcheck source-path=SCRIPTDIR
source "${0%/*}/lib.sh"
hashes "$1/checkpoint/outputs" >"$work/base-hashes"
while read -r _ path; do
    if [ -e "$path" ] && grep -rlaF -D skip -f "$work/base-hashes" -- "$path" >"$work/left"; then
        say "names the base's output: $(head -n 1 "$work/left")" >&2
        exit 1
    fi
done <"$work/outputs"
