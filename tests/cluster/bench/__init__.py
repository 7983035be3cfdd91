"""A one-node Kubernetes for the tests, in namespaces of its own."""
