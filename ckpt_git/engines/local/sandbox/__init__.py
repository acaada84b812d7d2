"""What a build may see and touch, and the process that shuts it in.

view.py          what lies where, and the plan that makes it so for each kind of sandbox
init.py          carries a plan out: a script that runs by itself, before the first command
runner.py        starts init.py, streams what a build prints, ends it in time
launch.py        runs what was built, on the user's machine as it is
capabilities.py  which sandbox this machine has; probe.py: finds it out by trying
build_paths.py   where a package is built, the same for each of its builds
"""
