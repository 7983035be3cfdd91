"""`nimhelm timeline`: where the time of a start-up went.

    cluster or dump ─ status.cluster, status.dump ─► Snapshot ─ compute ─► Timeline ─ text, page ─► terminal, JSON, HTML

`compute` is pure: it turns each pod's conditions, containers and events into segments (pod.py), picks the pods of the
newest roll-out, follows the critical path back from the service that was ready last (path.py), and replays the
start-up with parts of it left out to say what that would gain (gains.py). `command` reads and prints.
"""
