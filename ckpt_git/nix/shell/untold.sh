# Whether a file of the list `untold` has changed that only commands or scripts name. Sourced by trust.sh;
# refuses where one has.
#
# A command may name a script, or a linker's map, that no rule has as a prerequisite: of a file that
# makefiles name outside of that, one rule has to name it there, too. Variables are followed.
(cd "$top" && xargs -0 -r cat -- <"$work/rules") |
    sed -e ':more' -e '/\\$/{N;s/\\\n/ /;b more' -e '}' -e 's/#.*//' >"$work/lines"
# What only removes a file reads nothing of it.
removing='^[[:space:]]*[@+-]*[[:space:]]*(rm|[$][({]RM[)}])[[:space:]][^;&|<>`]*$'
before_a_name='^[[:space:]]*([^#[:space:]](.*[^A-Za-z0-9_-])?)?'
# What may be run: by its name, by its mode, or because a makefile names it.
declare -A named_in_makefiles=()
while IFS= read -r word; do
    named_in_makefiles[$word]=1
done < <(tr -cs 'A-Za-z0-9_./+-' '\n' <"$work/lines" | sed -e 's|.*/||' -e '/^$/d' | LC_ALL=C sort -u)
named "$work/files" "$c_source|$prose|$makefile" | sorted >"$work/no-scripts"
of_type x "$work/records" | sorted >"$work/executables"
without "$work/files" "$work/no-scripts" | while IFS= read -r -d '' path; do
    if [[ -n ${named_in_makefiles[${path##*/}]-} || $path =~ \.(sh|bash|py|pl|awk|sed|tcl|rb|lua)$ ]]; then
        printf '%s\0' "$path"
    fi
done >"$work/scripts-by-name"
common "$work/files" "$work/executables" | without - "$work/no-scripts" |
    sorted - "$work/scripts-by-name" >"$work/scripts"
while IFS= read -r -d '' path; do
    name=$(extended_pattern "${path##*/}")
    # As loosely as a command may name it, and as strictly as a rule has to.
    loose=("$name") strict=("(^|[^A-Za-z0-9_.-])$name([^A-Za-z0-9_.-]|\$)")
    declare -A followed=()
    in_command= in_rule=
    for ((i = 0; i < ${#loose[@]}; i++)); do
        while IFS= read -r line; do
            if [[ $line =~ ${strict[i]} && $line =~ ^\ *([A-Za-z0-9_.-]+)\ *[:+?]*= ]]; then
                variable=${BASH_REMATCH[1]}
                if [ -z "${followed[$variable]-}" ]; then
                    loose+=("[$][({]$(extended_pattern "$variable")[:)}]")
                    strict+=("${loose[-1]}")
                    followed[$variable]=1
                fi
            elif [[ $line != $'\t'* && ${line%%;*} =~ ^[^:=]+:([^=]*)$ ]]; then
                if [[ ${BASH_REMATCH[1]} =~ ${strict[i]} ]]; then in_rule=1; fi
            elif [[ ! $line =~ $removing ]]; then
                in_command=1
            fi
        done < <(grep -aE -e "${loose[i]}" -- "$work/lines" || true)
    done
    if [ -n "$in_command" ] && [ -z "$in_rule" ]; then
        refuse "$(shown "$path") changed, and a command names it that no rule says to run then"
    fi
    # Nor need a makefile name what a script reads. A line that is a comment names nothing, and a
    # backslash stands there for something else than for one in a name. configure's log has the names
    # of temporary files: no two runs write the same, and the scripts that name it write it.
    if [ -z "$in_rule" ] && [[ ${path##*/} != *\\* && ${path##*/} != config.log ]] &&
        found_in_files -laE -e "$before_a_name$name([^A-Za-z0-9_-]|\$)" -- <"$work/scripts" |
            grep -vxF -e "$path" >"$work/mentions"; then
        refuse "$(shown "$path") changed, and $(head -n 1 "$work/mentions" | cut -b3-) names it"
    fi
done <"$work/untold"
