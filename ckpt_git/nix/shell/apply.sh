# Brings the checkpoint's state in; from here on the build can't be clean any more. Sourced by restore.sh.
#
# The sources lie there already, so only what the build made is copied. Then all that didn't change
# gets its date in the checkpoint, and what did gets one that is newer than all of them.

each_in() { nothing_in "$1" || (cd "$top" && xargs -0 -r "${@:2}") <"$1"; }

# What is in the place of a product now is a source, which a clean build would find there as well.
without "$about/products" "$work/changed" >"$work/brought"
of_type d "$work/gone" >"$work/folders-gone"

make_scratch
tar --extract --delay-directory-restore --file "$about/dates.tar" -C "$scratch" &
extracting=$!

each_in "$work/folders-gone" mkdir -p --
each_in "$about/product-folders" mkdir -p --
copy_from_checkpoint outputs <"$work/brought"

without "$about/removed" "$work/changed" >"$work/removed"
if ! nothing_in "$work/removed"; then
    of_type d "$work/records" | common - "$work/removed" | sort -zr >"$work/folders-removed"
    of_type fxl "$work/records" | common - "$work/removed" >"$work/files-removed"
    each_in "$work/files-removed" rm -f --
    each_in "$work/folders-removed" rmdir --ignore-fail-on-non-empty --
fi
each_in "$work/folders-gone" rm -rf --

wait "$extracting"
without_state() { (cd "$scratch" && xargs -0 -r rm -f --); }
{ of_type fx "$work/records" | common - "$work/changed"; of_type fxl "$work/gone"; } | without_state
nothing_in "$work/folders-gone" || (cd "$scratch" && xargs -0 -r rm -rf -- <"$work/folders-gone")

if [ -s "$program" ]; then
    common "$work/products-to-rewrite" "$work/brought" >"$work/rewritten"
    each_in "$work/rewritten" sed -i -f "$program" --
    # Their checksum is of the base's output: without them they are linked again.
    common "$about/linked-naming-outputs" "$work/brought" >"$work/linked-again"
    each_in "$work/linked-again" rm -f --
    nothing_in "$work/linked-again" || without_state <"$work/linked-again"
fi

(cd "$scratch" && find . -print0) | sorted >"$work/dated"
# What nobody may write to can't be given a date in this way.
{ grep -zaE '^. (.{0,2}|.?[0145]..) ' "$work/state" || true; } | paths_of_state | common - "$work/dated" >"$work/read-only"
each_in "$work/read-only" chmod u+w --
(cd "$scratch" && state=(*) && { [ "${#state[@]}" -eq 0 ] ||
    cp -dR --attributes-only --no-preserve=mode --preserve=timestamps -t "$top" -- "${state[@]}"; })
nothing_in "$work/read-only" || set_modes "$work/state" <"$work/read-only"
# What was brought in has these modes already.
printf -v made '^(f %o|d %o) ' "$((0666 & ~$(umask)))" "$((0777 & ~$(umask)))"
{ grep -zavE "$made" "$about/state" || true; } >"$work/other-modes"
sorted "$about/products" "$about/product-folders" | common - "$work/dated" | set_modes "$work/other-modes"

# All others have the same date, and most of them have it already.
files_not_dated "$(<"$about/date")" <"$work/state" | without - "$work/changed" | without - "$about/dated" |
    (cd "$top" && xargs -0 -r touch -c -d "@$(<"$about/date")" --)

: >"$work/now"
{ cat "$work/changed"; sorted "$work/added" "$work/deleted" | xargs -0 -r dirname -z --; } | sorted |
    (cd "$top" && xargs -0 -r touch -c -h -r "$work/now" --)
