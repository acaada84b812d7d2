# The Nix library: builds that start from the state of an earlier build of the same package.
#
#   let
#     inherit (import ./ckpt_git/nix { }) prepareCheckpointBuild mkCheckpointedBuild;
#     checkpoint = prepareCheckpointBuild hello;
#     changed = hello.overrideAttrs { src = ./hello; };
#   in mkCheckpointedBuild changed checkpoint
#
# A drop-in for the functions of the same names in nixpkgs' checkpointBuildTools. It needs nothing
# but a stdenv with nixpkgs' phases, overrideAttrs included, so it goes with callPackage as well.
#
# With `remember` builds start from nothing, are watched, and have known commands answered. `watcher` is a
# folder with the watcher's programs, for a stdenv without a C compiler.
{
  remember ? false,
  watcher ? null,
  ...
}:
if remember then
  import ./remember { inherit watcher; }
else
  rec {
    prepareCheckpointBuild = import ./prepare-checkpoint-build.nix;
    withCheckpoint = import ./with-checkpoint.nix;
    mkCheckpointBuild = import ./mk-checkpoint-build.nix;
    mkCheckpointedBuild = mkCheckpointBuild;
  }
