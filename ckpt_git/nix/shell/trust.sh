# Whether a build tool can be trusted to notice all that changed. Sourced by restore.sh; refuses where
# it is known that it might not.
#
# Ninja, and the Makefiles that CMake writes, know which commands and which lists of files they ran
# with, and the sources were just configured from nothing. Any other make goes by dates alone: it
# doesn't see that a command changed, or that a prerequisite is gone.

c_header='[^/]*\.(h|hh|hpp|hxx|H|inc|inl|ipp|tcc|def)'
c_source='[^/]*\.(c|cc|cp|cpp|cxx|C|m|mm|s|S|asm|f|F|f90|F90|cu|d|h|hh|hpp|hxx|H|inl|ipp|tcc)'
makefile='([Mm]akefile[^/]*|GNUmakefile|Kbuild[^/]*|[^/]*\.(mk|mak|make))'
prose='([^/]*\.(md|rst|adoc|[1-8])|COPYING|LICENSE|README|NEWS|ChangeLog|AUTHORS)'
# What a tool makes sources of, which often lie beside it in the repository.
generating='[^/]*\.(y|yy|ypp|l|ll|lex|am|ac|m4|in|proto|rl|gperf|re|vala|pyx|idl|pod|texi|po|g4|asn1|x)'

in_folder() { [ -e "$top/$folder/$1" ]; }
if in_folder CMakeCache.txt || in_folder build.ninja; then
    commands_are_known=yes
elif in_folder Makefile || in_folder GNUmakefile || in_folder makefile; then
    commands_are_known=
else
    # A buildPhase of its own that goes into a folder below.
    named "$work/paths" "$knowing_commands" >"$work/generated"
    commands_are_known=$(nothing_in "$work/generated" || echo yes)
fi

if [ -z "$commands_are_known" ]; then
    nothing_in "$work/deleted" ||
        refuse "$(first_of "$work/deleted") went, and what was made of it can't be told from the rest"
    # What no build has read since the clean one has no part in what was made.
    source "${0%/*}/reads.sh"
    unread >"$work/unread"
    without "$work/modified" "$work/unread" >"$work/in-use"
    sorted "$work/in-use" "$work/added" | named - "$makefile" >"$work/makefiles"
    nothing_in "$work/makefiles" || refuse "$(first_of "$work/makefiles") changed, and make doesn't go by commands"

    # What a makefile reads while it is read becomes part of its commands.
    named "$work/paths" "$makefile" >"$work/rules"
    while IFS= read -r -d '' path; do
        found_in_files -lE -e "\\\$[({](shell|file|eval).*$(extended_pattern "${path##*/}")" -- \
            <"$work/rules" >"$work/mentions"
        if ! nothing_in "$work/mentions"; then
            refuse "$(shown "$path") changed, and $(head -n 1 "$work/mentions" | cut -b3-) reads it"
        fi
    done <"$work/in-use"

    named "$work/in-use" "$c_source" >"$work/code"
    named "$work/in-use" "$prose|$own_cache" | sorted - "$work/code" >"$work/told"
    without "$work/in-use" "$work/told" >"$work/untold"
    if ! nothing_in "$work/untold"; then source "${0%/*}/untold.sh"; fi

    # ar puts a new member behind those that are there, whatever the order it is given.
    named "$work/added" "$c_source" | { grep -zavE "/($c_header)\$" || [ $? -eq 1 ]; } >"$work/new-sources"
    named "$about/products" '[^/]*\.a' >"$work/archives"
    if ! nothing_in "$work/new-sources" && ! nothing_in "$work/archives"; then
        refuse "$(first_of "$work/new-sources") is new, and $(first_of "$work/archives") would have it in another order"
    fi

    # A header counts where a depfile, or a rule, has its name.
    named "$work/in-use" "$c_header" >"$work/headers"
    if ! nothing_in "$work/headers"; then
        {
            named "$about/products" '[^/]*\.(d|dep|P|Po|Plo|depend|cmd)|\.?depend|\.?deps?' | in_checkpoint outputs
            sed -z "s|^\.|$(literal_replacement "$top")|" "$work/rules"
        } >"$work/depending"
        while IFS= read -r -d '' path; do
            { xargs -0 -r grep -laF -e "${path##*/}" -- <"$work/depending" || true; } >"$work/mentions"
            [ -s "$work/mentions" ] || refuse "$(shown "$path") changed, and no depfile or rule names it"
        done <"$work/headers"
    fi
elif ! nothing_in "$work/deleted"; then
    # That an input went shows in a command's line, as a link's, or not at all. A folder in which there
    # was nothing but code is none.
    folders_above() {
        local path
        while IFS= read -r -d '' path; do
            while [[ $path == ./*/* ]]; do
                path=${path%/*}
                printf '%s\0' "$path"
            done
        done | sorted
    }
    named "$work/deleted" "$c_source" >"$work/code-deleted"
    of_type fxl "$about/records" | common - "$work/deleted" | without - "$work/code-deleted" |
        folders_above >"$work/folders-of-data"
    folders_above <"$work/code-deleted" | without - "$work/folders-of-data" |
        sorted - "$work/code-deleted" >"$work/only-code"
    without "$work/deleted" "$work/only-code" | { grep -zav /CMakeFiles/ || [ $? -eq 1 ]; } >"$work/data-deleted"
    named "$work/files-before" "$generated_rules" | in_checkpoint sources | xargs -0 -r cat -- >"$work/rules"
    while IFS= read -r -d '' path; do
        if grep -qawF -e "${path##*/}" -- "$work/rules"; then
            refuse "$(shown "$path") went, and a rule had it as an input"
        fi
    done <"$work/data-deleted"
fi

without "$work/files" "$work/modified" >"$work/unchanged"

# A new header may be found before the one that unchanged files got until now.
named "$work/added" "$c_header" >"$work/new-headers"
while IFS= read -r -d '' path; do
    found_in_files -laE -e "include.*$(extended_pattern "${path##*/}")" -- <"$work/unchanged" >"$work/mentions"
    if ! nothing_in "$work/mentions"; then
        refuse "$(shown "$path") is new, and $(head -n 1 "$work/mentions" | cut -b3-) already includes a file of that name"
    fi
done <"$work/new-headers"

# A clean build has all sources of one date and leaves what lies ready as it is; here the changed one
# would be newer than what was made of it, which would be made anew or can't be.
named "$work/modified" "$generating" >"$work/generating"
while IFS= read -r -d '' path; do
    if { grep -zaE "^$(extended_pattern "${path%.*}")(\.[^/]*)?\$" "$work/unchanged" || true; } >"$work/beside" &&
        [ -s "$work/beside" ]; then
        refuse "$(shown "$path") changed, and $(first_of "$work/beside") beside it didn't"
    fi
done <"$work/generating"
named "$work/modified" '[^/]*\.(ac|am|m4)' >"$work/autotools"
named "$work/unchanged" 'configure|aclocal\.m4|Makefile\.in' >"$work/made-by-autotools"
if ! nothing_in "$work/autotools" && ! nothing_in "$work/made-by-autotools"; then
    refuse "$(first_of "$work/autotools") changed, and $(first_of "$work/made-by-autotools") didn't"
fi
