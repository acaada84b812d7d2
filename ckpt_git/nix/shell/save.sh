# TOP CHECKPOINT BASE-CHECKPOINT WHOLE: writes what the build left into the checkpoint, and what is needed
# to trust it and to bring it in. BASE-CHECKPOINT is empty where the build was clean; WHOLE is where
# `outputs` is to have the sources as well, which nobody brings in from there. The build goes on with
# its state as it was.

# shellcheck source-path=SCRIPTDIR
source "${0%/*}/lib.sh"
source "${0%/*}/reads.sh"
checkpoint=$1
base=$2
whole=$3
about=$checkpoint/checkpoint
folder=$(relative_folder)
make_scratch
# Before anything else is read.
if [ -e "$work/reads-show" ]; then files_read >"$work/read-now"; fi

# Files and folders that nobody may read or enter can't be copied.
: >"$work/unreadable"
make_unreadable() {
    local mode path
    while IFS=' ' read -r -d '' mode path; do chmod "$mode" -- "$top/$path"; done <"$work/unreadable"
}
trap 'wait; make_unreadable; rm -rf -- "$scratch"' EXIT
if ! state >"$work/state" 2>/dev/null || grep -qzaE '^. (.{0,2}|.?[0-3]..) ' "$work/state"; then
    found ! -type l ! -perm -u=r -printf '%m %p\0' -exec chmod u+r {} \; >"$work/unreadable"
    state >"$work/state"
fi

records_of "$work/state" >"$work/after"
paths <"$about/records" >"$work/paths-before"
paths <"$work/after" >"$work/paths-after"

of_type fx "$work/after" >"$work/files-after"
written_since building | common - "$work/files-after" >"$work/written-now"

# Sources that the build wrote to. Those that an earlier build wrote to count too, unless they have been
# changed since.
{
    cat "$work/written-now"
    if [ -e "$work/restored" ]; then without "$base/checkpoint/altered" "$work/changed"; fi
} | sorted >"$work/written"
common "$work/written" "$work/paths-before" >"$about/altered"

{ without "$work/after" "$about/records" | paths; cat "$about/altered"; } | sorted >"$work/products"
of_type d "$work/after" >"$work/folders"
common "$work/products" "$work/folders" >"$about/product-folders"
without "$work/products" "$work/folders" >"$about/products"
without "$work/paths-before" "$work/paths-after" >"$about/removed"

# The sources that were read, by this build or one that it goes back to; known where it was seen in each.
if [ -e "$work/reads-show" ] && { ! [ -e "$work/restored" ] || [ -e "$base/checkpoint/read" ]; }; then
    {
        cat "$work/read-now" "$work/written-now" "$about/removed"
        if [ -e "$work/restored" ]; then cat "$base/checkpoint/read"; fi
        if [ -e "$about/read" ]; then cat "$about/read"; fi
    } | sorted | common - "$work/paths-before" >"$work/read"
    cp "$work/read" "$about/read"
else
    rm -f -- "$about/read"
fi

# In the store all dates are 1, and modes are two. Most sources have one date; those of the rest, and of all that
# the build made, are those of empty files in an archive.
save_dates() {
    local date
    cp "$work/state" "$about/state"
    cut -z -d ' ' -f 3 -- "$work/state" | sort -z | uniq -zc | sort -zn >"$work/dates"
    date=$(tail -zn 1 -- "$work/dates" | tr -d '\0' | sed 's/^ *[0-9]* //')
    printf '%s' "$date" >"$about/date"
    { files_not_dated "$date" <"$work/state"; common "$work/files-after" "$about/products"; } | sorted >"$about/dated"
    xargs -0 -r dirname -z -- <"$about/dated" | sorted | (cd "$scratch" && xargs -0 -r mkdir -p --)
    (cd "$top" && on_each cp --attributes-only --no-preserve=mode --preserve=timestamps --parents -t "$scratch" -- <"$about/dated")
    tar --format=posix --null --no-recursion --verbatim-files-from --mode=u+rwx -C "$top" --files-from "$work/folders" \
        -C "$scratch" --files-from "$about/dated" -cf "$about/dates.tar"
    sed -z 's/^ *[0-9]* //' "$work/dates" | sort -zn | tail -zn 1 | tr -d '\0' >"$about/newest"
}
save_dates &
saving_dates=$!
if [ -n "$whole" ]; then copy_state "$checkpoint" outputs; else copy_state "$checkpoint" outputs "$about/products"; fi
wait "$saving_dates"

# The paths from the top of the files below the checkpoint's `sources` or `outputs` ($1) that are in `naming`.
naming_outputs() {
    sed -z -n -e "s|^$(literal_pattern "$checkpoint/around/$1")/|./|p" \
        -e "s|^$(literal_pattern "$checkpoint/$1")/|$(literal_replacement "$folder")/|p" "$work/naming" | sorted
}
# Files that name this build's outputs. Of those that have one compressed, what is as it was in the base was
# looked through when that was saved.
hashes "$work/outputs" >"$work/hashes"
source "${0%/*}/compressed.sh"
if [ -e "$work/restored" ]; then
    sorted "$work/written-now" "$work/changed" | common - "$work/files-after"
else
    cat "$work/files-after"
fi | compressed_naming "$work/hashes" >"$about/compressed-naming-outputs" &
looking_through=$!

# The rest are to be rewritten when they are brought in; of these, those that are linked and carry a checksum of
# themselves have to be linked anew. Of the base none is to be named.
if [ -n "$base" ] && [ -e "$base/checkpoint/outputs" ]; then hashes_of_base "$base"; fi >"$work/base-hashes"
find "$checkpoint" -type f -print0 |
    { on_each grep -laFZ -f "$work/hashes" -f "$work/base-hashes" -- || true; } | sorted >"$work/naming"
xargs -0 -r grep -laF -f "$work/base-hashes" -- <"$work/naming" >"$work/left" || true
if ! nothing_in "$work/left"; then
    fail "$(head -n 1 "$work/left") still names the checkpoint that it was built from"
fi
naming_outputs sources >"$about/sources-naming-outputs"
naming_outputs outputs | common - "$about/products" >"$about/products-naming-outputs"
found_in_files -laFZ -e .note.gnu.build-id -- <"$about/products-naming-outputs" |
    sorted >"$about/linked-naming-outputs"

wait "$looking_through"

# `format` is what restore.sh asks for first, so it comes last.
cp "$work/outputs" "$about/outputs"
printf '%s' "$top" >"$about/top"
printf '%s' "$folder" >"$about/folder"
cp "$work/root" "$about/root"
printf '3\n' >"$about/format"
