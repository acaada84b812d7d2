"""Builds that lie, grown at random: a plan of steps, edits of it, and the files that it stands for.

``plan`` is what is known of a build, ``actions`` what its steps do, ``rendering`` writes it as
makefiles and scripts, ``seeds`` grows a plan, ``edits`` change one, ``shrinking`` makes it small.
"""
