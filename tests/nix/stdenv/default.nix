# A small stdenv on the host's own tools, with the phases and hooks that nixpkgs documents for its
# stdenv (Nixpkgs manual, "The Standard Environment"), so that builds need neither a network nor
# nixpkgs. `inputs` are folders with a `setup-hook`, as a package's nativeBuildInputs.
let
  setup = ./setup.sh;

  stdenv = derivation {
    name = "stdenv";
    system = builtins.currentSystem;
    builder = "/bin/bash";
    args = [
      "-c"
      "/bin/mkdir $out && /bin/cp ${setup} $out/setup"
    ];
  };

  mkDerivation =
    attrs:
    let
      arguments = removeAttrs attrs [
        "passthru"
        "builder"
        "meta"
      ];
      built = derivation (
        {
          system = builtins.currentSystem;
          builder = "/bin/bash";
          args = [
            "-e"
            (attrs.builder or ./builder.sh)
          ];
          inherit stdenv;
          __ignoreNulls = true;
        }
        // arguments
      );
    in
    built
    // (attrs.passthru or { })
    // {
      overrideAttrs = change: mkDerivation (attrs // (if builtins.isFunction change then change attrs else change));
      passthru = attrs.passthru or { };
    };
in
{
  inherit mkDerivation;
}
