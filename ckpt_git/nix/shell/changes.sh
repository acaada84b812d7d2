# What is different between the sources in the checkpoint and those that lie ready. Sourced by restore.sh;
# leaves the lists `modified`, `added` and `deleted`.

records >"$work/records"
links >"$work/links"
paths <"$work/records" >"$work/paths"

without "$about/records" "$work/records" >"$work/gone"
without "$work/records" "$about/records" >"$work/come"
paths <"$work/gone" >"$work/paths-gone"
paths <"$work/come" >"$work/paths-come"
common "$work/paths-gone" "$work/paths-come" >"$work/other-type"
without "$work/paths-gone" "$work/other-type" >"$work/deleted"
without "$work/paths-come" "$work/other-type" >"$work/added"

# No date tells a build tool of these, since it looks through links.
without "$about/links" "$work/links" | sed -z 's/ -> .*//' >"$work/links-gone"
nothing_in "$work/links-gone" || refuse "the link $(first_of "$work/links-gone") changed or went"
{ of_type dl "$work/gone"; of_type dl "$work/come"; } | sorted >"$work/no-files"
common "$work/no-files" "$work/other-type" >"$work/retyped"
nothing_in "$work/retyped" || refuse "$(first_of "$work/retyped") became another kind of file"

# The paths, one a line, that diff finds different below two folders. Both are followed by the same
# path, so its length follows from the line's; a name with a newline gives lines that aren't of that form.
differing() {
    local old=$1 new=$2 within=$3 line length path status=0
    diff -rq --no-dereference -- "$old" "$new" >"$work/differing" || status=$?
    [ "$status" -le 1 ] || refuse "the sources can't be compared with the checkpoint's"
    while IFS= read -r line; do
        length=$(((${#line} - ${#old} - ${#new} - 20) / 2))
        [ "$length" -gt 0 ] || continue
        path=${line:7+${#old}:length}
        if [ "$line" = "Files $old/$path and $new/$path differ" ]; then printf '%s\0' "$within/$path"; fi
    done <"$work/differing"
}

of_type fx "$about/records" >"$work/files-before"
of_type fx "$work/records" | common - "$work/files-before" >"$work/files"

{
    if [ "$folder" != . ]; then differing "$checkpoint/around/sources" "$top" .; fi
    differing "$checkpoint/sources" "$top/${folder#./}" "$folder"
    (cd "$top" && find . -path $'*\n*' -type f -print0) | sorted | common - "$work/files" >"$work/odd-names"
    while IFS= read -r -d '' path; do
        in_state "$checkpoint" sources "$folder" "$path"
        cmp -s -- "$found" "$top/$path" ||
            printf '%s\0' "$path"
    done <"$work/odd-names"
} | sorted >"$work/different"

# Those that name the base's outputs are the same where they are after the rewriting.
common "$work/sources-to-rewrite" "$work/files" >"$work/to-compare"
while IFS= read -r -d '' path; do
    in_state "$checkpoint" sources "$folder" "$path"
    if sed -f "$program" -- "$found" | cmp -s - "$top/$path"; then
        printf '%s\0' "$path"
    fi
done <"$work/to-compare" >"$work/same"

{ without "$work/different" "$work/same"; cat "$work/other-type"; } | sorted >"$work/modified"
sort -zu "$work/modified" "$work/added" >"$work/changed"
