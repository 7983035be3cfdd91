"""`nimhelm explain`: what a code means, why it matters and how to fix it.

The catalogue is data: findings.yaml for what validate finds, cluster.yaml for what preflight and status see of a cluster. Nothing
of it is read before it is asked for.
"""
