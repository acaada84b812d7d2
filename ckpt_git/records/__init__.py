"""What is kept in ``.git/ckpt``: records, checkpoints, logs, notices, the queue, what runs now.

It lies in the common git folder, so linked worktrees share it. Everything here reads and writes
small files and takes locks; nothing runs a process or knows how a build is made.

    records/PACKAGE/KEY-RECIPE.json   one build's result        (results)
    logs/TIME-PACKAGE.log             what builds printed       (results)
    checkpoints/PACKAGE/ID.json       what can be started from  (checkpoints)
    in-force/PACKAGE.json             which of it is in force   (checkpoints)
    distrusted/PACKAGE/ID.json        what was found wrong      (checkpoints, state)
    weights/PACKAGE.json              what a change compiles    (costs)
    drift/PACKAGE.json                what staying has cost     (costs)
    notices/TIME.txt                  what to tell, each once   (state, hooks/background.sh)
    trusted/DIGEST.json               what hooks may build by   (agreements; DIGEST.asked: was told)
    queue/SLOT.json                   what waits to be built    (queue)
    running.json  runs/ID.json        what runs, how it ended   (runs)
    starting                          a builder is about to run (runs; hooks/background.sh)
    pending-WORKTREE                  who is about to look at a work tree (pending)
    head-WORKTREE                     what was committed in a linked one last (pending)
    skip                              hooks ask git whether to do nothing (state)
    unwritten                         there was no room for a notice (state)
    start.log                         why Python did not start  (hooks/background.sh)
    locks/NAME                        empty files to lock       (lock)
    damaged/                          files that could not be read, for people to look at
"""
