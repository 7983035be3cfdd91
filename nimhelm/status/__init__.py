"""`nimhelm status`: is a release ready, and if not, why.

    cluster or dump ─ cluster, dump ─► Snapshot ─ compute ─► PipelineStatus ─ output ─► text, JSON, YAML

`compute` is pure. It reads the chart's own graph (graph.py), finds each service's objects (evidence.py), its readiness
(readiness.py), and, for one that is not ready, the first cause that fits from the tables of causes/ (diagnose.py).
`watch` is the command: it reads, computes and shows, once or until the release is settled.
"""
