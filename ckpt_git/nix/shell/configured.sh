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

[ -e "$about/format" ] && [ "$(<"$about/format")" = 3 ] && [ -e "$known/made" ] && [ ! -s "$about/compressed-naming-outputs" ] || refuse
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
digests "$top" <"$work/files" >"$work/digests" || refuse
compare_files
cp "$work/different" "$work/modified"

# What compilers read, and what nobody does. Such a step reads such a file only where it names it.
compiled='[^/]*\.(c|cc|cpp|cxx|c\+\+|m|mm|s|S|asm|sx|f|F|f90|F90|f95|h|hh|hpp|hxx|h\+\+|inc|inl|ipp|tcc)'
prose='[^/]*\.(md|rst|adoc|texi|[1-8]|html|css|png|svg|jpg|gif|pdf|po)|'"$own_cache"
named "$work/modified" "$compiled" >"$work/compiled"
named "$work/modified" "$prose" | sorted | sorted - "$work/compiled" >"$work/known"
without "$work/modified" "$work/known" >"$work/unknown"
named "$work/files" 'configure(\.ac|\.in)?|[^/]*\.m4|autogen\.sh|bootstrap' >"$work/scripts"
# How a script that people wrote, and autoconf didn't, comes to the content of files that it doesn't name.
reads_many='^[^#]*\<(cat|cp|cut|grep|sed|awk|head|tail|[a-z0-9]+sum)[[:space:]]([^#]*[*?]\.[A-Za-z0-9_]|[[:space:]]*-[A-Za-z]*[rRa])'
if ! nothing_in "$work/unknown"; then source "${0%/*}/by-autoconf.sh"; fi
if ! nothing_in "$work/compiled"; then source "${0%/*}/by-statements.sh"; fi

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
