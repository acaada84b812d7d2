# TOP CHECKPOINT: keeps the state after a second build of the same sources in place of that after the
# first, where they differ and the second one wrote to no source.

# shellcheck source-path=SCRIPTDIR
source "${0%/*}/lib.sh"
checkpoint=$1

records >"$work/settled"
{
    without "$work/settled" "$work/after" | paths
    without "$work/after" "$work/settled" | paths
    written_since settling
} | sorted >"$work/settling-changed"
if nothing_in "$work/settling-changed"; then exit 0; fi

common "$work/settling-changed" "$work/paths-before" >"$work/settling-sources"
if ! nothing_in "$work/settling-sources"; then
    IFS= read -r -d '' path <"$work/settling-sources"
    say "the second build changed the source $(shown "$path"): the checkpoint is of the first"
    exit 0
fi
rm -rf -- "$checkpoint/outputs" "$checkpoint/around/outputs"
"$BASH" "${0%/*}/save.sh" "$top" "$checkpoint" "" whole
say "the checkpoint is of the second build, which left $(count "$work/settling-changed") files otherwise"
