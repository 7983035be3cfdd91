"""`nimhelm adopt`: take a pipeline that the NIM Operator runs into a Helm release.

`changes` decides what happens to each object; `command` reads the cluster, shows the plan and carries it out.
"""
