"""What a build tool would take for up to date although it isn't, and what is done about it.

missed.py       the rules, and the precautions that they lead to; precautions.py: those as values
rehearsal.py    asks make, by dry runs, what it would run; dry_run.py, asked.py, shell_words.py
exported.py     variables that makefiles export; included.py: sources that no depfile speaks of
configure.py    whether to configure again; by_folder.py, statements.py: what that reads
remembered.py   what a configured build folder remembers
build_tool.py   which build tool a derivation calls; depfiles.py: what compilers wrote down
seen.py         what a traced build tells of the checkpoint's steps
"""
