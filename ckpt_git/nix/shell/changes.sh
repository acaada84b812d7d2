# What is different between the sources in the checkpoint and those that lie ready. Sourced by restore.sh;
# leaves the lists `modified`, `added` and `deleted`.

source "${0%/*}/comparing.sh"

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

of_type fx "$about/records" >"$work/files-before"
of_type fx "$work/records" | common - "$work/files-before" >"$work/files"
compare_files

sort -zu "$work/different" "$work/other-type" >"$work/modified"
sort -zu "$work/modified" "$work/added" >"$work/changed"
