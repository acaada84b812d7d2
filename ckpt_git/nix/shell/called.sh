# TOP: notes what the build is about to get (standard input). Its outputs' names count no more than
# their hashes do: what names the base's outputs is rewritten.

# shellcheck source-path=SCRIPTDIR
source "${0%/*}/lib.sh"
while read -r name path; do
    path=${path##*/}
    printf 's|OUTPUT-%s%s|OUTPUT-%s|g\n' "$name" "$(literal_pattern "${path:32}")" "$name"
done <"$work/outputs" >"$work/own-names.sed"
without_own | sed -z -f "$work/own-names.sed" | sorted >"$work/called"
