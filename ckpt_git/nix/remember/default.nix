# The functions of the library, for builds that are seen: all phases run from nothing, in the
# build's own order, and a command is answered that an earlier build ran on the same inputs.
{ watcher }:
let
  builder = "${./build.sh}";

  # drv, run by build.sh with a further setting: a name, `=` and a value. They are words of `args`, so
  # that no variable of the build's has them.
  withSetting =
    drv: setting:
    let
      isRunByUs = builtins.length drv.args > 1 && builtins.elemAt drv.args 1 == builder;
      rest = if isRunByUs then builtins.genList (n: builtins.elemAt drv.args (n + 2)) (builtins.length drv.args - 2) else [
        "watcher=${import ./watcher.nix drv watcher}"
        "--"
        drv.builder
      ] ++ drv.args;
    in
    [
      "-e"
      builder
      setting
    ]
    ++ rest;

  supported = import ../supported.nix;
in
rec {
  withCheckpoint =
    drv:
    let
      output = "checkpoint";
      checked = supported "withCheckpoint" drv;
    in
    if drv.drvAttrs ? ${output} || builtins.elem output (drv.outputs or [ ]) then
      throw "withCheckpoint: ${drv.name} has an output or an attribute that is called ${output}"
    else
      checked.overrideAttrs (old: {
        outputs = (old.outputs or [ "out" ]) ++ [ output ];
        # Where drv has no variable `outputs`, its builder gets none.
        args = withSetting drv "${if drv.drvAttrs ? outputs then "output" else "only_output"}=${output}";
        passthru = removeAttrs (old.passthru or { }) [ output ] // {
          checkpointBase = drv;
        };
      });

  prepareCheckpointBuild =
    drv:
    builtins.seq (supported "prepareCheckpointBuild" drv) (withCheckpoint drv).checkpoint
    // {
      checkpointBase = drv;
    };

  mkCheckpointBuild =
    drv: artifacts:
    (supported "mkCheckpointBuild" drv).overrideAttrs (old: {
      args = withSetting drv "artifacts=${artifacts}";
      passthru = (old.passthru or { }) // {
        checkpoint = artifacts;
        checkpointBase = artifacts.checkpointBase or null;
      };
    });

  mkCheckpointedBuild = mkCheckpointBuild;
}
