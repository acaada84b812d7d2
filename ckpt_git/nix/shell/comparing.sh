# Which files are others than the checkpoint's. Sourced after rewriting.sh.

# Of the list `files`, which are in both, those with another content than in the checkpoint's sources: the
# list `different`.
compare_files() {
    [ -e "$work/digests" ] && [ -e "$about/digests" ] || refuse "the sources can't be compared with the checkpoint's"
    common "$work/digests" "$about/digests" | paths_of_digests | without "$work/files" - >"$work/bytes-differ"
    # What names this build's outputs is compared as it was where they were the base's.
    found_in_files -laFZ -f "$work/rewritten-strings" -- <"$work/bytes-differ" | sorted >"$work/to-compare"
    if nothing_in "$work/to-compare"; then
        cp "$work/bytes-differ" "$work/different"
        return
    fi
    rm -rf -- "$work/as-before"
    mkdir "$work/as-before"
    (cd "$top" && xargs -0 cp --parents -t "$work/as-before" --) <"$work/to-compare"
    (cd "$work/as-before" && chmod -R u+w . && xargs -0 sed -i -f "$inverse" --) <"$work/to-compare"
    digests "$work/as-before" <"$work/to-compare" | common - "$about/digests" | paths_of_digests |
        without "$work/bytes-differ" - >"$work/different"
    rm -rf -- "$work/as-before"
}
