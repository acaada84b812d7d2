"""Small faults that are put into a copy of the program, one at a time: is each of them found?"""
