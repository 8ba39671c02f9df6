"""Correlation rules: what several matches of other rules mean together.

reader.py  from a draft to a rule        correlator.py  from matches to matches
rule.py    what a rule says              window.py, metrics.py  what it counts, over which time
memory.py  what was gathered, as plain data
"""
