"""One module a connector, named like it: `open_rig(tmp_path)` gives a source that a test can change (see base.py).

A connector of several kinds of source names an opener for each in `RIGS` instead.
"""
