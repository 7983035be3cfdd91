"""`nimhelm images`: every image that a chart needs, for a mirror or an air-gapped cluster.

    file, chart ─ render ─► objects ─ rendered ─► [Image] ─ digests (asked for) ─ formats ─► standard output

`named` finds the same images in values, without helm: these are in the annotations of Chart.yaml.
"""
