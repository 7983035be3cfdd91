"""What a chart is made of: each module makes or handles one part of it.

    Plan ─ build ─► Chart ─ write ─► directory or .tgz          directory or .tgz ─ read, drift ─► what differs

`build` puts a chart together from chart-template/, `values` (values.yaml), `schema` (values.schema.json) and `readme`.
"""
