"""What the shape of a document cannot say: rules over several fields, over services, over the graph.

Each module holds the rules of one part of the spec. A rule takes a Service or a Pipeline and yields Findings. A rule
must survive any data: a field of a wrong type is reported by schema_check.py and counts as absent here.
"""
