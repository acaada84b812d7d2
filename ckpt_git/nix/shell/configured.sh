# TOP STEP CHECKPOINT: brings in what the program of a step made for the checkpoint, where it would make the
# same now: it is called in the same way, and of the files that it may read none has changed.

# shellcheck source-path=SCRIPTDIR
source "${0%/*}/lib.sh"
step=$work/steps/$1
known=$2/checkpoint/steps/$1
checkpoint=$2
about=$checkpoint/checkpoint

refuse() { exit 0; }
same() { cmp -s -- "$known/$1" "$step/$1" || refuse; }

[ "$(cat "$about/format" 2>/dev/null)" = 2 ] && [ -e "$known/made" ] && [ ! -s "$about/compressed-naming-outputs" ] || refuse
folder=$(<"$about/folder")
same call
# A name that came or went may be seen by a glob.
same before
links >"$work/links"
without "$work/links" "$about/links" >"$work/links-changed"
nothing_in "$work/links-changed" || refuse

source "${0%/*}/rewriting.sh"
source "${0%/*}/comparing.sh"
of_type fx "$step/before" >"$work/files"
compare_files
common "$work/different" "$work/files" >"$work/modified"

# What compilers read, and what nobody does. Such a step reads such a file only where it names it.
compiled='[^/]*\.(c|cc|cpp|cxx|c\+\+|m|mm|s|S|asm|sx|f|F|f90|F90|f95|h|hh|hpp|hxx|h\+\+|inc|inl|ipp|tcc)'
prose='[^/]*\.(md|rst|adoc|texi|[1-8]|html|css|png|svg|jpg|gif|pdf|po)|'"$own_cache"
named "$work/modified" "$compiled" >"$work/compiled"
named "$work/modified" "$prose" | sorted | sort -zu - "$work/compiled" >"$work/known"
without "$work/modified" "$work/known" >"$work/unknown"
nothing_in "$work/unknown" || refuse

# CMake's and Meson's statements, one a line, and those of them that read files while configuring.
statements() { (cd "$top" && xargs -0 -r sed -e 's/#.*//' -e 's/)[[:space:]]*$/)\x01/' --) | tr '\n\001' ' \n'; }
named "$work/files" 'CMakeLists\.txt|[^/]*\.cmake|meson\.build' | statements >"$work/statements"
grep -aiE '\<(READ|STRINGS|REGEX|CONFIGURE_FILE|EXECUTE_PROCESS|TRY_[A-Z]+|CHECK_[A-Z_]+|COMMAND|SHA[0-9]+|MD5|run_command|find_program)\>|\<file[[:space:]]*\([[:space:]]*(COPY|COPY_FILE|INSTALL|ARCHIVE_CREATE)\>|fs\.' \
    "$work/statements" | grep -aivE '^[[:space:]]*(add_custom_(command|target)|add_test|install|string|list)[[:space:]]*\(' |
    sed -E 's/[A-Za-z_]+[[:space:]]*\(/(/g' >"$work/reading" || true # what is called is no variable
