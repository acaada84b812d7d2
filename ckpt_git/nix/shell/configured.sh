# TOP CHECKPOINT: brings in what configure made for the checkpoint, where it would make the same now: it is
# called in the same way, and of the files that it may read none has changed.

# shellcheck source-path=SCRIPTDIR
source "${0%/*}/lib.sh"
checkpoint=$1
about=$checkpoint/checkpoint

refuse() { exit 0; }
same() { cmp -s -- "$about/$1" "$work/$1" || refuse; }

[ "$(cat "$about/format" 2>/dev/null)" = 1 ] && [ -e "$about/configured" ] && [ ! -s "$about/compressed-naming-outputs" ] || refuse
folder=$(<"$about/folder")
same configure
# A name that came or went may be seen by a glob.
same unconfigured
links >"$work/links"
without "$work/links" "$about/links" >"$work/links-changed"
nothing_in "$work/links-changed" || refuse

source "${0%/*}/rewriting.sh"
source "${0%/*}/comparing.sh"
of_type fx "$work/unconfigured" >"$work/files"
compare_files
common "$work/different" "$work/files" >"$work/modified"

# What compilers read, and what nobody does. A configure step reads such a file only where it names it.
compiled='[^/]*\.(c|cc|cpp|cxx|c\+\+|m|mm|s|S|asm|sx|f|F|f90|F90|f95|h|hh|hpp|hxx|h\+\+|inc|inl|ipp|tcc)'
prose='[^/]*\.(md|rst|adoc|texi|[1-8]|html|css|png|svg|jpg|gif|pdf|po)'
named "$work/modified" "$compiled" >"$work/compiled"
named "$work/modified" "$prose" | sorted | sort -zu - "$work/compiled" >"$work/known"
without "$work/modified" "$work/known" >"$work/unknown"
nothing_in "$work/unknown" || refuse

# CMake's and Meson's statements, one a line, and those of them that read files.
statements() { (cd "$top" && xargs -0 -r sed 's/#.*//' --) | tr '\n' ' ' | sed 's/)/)\n/g'; }
named "$work/files" 'CMakeLists\.txt|[^/]*\.cmake|meson\.build' | statements >"$work/statements"
grep -aiE '\<(READ|STRINGS|REGEX|CONFIGURE_FILE|EXECUTE_PROCESS|TRY_[A-Z]+|CHECK_[A-Z_]+|COMMAND|SHA[0-9]+|MD5|run_command|find_program)\>|fs\.' \
    "$work/statements" >"$work/reading" || true
named "$work/files" 'configure(\.ac|\.in)?|[^/]*\.m4|autogen\.sh|bootstrap' >"$work/scripts"
while IFS= read -r -d '' path; do
    name=${path##*/}
    if grep -qaF -e "$name" -- "$work/reading"; then refuse; fi
    # By a variable.
    while IFS= read -r variable; do
        if grep -qawF -e "$variable" -- "$work/reading"; then refuse; fi
    done < <(grep -aF -e "$name" -- "$work/statements" |
        sed -nE -e 's/.*\<set[[:space:]]*\([[:space:]]*([A-Za-z0-9_]+).*/\1/Ip' \
            -e 's/.*\<list[[:space:]]*\([[:space:]]*[A-Za-z_]+[[:space:]]+([A-Za-z0-9_]+).*/\1/Ip' \
            -e 's/.*\<([A-Za-z0-9_]+)[[:space:]]*=[^=].*/\1/p')
    # Autoconf's check that it is in the right folder is no reading.
    if (cd "$top" && xargs -0 -r grep -haF -e "$name" -- <"$work/scripts") |
        grep -qavE '^[[:space:]]*(#|dnl\>)|ac_unique_file|AC_CONFIG_SRCDIR'; then
        refuse
    fi
done <"$work/compiled"

of_type d "$about/configured" >"$work/folders"
of_type fxl "$about/configured" >"$work/to-bring"
of_type x "$about/configured" >"$work/executable"
: >"$work/configure-left-out" # from here on the build has something of the checkpoint's
cd "$top"
xargs -0 -r mkdir -p -- <"$work/folders"
copy_from_checkpoint sources <"$work/to-bring"
xargs -0 -r chmod +x -- <"$work/executable"
if [ -s "$program" ]; then
    common "$work/sources-to-rewrite" "$work/to-bring" >"$work/rewritten"
    xargs -0 -r sed -i -f "$program" -- <"$work/rewritten"
fi
# Of one date, so that none of them looks older than another that it is made of.
xargs -0 -r touch -h -r "$work/configuring" -- <"$work/to-bring"
