# TOP CHECKPOINT: writes what the build starts from into the checkpoint.

# shellcheck source-path=SCRIPTDIR
source "${0%/*}/lib.sh"
checkpoint=$1

mkdir -p "$checkpoint/checkpoint"
copy_state "$checkpoint" sources
records >"$checkpoint/checkpoint/records"
links >"$checkpoint/checkpoint/links"

# What configure made, for a later build that may leave it out: as long as nobody has written to it since.
if [ -e "$work/configured-until" ]; then
    paths <"$work/configured" >"$work/made"
    without "$work/configured" "$checkpoint/checkpoint/records" >"$work/gone"
    (cd "$top" && xargs -0 -r sh -c \
        'find "$@" -maxdepth 0 ! -type d -cnewer .ckpt/configured-until -print0' sh) <"$work/made" >"$work/written"
    if nothing_in "$work/gone" && nothing_in "$work/written"; then
        cp "$work/configure" "$work/unconfigured" "$work/configured" "$checkpoint/checkpoint/"
    fi
fi