# The variables that statements (standard input) give a value.
assigned() {
    { grep -aoiE -e '\<(set|foreach)[[:space:]]*\([[:space:]]*[a-z0-9_]+' \
        -e '\<list[[:space:]]*\([[:space:]]*[a-z]+[[:space:]]+[a-z0-9_]+' \
        -e '\<[a-z0-9_]+[[:space:]]*\+?=' || true; } | sed -E 's/[[:space:]]*\+?=$//; s/.*[^A-Za-z0-9_]//'
}
# Those that read what they don't name: a folder with all that is in it, a pattern, what a script reads.
# Sets $read_parts to the last parts of the words of those that copy and run, $run_names to those that may
# be scripts, $read_variables to their variables, $globs to `VARIABLE PATTERN`, and $read_all where one
# reads a whole folder of sources.
read_parts=() run_names=() read_variables=() globs=() read_all=
read_by_folder() {
    local said word last variable words=() runs
    while IFS= read -r said; do
        runs= variable=
        if [[ $said =~ file[[:space:]]*\([[:space:]]*glob(_recurse)?[[:space:]]+([a-z0-9_]+) ]]; then
            variable=${BASH_REMATCH[2]}
        elif ! [[ $said =~ file[[:space:]]*\( ]]; then
            runs=1
        fi
        read -r -a words <<<"$said"
        for word in "${words[@]}"; do
            while [[ $word == */ || $word == */. ]]; do word=${word%/*}; done
            last=${word##*\}}
            last=${last##*/}
            if [ -n "$variable" ]; then
                if [ -n "$last" ]; then globs+=("$variable $last"); fi
            elif [[ $word =~ (_SOURCE_DIR|_LIST_DIR)\}$|source_(root|dir)$ ]] && ! [[ -n $runs && $said =~ [^a-z](git|hg|svn)([^a-z]|$) ]]; then
                read_all=1
            elif [[ $word =~ \$\{([a-z0-9_]+)\}$ ]]; then
                read_variables+=("${BASH_REMATCH[1]}")
            elif [ -n "$last" ]; then
                read_parts+=("$last")
                if [ -n "$runs" ]; then run_names+=("$last"); fi
            fi
        done
    done
}
shopt -s nocasematch
read_by_folder < <({ grep -aiE '\<(file[[:space:]]*\([[:space:]]*(COPY|COPY_FILE|INSTALL|ARCHIVE_CREATE|GLOB|GLOB_RECURSE)|execute_process[[:space:]]*\(|exec_program[[:space:]]*\(|run_command[[:space:]]*\()' \
    "$work/statements" || true; } | sed -E -e 's/\<(WORKING_DIRECTORY|DESTINATION|OUTPUT_VARIABLE|RESULT_VARIABLE)[[:space:]]+[^[:space:]]+//g' -e "s/[]()[\"',;]/ /g; s/^[[:space:]]*file /file( /I")
shopt -u nocasematch
# Whether one of them may read the path $1; those whose globs find it come into $words.
read_by_another_name() {
    local part pattern parts=() glob name script
    [ -z "$read_all" ] || return 0
    IFS=/ read -r -a parts <<<"${1#./}"
    for part in "${parts[@]}"; do
        for pattern in "${read_parts[@]}"; do
            # shellcheck disable=SC2053
            if [[ $part == $pattern ]]; then return 0; fi
        done
        for glob in "${globs[@]}"; do
            # shellcheck disable=SC2053
            if [[ $part == ${glob#* } ]]; then words+=("${glob%% *}"); fi
        done
        # A variable that has a folder of it.
        if [ "$part" != "${1##*/}" ] && [ "${#read_variables[@]}" -gt 0 ]; then
            if { grep -awF -e "$part" -- "$work/statements" || true; } | assigned |
                grep -qxF -f <(printf '%s\n' "${read_variables[@]}"); then return 0; fi
        fi
    done
    for name in "${run_names[@]}"; do
        if [[ $name == *.* ]]; then
            script=$(named "$work/files" "$(extended_pattern "$name")" | tr '\0' '\n' | head -n 1)
            if [ -n "$script" ] && grep -qaE -e "$(extended_pattern "${1##*/}")" \
                -e '^[^#]*(\<(find|ls|glob|walk|listdir|scandir|opendir)\>|\<grep -[a-z]*[rR]|[*?]\.[a-z])' -- "$top/$script"; then
                return 0
            fi
        fi
    done
    return 1
}
named "$work/files" 'configure(\.ac|\.in)?|[^/]*\.m4|autogen\.sh|bootstrap' >"$work/scripts"
# How one that people wrote, and autoconf didn't, comes to the content of files that it doesn't name.
reads_many='^[^#]*\<(cat|cp|cut|grep|sed|awk|head|tail|[a-z0-9]+sum)[[:space:]]([^#]*[*?]\.[A-Za-z0-9_]|[[:space:]]*-[A-Za-z]*[rRa])'
if ! nothing_in "$work/compiled"; then
    named "$work/scripts" 'configure(\.ac|\.in)?' | found_in_files -LaZ -e 'Generated by GNU Autoconf' -- |
        found_in_files -laE -e "$reads_many" -- >"$work/mentions"
    nothing_in "$work/mentions" || refuse
fi
while IFS= read -r -d '' path; do
    name=${path##*/}
    # By its name, or by a variable that has it.
    words=("$name")
    if read_by_another_name "$path"; then refuse; fi
    declare -A seen=()
    for ((i = 0; i < ${#words[@]}; i++)); do
        if grep -qawF -e "${words[i]}" -- "$work/reading"; then refuse; fi
        while IFS= read -r variable; do
            if [ -z "${seen[$variable]-}" ]; then words+=("$variable"); fi
            seen[$variable]=1
        done < <({ grep -awF -e "${words[i]}" -- "$work/statements" || true; } | assigned)
    done
    # Autoconf's check that it is in the right folder is no reading.
    found_in_files -haF -e "$name" -- <"$work/scripts" >"$work/mentions"
    if grep -qavE '^[[:space:]]*(#|dnl\>)|ac_unique_file|AC_CONFIG_SRCDIR' "$work/mentions"; then
        refuse
    fi
done <"$work/compiled"

of_type d "$known/made" >"$work/folders"
of_type fxl "$known/made" >"$work/to-bring"
of_type x "$known/made" >"$work/executable"
: >"$step/left-out"
: >"$work/left-out" # from here on the build has something of the checkpoint's
cd "$top"
xargs -0 -r mkdir -p -- <"$work/folders"
copy_from_checkpoint sources <"$work/to-bring"
xargs -0 -r chmod +x -- <"$work/executable"
if [ -s "$program" ]; then
    common "$work/sources-to-rewrite" "$work/to-bring" >"$work/rewritten"
    xargs -0 -r sed -i -f "$program" -- <"$work/rewritten"
fi
# Of one date, so that none of them looks older than another that it is made of.
xargs -0 -r touch -h -r "$step/begun" -- <"$work/to-bring"
