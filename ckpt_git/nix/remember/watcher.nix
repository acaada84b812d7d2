# drv: given: what watches drv's build, and the PATH of its stdenv for what is done beside it.
#
# The programs are compiled by drv's own stdenv, or are those of `given`, a folder that has them. A
# stdenv that can't leaves a file `none` in their place, which says why.
drv: given:
let
  source = ../../watch;
  isNeeded =
    path: type: type == "directory" || builtins.match ".*(\\.[ch]|\\.mk|/Makefile)" path != null;
in
derivation {
  name = "ckpt-watch";
  inherit (drv) system stdenv builder;
  outputs = [ "out" ];
  args = [
    "-e"
    ./compile.sh
  ];
  sources = builtins.path {
    name = "ckpt-watch-source";
    path = source;
    filter = isNeeded;
  };
  given = if given == null then "" else "${given}";
}
