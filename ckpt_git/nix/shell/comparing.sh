# Which files are others than the checkpoint's. Sourced after rewriting.sh.

# The paths, one a line, that diff finds different below two folders. Both are followed by the same
# path, so its length follows from the line's; a name with a newline gives lines that aren't of that form.
differing() {
    local old=$1 new=$2 within=$3 line length path status=0
    [ -d "$new" ] || return 0
    diff -rq --no-dereference -- "$old" "$new" >"$work/differing" || status=$?
    [ "$status" -le 1 ] || refuse "the sources can't be compared with the checkpoint's"
    while IFS= read -r line; do
        length=$(((${#line} - ${#old} - ${#new} - 20) / 2))
        [ "$length" -gt 0 ] || continue
        path=${line:7+${#old}:length}
        if [ "$line" = "Files $old/$path and $new/$path differ" ]; then printf '%s\0' "$within/$path"; fi
    done <"$work/differing"
}

# Of the list `files`, which are in both, those with another content in the checkpoint's `sources`: the
# list `different`.
compare_files() {
    local path found
    {
        if [ "$folder" != . ]; then differing "$checkpoint/around/sources" "$top" .; fi
        differing "$checkpoint/sources" "$top/${folder#./}" "$folder"
        (cd "$top" && find . -path $'*\n*' -type f -print0) | sorted | common - "$work/files" >"$work/odd-names"
        while IFS= read -r -d '' path; do
            in_state "$checkpoint" sources "$folder" "$path"
            cmp -s -- "$found" "$top/$path" ||
                printf '%s\0' "$path"
        done <"$work/odd-names"
    } | sorted >"$work/bytes-differ"
    # Those that name the base's outputs are the same where they are after the rewriting.
    common "$work/sources-to-rewrite" "$work/files" >"$work/to-compare"
    while IFS= read -r -d '' path; do
        in_state "$checkpoint" sources "$folder" "$path"
        if sed -f "$program" -- "$found" | cmp -s - "$top/$path"; then
            printf '%s\0' "$path"
        fi
    done <"$work/to-compare" >"$work/same"
    without "$work/bytes-differ" "$work/same" >"$work/different"
}
