"""`nimhelm preflight`: would an install of this chart come up on this cluster?

    chart ─ render ─► Rendered ┐
                               ├─ checks/ ─► [Check] ─ output ─► text, JSON
    cluster ─ read ─► Cluster ─┘

`render` runs helm, `read` runs kubectl; neither writes. The modules of checks/ are pure functions of what was rendered and what
was read, one module for each section of the output. `command` is the command.
"""
