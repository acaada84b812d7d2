# Makes the programs that watch a build; where that can't be, `none` says why. `path` is a file that
# has the PATH of the stdenv.

source "$stdenv/setup"
trap - EXIT
set +eu
export NIX_HARDENING_ENABLE=
programs="ckpt-watch libsee.so answer"

refuse() {
    rm -f "$out"/*.so "$out/ckpt-watch" "$out/answer"
    printf '%s' "$*" >"$out/none"
    echo "checkpoint: $*"
    exit 0
}

mkdir -p "$out"
printf '%s' "$PATH" >"$out/path"
if [ -n "$given" ]; then
    for program in $programs; do
        found=$given/$program
        [ -e "$found" ] || found=$given/bin/$program
        [ -e "$found" ] || refuse "$given has no $program"
        ln -s "$found" "$out/$program"
    done
else
    for compiler in $CC cc gcc clang; do
        if command -v "$compiler" >/dev/null; then break; fi
        compiler=
    done
    [ -n "$compiler" ] || refuse "the stdenv has no C compiler for the programs that watch a build"
    make -C "$sources" DESTDIR="$out" CC="$compiler" SHELL="$builder" >"$TMPDIR/log" 2>&1 ||
        refuse "the programs that watch a build can't be compiled: $(grep -m 1 -e error: -e cannot "$TMPDIR/log" || cat "$TMPDIR/log")"
fi
"$out/ckpt-watch" 2>/dev/null
[ $? -eq 64 ] || refuse "the programs that watch a build don't run here"
