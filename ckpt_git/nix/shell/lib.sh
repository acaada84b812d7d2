# What the scripts share. A list is a file of NUL-terminated entries, sorted bytewise, so that any
# name is right in it; a path in a list is relative to the top folder and starts with `./`. A record
# is a letter (f file, x executable file, d folder, l link), a blank and a path.
#
# Sourced with LC_ALL=C; sets $top (the build's folder, NIX_BUILD_TOP) and $work (ours below it).

set -euo pipefail
shopt -s dotglob nullglob

top=$(cd "$1" && pwd -P)
work=$top/.ckpt
shift

say() { printf 'checkpoint: %s\n' "$*"; }

# Ends the script; .ckpt/failure has the reason.
fail() {
    printf '%s' "$*" >"$work/failure"
    exit 1
}

sorted() { sort -zu -- "$@"; }

count() {
    local entries
    mapfile -d '' -t entries <"$1"
    printf '%s' "${#entries[@]}"
}

# A path, for a message.
shown() { printf '%q' "${1#./}"; }

nothing_in() { ! [ -s "$1" ]; }

# Most lists are empty after most changes, and a process takes longer than all that is done with a list.
# What a pipe gives has to be read in any case.
is_empty_file() { [ "$1" != - ] && ! [ -s "$1" ]; }

# Paths that are in the first list and not in the second; in both.
without() { { [ "$2" != - ] && is_empty_file "$1"; } || comm -z -23 -- "$1" "$2"; }
common() {
    if [ "$1" != - ] && [ "$2" != - ] && { nothing_in "$1" || nothing_in "$2"; }; then return; fi
    comm -z -12 -- "$1" "$2"
}

paths() { cut -z -b3- | sorted; }

# What autoconf keeps for itself, below the folder that it runs in: in another order each time.
own_cache='autom4te\.cache/[^/]*'

# What lies where a build tool knows the commands that it ran.
knowing_commands='CMakeCache\.txt|build\.ninja'

# What CMake and Meson write, and what make and Ninja read then.
generated_rules='build\.ninja|build\.make'

# The entries of the top folder that belong to the build's state, as ./NAME. Temporary files of
# mktemp have another name in each build.
own_entries() {
    local -A own=()
    local name path
    while IFS= read -r -d '' name; do own[$name]=1; done <"$work/own"
    entries=()
    for path in "$top"/*; do
        name=${path##*/}
        if [ -z "${own[$name]-}" ] && [[ $name != tmp.?????????? ]]; then entries+=("./$name"); fi
    done
}

# What find says of the build's state with these arguments, with paths from the top.
found() {
    own_entries
    if [ "${#entries[@]}" -gt 0 ]; then (cd "$top" && find "${entries[@]}" "$@"); fi
}

# All that is there, in no order: the letter of its record, its mode, its date (s) and its path, a blank behind
# each. What is no file, folder or link can't be kept and is left out.
state() {
    found \( \( -type f -perm -u=x -printf 'x ' \) -o \( -type f -printf 'f ' \) -o \
        \( -type d -printf 'd ' \) -o \( -type l -printf 'l ' \) \) -printf '%m %T@ %p\0'
}
records_of() { cut -z -d ' ' -f 1,4- -- "$1" | sorted; }
paths_of_state() { cut -z -d ' ' -f 4- | sorted; }
records() { state | records_of -; }

# Each link with its target.
links() { found -type l -printf '%p -> %l\0' | sorted; }

# Paths of one letter, or several, of a list of records.
of_type() { is_empty_file "$2" || sed -z -n "s/^[$1] //p" -- "$2" | sorted; }

# Those of a list of paths whose last part matches the extended pattern $2.
named() { is_empty_file "$1" || grep -zaE "/($2)\$" "$1" || [ $? -eq 1 ]; }

# What grep, called with these arguments, finds in the files of a list (standard input). It isn't grep's to
# say whether there is something: a long list takes several, and xargs fails where one finds nothing.
found_in_files() { (cd "$top" && { xargs -0 -r grep "$@" || true; }); }

