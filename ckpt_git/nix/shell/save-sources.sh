# TOP CHECKPOINT: writes what the build starts from into the checkpoint.

# shellcheck source-path=SCRIPTDIR
source "${0%/*}/lib.sh"
checkpoint=$1

mkdir -p "$checkpoint/checkpoint"
copy_state "$checkpoint" sources
records >"$checkpoint/checkpoint/records"
links >"$checkpoint/checkpoint/links"
cp "$work/called" "$checkpoint/checkpoint/called"

# What the steps before made, for a later build that may leave them out: as long as nobody has written to
# it since.
for step in "$work"/steps/*; do
    [ -e "$step/until" ] || continue
    without "$step/made" "$checkpoint/checkpoint/records" >"$work/gone"
    nothing_in "$work/gone" || continue
    of_type fxl "$step/made" | written_since "${step#"$work/"}/until" >"$work/written"
    nothing_in "$work/written" || continue
    known=$checkpoint/checkpoint/${step#"$work/"}
    mkdir -p "$known"
    cp "$step/call" "$step/before" "$step/made" "$known/"
done
