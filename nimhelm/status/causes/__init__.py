"""Why a service is not ready. One module per realm of trouble, each a handful of functions (evidence) -> Cause or None.

`nimhelm.status.diagnose` holds the table of them all. A new cause is a function here, a row there and a case in
tests/status/cases.
"""