# Makes the file .ckpt/$1, so that what is written from here on is newer: the kernel's clock for files goes by
# steps of up to 10 ms, and may be set back.
mark() {
    : >"$work/$1"
    until : >"$work/tick" && [ "$work/tick" -nt "$work/$1" ]; do
        if [ "$work/tick" -ot "$work/$1" ]; then : >"$work/$1"; fi
    done
}

# Runs a command on the paths of a list (standard input), which it gets as its last arguments, by several
# processes. Only files can keep apart what they print.
on_each() {
    local cores=${NIX_BUILD_CORES:-1}
    [ "$cores" -gt 0 ] || cores=$(nproc)
    xargs -0 -r -n 500 -P "$cores" "$@"
}

# What is in the files of a list (standard input), below the folder $1: entries of 64 figures, two blanks and
# the path.
digests() {
    local parts
    parts=$(mktemp -d "$work/digests.XXXXXXXXXX")
    (cd "$1" && on_each sh -c 'b2sum --zero --length=256 -- "$@" >"$0/$$"' "$parts") || return
    sorted /dev/null "$parts"/*
}
paths_of_digests() { cut -z -b67- | sorted; }

# What is no folder and was written to, or had its attributes changed, after the file .ckpt/$1 was made: by
# the time of the inode, which nothing sets back.
written_since() { found ! -type d -cnewer "$work/$1" -print0 | sorted; }

# Files of a state (standard input) that have another date than $1.
files_not_dated() { { grep -zav "^. [0-7]* $1 " || true; } | { grep -za '^[fx] ' || true; } | paths_of_state; }

# Gives the paths of a list (standard input) the modes that they have in the state $1.
set_modes() {
    local mode
    cat >"$work/to-set"
    cut -z -d ' ' -f 2 -- "$1" | sorted >"$work/modes"
    while IFS= read -r -d '' mode; do
        grep -za "^. $mode " "$1" | paths_of_state | common - "$work/to-set" |
            (cd "$top" && xargs -0 -r chmod "$mode" --)
    done <"$work/modes"
}

# The folder that the build starts in, relative to the top: `.` or `./source/build`.
relative_folder() {
    local folder
    folder=$(<"$work/folder")
    case $folder in
        "$top") echo . ;;
        "$top"/*) echo "./${folder#"$top"/}" ;;
        *) fail "the build starts in $folder, which is not below $top" ;;
    esac
}

# Copies the state to DESTINATION/INSIDE (the folder the build starts in) and DESTINATION/around/INSIDE:
# all of it, or only the files and links of a LIST.
copy_state() {
    local destination=$1 inside=$2 list=${3-} folder
    folder=$(relative_folder)
    own_entries
    mkdir -p "$destination/around/$inside"
    if [ -n "$list" ]; then
        mkdir -p "$destination/around/$inside/$folder"
        xargs -0 -r dirname -z -- <"$list" | sorted | (cd "$destination/around/$inside" && xargs -0 -r mkdir -p --)
        copy_files "$top" "$destination/around/$inside" <"$list"
    elif [ "${#entries[@]}" -gt 0 ]; then
        (cd "$top" && cp -dR --preserve=mode --reflink=auto -- "${entries[@]}" "$destination/around/$inside/")
    fi
    find "$destination/around/$inside" -type d ! -perm -u=w -exec chmod u+w {} +
    find "$destination/around/$inside" ! -type f ! -type d ! -type l -delete
    if [ "$folder" = . ]; then
        mv "$destination/around/$inside" "$destination/$inside"
        mkdir "$destination/around/$inside"
    else
        mv "$destination/around/$inside/$folder" "$destination/$inside"
    fi
}

# Sets $scratch to a new folder for many empty files, which goes when the script ends: in memory, as
# Nix' sandbox has it, where making and removing them takes a tenth of the time.
make_scratch() {
    scratch=$(mktemp -d /dev/shm/checkpoint.XXXXXXXXXX 2>/dev/null) || scratch=$(mktemp -d "$work/scratch.XXXXXXXXXX")
    trap 'wait; rm -rf -- "$scratch"' EXIT
}

# Hash parts of the store paths in a file of outputs.
hashes() {
    local path
    while read -r _ path; do
        path=${path##*/}
        printf '%s\n' "${path:0:32}"
    done <"$1"
}

