# TOP CHECKPOINT WHOLE: writes what the build starts from into the checkpoint. WHOLE is where `sources` is to
# have all of it; else it has what a later build may bring in from there, or look up.

# shellcheck source-path=SCRIPTDIR
source "${0%/*}/lib.sh"
checkpoint=$1
whole=$2
about=$checkpoint/checkpoint

mkdir -p "$about"
[ -e "$work/digests" ] || fail "its sources can't be read"
cp "$work/records" "$work/links" "$work/digests" "$work/called" "$about/"

# What the steps before made, for a later build that may leave them out: as long as nobody has written to
# it since.
for step in "$work"/steps/*; do
    [ -e "$step/until" ] || continue
    without "$step/made" "$about/records" >"$work/gone"
    nothing_in "$work/gone" || continue
    of_type fxl "$step/made" >"$work/made"
    written_since "${step#"$work/"}/until" | common - "$work/made" >"$work/written"
    nothing_in "$work/written" || continue
    known=$about/${step#"$work/"}
    mkdir -p "$known"
    cp "$step/call" "$step/before" "$step/made" "$known/"
done

if [ -n "$whole" ]; then
    copy_state "$checkpoint" sources
else
    {
        for made in "$about"/steps/*/made; do of_type fxl "$made"; done
        named "$work/files" "$generated_rules"
    } | sorted >"$work/sources-kept"
    copy_state "$checkpoint" sources "$work/sources-kept"
fi
