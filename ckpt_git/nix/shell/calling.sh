# Whether the build is called as the checkpoint's was: a tool that goes by dates sees neither that its
# flags changed nor that a variable did, and none of them sees what nixpkgs' compiler wrapper is told by
# NIX_CFLAGS_COMPILE. Sourced by restore.sh, after trust.sh; refuses where it isn't.

[ -e "$about/called" ] || refuse "$checkpoint was not made by this version of prepareCheckpointBuild"

# The value that the list $1 has for the name $2, by words; the directories of a path are words, too.
words_of() { { grep -za "^$2[=:]" -- "$1" || true; } | cut -z -b"$((${#2} + 2))-" | tr ':\0' ' \n' | tr -s ' \n' '\n'; }

# Programs in the folders of a list of words.
programs_in() { while IFS= read -r word; do if [ -d "$word" ]; then (cd "$word" && printf '%s\n' *); fi; done | sort -u; }

{ without "$about/called" "$work/called"; without "$work/called" "$about/called"; } | sed -z 's/[=:].*//' | tr -d '\n' |
    sorted >"$work/called-otherwise"
while IFS= read -r -d '' name; do
    case $name in
        name | pname | version)
            # They change with each release, and few makefiles read them.
            named "$work/paths" "$makefile" | found_in_files -laE -e "[$][({]$name[)}]" -- >"$work/mentions"
            if nothing_in "$work/mentions"; then continue; fi
            refuse "the variable $name changed, and $(head -n 1 "$work/mentions" | cut -b3-) reads it"
            ;;
        SOURCE_DATE_EPOCH)
            # nixpkgs' stdenv takes it from the newest of the sources.
            named "$work/paths" "$c_source" | found_in_files -laE -e '__(DATE|TIME)__' -- >"$work/mentions"
            if nothing_in "$work/mentions"; then continue; fi
            refuse "$name changed, and $(head -n 1 "$work/mentions" | cut -b3-) has the date compiled in"
            ;;
        PATH | HOST_PATH | XDG_DATA_DIRS | *[bB]uildInputs | deps[BHT]* | NIX_LDFLAGS*)
            # What came in addition has no part in what was made without it.
            words_of "$about/called" "$name" | sort -u >"$work/words-before"
            words_of "$work/called" "$name" | sort -u >"$work/words"
            if [ -z "$(LC_ALL=C comm -23 "$work/words-before" "$work/words")" ]; then
                if [ "$name" != PATH ]; then continue; fi
                LC_ALL=C comm -13 "$work/words-before" "$work/words" | programs_in >"$work/programs"
                if [ -z "$(programs_in <"$work/words-before" | comm -12 - "$work/programs")" ]; then continue; fi
            fi
            ;;
    esac
    refuse "$name is another than when the checkpoint was made"
done <"$work/called-otherwise"
