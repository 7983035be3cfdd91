module nimhelm.test/controllers/gitops

go 1.26

require (
	github.com/argoproj/argo-cd/v3 v3.1.0
	github.com/fluxcd/helm-controller v1.4.0
	github.com/fluxcd/source-controller v1.7.0
)
