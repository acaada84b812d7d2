# Which sources a build reads, by their access times. Sourced after lib.sh.
#
# They are set back before the build. With `relatime`, the default of Linux, the first read is noted all the
# same, as the inode was changed since (mount(8)); with `noatime` none is, and cloning notes none on any file
# system that can. A probe tells; where it fails, nothing is known of what is read.

accessed() { [ -n "$(find "$1" -anewer "$work/epoch")" ]; }

# Whether reading a file shows.
reads_show() {
    local probe=$work/probe reading
    touch -d @0 -- "$work/epoch"
    head -c 65536 /dev/zero >"$probe"
    for reading in 'cat -- "$1" >"$2"' 'cp -- "$1" "$2"' 'cp --reflink=always -- "$1" "$2" 2>/dev/null || cp -- "$1" "$2"'; do
        touch -a -d @0 -- "$probe"
        if accessed "$probe"; then return 1; fi
        rm -f -- "$probe-copy"
        "$BASH" -c "$reading" bash "$probe" "$probe-copy" || return 1
        accessed "$probe" || return 1
    done
}

# Notes that no file has been read yet; for good that it isn't known, where that can't be done.
forget_reads() {
    found -type f -print0 | (cd "$top" && xargs -0 -r touch -a -c -d @0 --) || rm -f -- "$work/reads-show"
}

files_read() { found -type f -anewer "$work/epoch" -print0 | sorted; }

# Of the list `different`: the files that no build has read since the clean one, and so have no part in what
# was made. The size of a file shows without reading it, as git's index makes use of, and in the store a read
# doesn't show: where something that was read may do either, they are none.
unread() {
    local otherwise='[$][({]?src\>|\<wc (-[a-z]*c|--bytes)|\<du +-|\<ls -[A-Za-z]*[ls]|\<find\>.* -(size|printf|ls)\>'
    otherwise+='|\<[fl]?stat[[:space:]]*[($-]|\<(getsize|filesize)\>|\<st_size\>|--atime-preserve|O_NOATIME'
    local perls="(^|[^A-Za-z0-9_-])-s[[:space:](]*[\"'$]"
    otherwise+="|\\<perl\\>.*$perls"
    [ -e "$about/read" ] || return 0
    if grep -qzaE -e "$otherwise" -- "$work/called" || grep -qza '/\.git/index$' -- "$work/paths"; then return 0; fi
    common "$work/files" "$about/read" >"$work/read-before"
    {
        named "$work/read-before" "$c_source|$prose" | without "$work/read-before" - |
            found_in_files -laE -e "$otherwise" --
        named "$work/read-before" '[^/]*\.(pl|pm)' | found_in_files -laE -e "$perls" --
    } >"$work/mentions"
    nothing_in "$work/mentions" || return 0
    # Where nothing was in one, there was nothing to read.
    {
        found -type f -empty -print0
        grep -za "^$(printf '' | b2sum --length=256 | cut -b-64) " "$about/digests" | paths_of_digests || true
    } | sorted >"$work/empty"
    without "$work/different" "$about/read" | without - "$work/other-type" | without - "$work/empty"
}
