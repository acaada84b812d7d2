# What is different between the sources in the checkpoint and those that lie ready. Sourced by restore.sh;
# leaves the lists `modified`, `added` and `deleted`.

source "${0%/*}/comparing.sh"

paths <"$work/records" >"$work/paths"

without "$about/records" "$work/records" >"$work/gone"
without "$work/records" "$about/records" >"$work/come"
paths <"$work/gone" >"$work/paths-gone"
paths <"$work/come" >"$work/paths-come"
common "$work/paths-gone" "$work/paths-come" >"$work/other-type"
without "$work/paths-gone" "$work/other-type" >"$work/deleted"
without "$work/paths-come" "$work/other-type" >"$work/added"

# A build tool looks through a link: the date of the file that it leads to now is the one that counts.
without "$work/links" "$about/links" >"$work/links-otherwise"
: >"$work/links-changed"
if ! nothing_in "$work/links-otherwise"; then
    sed -z 's/ -> .*//' "$work/links-otherwise" | sorted >"$work/links-come"
    of_type l "$about/records" | common - "$work/links-come" >"$work/links-changed"
fi
while IFS= read -r -d '' path; do
    found=$(readlink -f -- "$top/$path") || found=
    [[ -f $found && $found == "$top"/* ]] || refuse "the link $(shown "$path") changed, and leads to no file of the sources"
    printf '.%s\0' "${found#"$top"}"
done <"$work/links-changed" >"$work/linked-to"
if ! nothing_in "$work/other-type"; then
    { of_type dl "$work/gone"; of_type dl "$work/come"; } | sorted | common - "$work/other-type" >"$work/retyped"
    nothing_in "$work/retyped" || refuse "$(first_of "$work/retyped") became another kind of file"
fi

of_type fx "$about/records" >"$work/files-before"
of_type fx "$work/records" | common - "$work/files-before" >"$work/files"
compare_files

sorted "$work/different" "$work/other-type" "$work/links-changed" "$work/linked-to" >"$work/modified"
sorted "$work/modified" "$work/added" >"$work/changed"
