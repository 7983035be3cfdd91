"""`nimhelm init`: a pipeline.yaml with start order, from the documents that people have.

`references` finds which service calls which; `order` decides what becomes a dependency; `compose` writes the YAML, with
the comments of the input; `command` ties them together.
"""
