"""`nimhelm graph`: the services of a pipeline, what they wait for, their ports and GPUs.

    file, chart ─ source ─┐
                          ├─► Picture ─ text, mermaid, dot, svg ─► standard output
    release ── release ───┘

A Picture holds no layout. Each output is a module of its own name.
"""
