# function: drv: drv, or an error of evaluation that says what about it can't be checkpointed.
#
# function is the name of the one that was called, for the message.
function: drv:
let
  name = drv.name or "this derivation";
  set = attribute: (drv.${attribute} or null) != null && drv.${attribute} != "";
  refuse = reason: throw "${function}: ${name} ${reason}";
  builder = baseNameOf (toString drv.builder);
  phases = drv.phases or null;
  hasPhase = if builtins.isList phases then builtins.elem "buildPhase" phases else builtins.match ".*buildPhase.*" phases != null;
in
if !(builtins.isAttrs drv && drv.type or null == "derivation") then
  throw "${function}: the first argument is not a derivation"
else if !(drv ? overrideAttrs) then
  refuse "has no overrideAttrs; it must be made by stdenv.mkDerivation"
else if set "outputHash" then
  refuse "is a fixed-output derivation, which is not built anew when its source changes"
else if set "buildCommand" || set "buildCommandPath" then
  refuse "is built by one command (runCommand and the like); only what has stdenv's phases can be checkpointed"
else if drv.dontBuild or false != false && drv.dontBuild != "" then
  refuse "has dontBuild, so that there is no build to keep the state of"
else if phases != null && !hasPhase then
  refuse "has phases without buildPhase, so that there is no build to keep the state of"
else if builder != "bash" && builder != "sh" then
  refuse "is run by ${builder} (realBuilder), not by stdenv's shell"
else
  drv
