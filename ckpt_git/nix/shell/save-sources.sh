# TOP CHECKPOINT: writes what the build starts from into the checkpoint.

# shellcheck source-path=SCRIPTDIR
source "${0%/*}/lib.sh"
checkpoint=$1

mkdir -p "$checkpoint/checkpoint"
copy_state "$checkpoint" sources
records >"$checkpoint/checkpoint/records"
links >"$checkpoint/checkpoint/links"
cp "$work/called" "$checkpoint/checkpoint/called"

# What configure made, for a later build that may leave it out: as long as nobody has written to it since.
if [ -e "$work/configured-until" ]; then
    without "$work/configured" "$checkpoint/checkpoint/records" >"$work/gone"
    if nothing_in "$work/gone"; then
        of_type fxl "$work/configured" | written_since configured-until >"$work/written"
        if nothing_in "$work/written"; then
            cp "$work/configure" "$work/unconfigured" "$work/configured" "$checkpoint/checkpoint/"
        fi
    fi
fi