# Standard input without what this build alone has: its outputs, its folder.
without_own() {
    {
        while read -r name path; do
            path=${path##*/}
            printf 's|%s|OUTPUT-%s|g\n' "$(literal_pattern "${path:0:32}")" "$name"
            printf 's|-frandom-seed=%s|-frandom-seed=%s|g\n' "$(literal_pattern "${path:0:10}")" "$name" # nixpkgs' stdenv
        done <"$work/outputs"
        printf 's|%s|TOP|g\n' "$(literal_pattern "$top")"
    } >"$work/own.sed"
    sed -z -f "$work/own.sed"
}

# Those of the outputs that the checkpoint $1 names, and its own: it may be none of them.
hashes_of_base() { { cat "$1/checkpoint/outputs"; printf 'checkpoint %s\n' "$1"; } | hashes /dev/stdin; }

# Files below the folder $1 that hold one of the strings in the file $2, as ./PATH.
holding() { (cd "$1" && { grep -rlaFZ -D skip -f "$2" . || [ $? -eq 1 ]; }); }

# The same for both parts of what a checkpoint $1 has of `sources` or `outputs` ($2), its folder being
# $3, with paths from the top.
holding_in_state() {
    local folder=$3
    {
        holding "$1/around/$2" "$4"
        holding "$1/$2" "$4" | sed -z "s|^\\./|$(literal_replacement "$folder")/|"
    } | sorted
}

pattern_characters='\].[*^$|'
replacement_characters='\&|'
literal_replacement() { escape "$1" "$replacement_characters" && printf '%s' "$escaped"; }
literal_pattern() { escape "$1" "$pattern_characters" && printf '%s' "$escaped"; }
extended_pattern() { escape "$1" "$pattern_characters(){}+?" && printf '%s' "$escaped"; }

# Sets $escaped to a text with a backslash before each of the characters $2, by the shell itself: a process
# would take longer than all that it is for.
escape() {
    local character
    local -i i
    escaped=
    for ((i = 0; i < ${#1}; i++)); do
        character=${1:i:1}
        if [[ $2 == *"$character"* ]]; then escaped+=\\; fi
        escaped+=$character
    done
}

# Sets $found to where the checkpoint $1 has the path $4 of `sources` or `outputs` ($2), its folder
# being $3. A substitution would drop newlines at a name's end.
in_state() {
    if [ "$3" = . ]; then
        found=$1/$2/$4
    elif [[ $4 == "$3"/* ]]; then
        found=$1/$2/${4#"$3"/}
    else
        found=$1/around/$2/$4
    fi
}

# Reads a list of paths, prints where the checkpoint has them.
in_checkpoint() {
    local path found
    while IFS= read -r -d '' path; do
        in_state "$checkpoint" "$1" "$folder" "$path"
        printf '%s\0' "$found"
    done
}

# Copies the files of a list (standard input) from where the checkpoint has its `sources` or `outputs`
# ($1).
copy_from_checkpoint() {
    local pattern
    cat >"$work/to-copy"
    if [ "$folder" = . ]; then
        copy_files "$checkpoint/$1" "$top" <"$work/to-copy"
    else
        pattern=$(literal_pattern "$folder")
        if grep -qzae "^$pattern/" "$work/to-copy"; then
            mkdir -p "$top/$folder"
            sed -z -n "s|^$pattern/|./|p" "$work/to-copy" | copy_files "$checkpoint/$1" "$top/$folder"
        fi
        sed -z "\\|^$pattern/|d" "$work/to-copy" | copy_files "$checkpoint/around/$1" "$top"
    fi
}

# Copies the files of a list (standard input) from the folder $1 to the folder $2, which has all folders
# that they lie in: several processes that make one at a time get in each other's way. Nearly all of the time
# goes into making files, which several processes do faster than one.
copy_files() {
    (cd "$1" && on_each cp -d --no-preserve=mode --remove-destination --reflink=auto --parents -t "$2" --)
}
