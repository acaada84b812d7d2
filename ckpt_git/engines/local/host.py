"""What a build sees of this machine: fixed paths, folders, environment."""

from __future__ import annotations

import glob
import os

TYPE_CHECKING = False
if TYPE_CHECKING:  # what lists the toolchain begins before that is imported
    from collections.abc import Mapping

    from ckpt_git.model.derivation import Derivation

BUILD_ROOT = "/build"
"""Where the build's folder lies in a sandbox; the source is in ``source`` below it."""

OUT_ROOT = "/ckpt"
"""``$out`` of package NAME is ``/ckpt/NAME`` in a sandbox."""

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

SYSTEM_FOLDERS = (
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/nix/store",
    "/gnu/store",
    "/run/current-system/sw",
)
"""Read-only in every sandbox where they exist: programs, libraries, headers."""

SYSTEM_CONFIGURATION = (
    "/etc/alternatives",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/etc/ca-certificates",
    "/etc/pki/ca-trust",
    "/etc/pki/tls/certs",
    "/etc/fonts",
    "/etc/perl",
    "/etc/protocols",
    "/etc/services",
    "/etc/mime.types",
    "/etc/magic",
    "/etc/texmf",
    "/etc/emacs",
    "/etc/java-*",
    "/etc/mono",
    "/etc/php",
    "/etc/R",
    "/etc/ghc",
)
"""The parts of /etc that programs of those folders need to work; no account, no key, no host."""

NETWORK_CONFIGURATION = ("/etc/resolv.conf", "/etc/nsswitch.conf", "/etc/hosts", "/etc/gai.conf")
"""Further parts that the ``fetch`` command needs to find a server."""

_FETCH_VARIABLES = (
    "http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "no_proxy",
    "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY",
    "SSL_CERT_FILE", "SSL_CERT_DIR", "NIX_SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS", "GOPROXY", "GOSUMDB", "GONOSUMDB", "GOPRIVATE", "GOINSECURE",
    "npm_config_registry", "NPM_CONFIG_REGISTRY", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL",
    "PIP_CERT", "UV_INDEX_URL", "CARGO_HTTP_PROXY", "CARGO_HTTP_CAINFO",
)  # fmt: skip


def machine() -> list[str]:
    """What a build can see of this machine that isn't in its files: kernel, processors."""
    kernel = os.uname()
    flags = ""
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as told:
            flags = next((line for line in told if line.startswith(("flags", "Features"))), "")
    except OSError:
        pass
    return [kernel.sysname, kernel.release, kernel.machine, flags, str(os.cpu_count())]


def environment(
    drv: Derivation, *, top: str, out: str, tmp: str, cores: int, path: str
) -> dict[str, str]:
    """The whole environment of a build, as small and as fixed as nixpkgs' stdenv has it.

    ``SOURCE_DATE_EPOCH`` is 1980-01-01, the first date that a zip file can hold. Package
    managers keep what they must keep below ``$NIX_BUILD_TOP/cache``: it is part of the layer. A
    ccache that the build calls by itself (Meson does) caches nothing there: it could give an old
    object for a header that is found in another place now.
    """
    cache = f"{top}/cache"
    return {
        "PATH": path,
        "HOME": "/homeless-shelter",
        "TMPDIR": tmp,
        "TZ": "UTC",
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "TERM": "dumb",
        "SHELL": shell(),
        "NIX_BUILD_TOP": top,
        "NIX_BUILD_CORES": str(cores),
        "SOURCE_DATE_EPOCH": "315532800",
        "XDG_CACHE_HOME": cache,
        "CARGO_HOME": f"{cache}/cargo",
        "GOPATH": f"{cache}/go",
        "npm_config_cache": f"{cache}/npm",
        "CCACHE_DISABLE": "1",
        **drv.env,
        "out": out,
    }


def fetch_environment(host: Mapping[str, str]) -> dict[str, str]:
    """What the ``fetch`` command takes over from the user: proxies, certificates, registries."""
    return {name: host[name] for name in _FETCH_VARIABLES if name in host}


def shell() -> str:
    """The shell that runs a phase: bash as in stdenv, else sh."""
    return next((p for p in ("/bin/bash", "/usr/bin/bash") if os.path.exists(p)), "/bin/sh")


def which(program: str, path: str) -> str | None:
    """The program of that name on ``path``, as shutil has it, which takes 2 ms to import."""
    for folder in path.split(os.pathsep):
        found = os.path.join(folder, program)
        if os.path.isfile(found) and os.access(found, os.X_OK):
            return found
    return None


def search_path(inputs: tuple[str, ...], base: str = SYSTEM_PATH) -> str:
    """PATH: the ``bin`` folders of the declared inputs, then the system's."""
    found = []
    for path in inputs:
        if path.endswith("/bin"):
            found.append(path)
        elif os.path.isdir(f"{path}/bin"):
            found.append(f"{path}/bin")
    return ":".join([*found, base])


def host_paths(patterns: tuple[str, ...]) -> list[str]:
    """Those of ``patterns`` that exist on this machine."""

    found: list[str] = []
    for pattern in patterns:
        if pattern.endswith("*"):
            found += sorted(glob.glob(pattern))
        elif os.path.lexists(pattern):
            found.append(pattern)
    return found
