# TOP SAVES: notes what the build is about to get (standard input), and the sources that it starts from. Its
# outputs' names count no more than their hashes do: what names the base's outputs is rewritten. SAVES is
# where the build's state is going to be kept.

# shellcheck source-path=SCRIPTDIR
source "${0%/*}/lib.sh"
source "${0%/*}/reads.sh"
while read -r name path; do
    path=${path##*/}
    printf 's|OUTPUT-%s%s|OUTPUT-%s|g\n' "$name" "$(literal_pattern "${path:32}")" "$name"
done <"$work/outputs" >"$work/own-names.sed"
without_own | sed -z -f "$work/own-names.sed" | sorted >"$work/called"

state >"$work/state"
records_of "$work/state" >"$work/records"
links >"$work/links"
of_type fx "$work/records" >"$work/files"
digests "$top" <"$work/files" >"$work/digests" || rm "$work/digests" # who needs them finds none

# Where commands are known (trust.sh), nobody asks what was read.
named "$work/files" "$knowing_commands" >"$work/generated"
if [ -n "$1" ] && nothing_in "$work/generated" && reads_show; then : >"$work/reads-show"; fi
