"""`nimhelm diff`: what an upgrade would do, as a plan.

    old, new ─ sides ─► Side, Side ─┬ fields ──► [Change]           what is written differently
                                    └ effects ─► [Effect]           what that does to the cluster
                                          plan ─► Difference ─ text, markdown, document ─► standard output

`fields` and `effects` are pure: they compare values, and objects. The objects come from the user's own helm, which renders
both sides. Where several fields of a service changed, `plan` renders each change by itself, so that each has its own
consequence.
"""
