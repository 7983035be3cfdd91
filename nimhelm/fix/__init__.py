"""`nimhelm validate --fix`: edits that cannot change what is meant, in the text of the file. Comments and layout stay.

    finding ─ tree: where it stands ─► Entry ─ spelling, shape, move ─► [Splice] ─ command: checked, written

A fault has an edit only when there is one way to write what the file says already. What needs a guess stays a finding.
"""
