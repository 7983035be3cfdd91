// Command argo installs or upgrades rendered manifests as Argo CD does: with gitops-engine, the part of Argo CD that
// sorts objects into phases and waves, applies them, and judges their health. It ends when everything is healthy.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/argoproj/gitops-engine/pkg/cache"
	"github.com/argoproj/gitops-engine/pkg/health"
	"github.com/argoproj/gitops-engine/pkg/sync"
	"github.com/argoproj/gitops-engine/pkg/sync/common"
	"github.com/argoproj/gitops-engine/pkg/sync/hook"
	"github.com/argoproj/gitops-engine/pkg/utils/kube"
	"github.com/argoproj/gitops-engine/pkg/utils/tracing"
	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// Argo CD marks what belongs to an application with this annotation.
const tracking = "argocd.argoproj.io/tracking-id"

func main() {
	namespace := flag.String("namespace", "default", "where the application goes")
	name := flag.String("application", "demo", "its name")
	manifests := flag.String("manifests", "", "file with what helm template printed")
	timeout := flag.Duration("timeout", 3*time.Minute, "how long to wait for health")
	flag.Parse()
	ctx, cancel := context.WithTimeout(context.Background(), *timeout)
	defer cancel()
	if err := run(ctx, *namespace, *name, *manifests); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, namespace, name, manifests string) error {
	targets, err := read(manifests, name)
	if err != nil {
		return err
	}
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	if err != nil {
		return err
	}
	config.QPS, config.Burst = 50, 100
	live := cache.NewClusterCache(config,
		cache.SetNamespaces([]string{namespace}),
		cache.SetLogr(logr.Discard()),
		cache.SetPopulateResourceInfoHandler(func(object *unstructured.Unstructured, _ bool) (any, bool) {
			owner := object.GetAnnotations()[tracking]
			return owner, owner != ""
		}),
	)
	if err := live.EnsureSynced(); err != nil {
		return err
	}
	defer live.Invalidate()
	app := &application{config, live, namespace, targets, func(each *cache.Resource) bool { return each.Info == name }}
	if err := app.sync(ctx); err != nil {
		return err
	}
	return app.waitForHealth(ctx)
}

type application struct {
	config    *rest.Config
	live      cache.ClusterCache
	namespace string
	targets   []*unstructured.Unstructured
	isOurs    func(*cache.Resource) bool
}

// compared pairs the application's objects with those of the cluster.
func (app *application) compared() (sync.ReconciliationResult, error) {
	managed, err := app.live.GetManagedLiveObjs(app.targets, app.isOurs)
	if err != nil {
		return sync.ReconciliationResult{}, err
	}
	return sync.Reconcile(app.targets, managed, app.namespace, app.live), nil
}

// sync goes on with the operation once a second, each time with what the cluster has become, as Argo CD's controller
// does.
func (app *application) sync(ctx context.Context) error {
	phase, message, started := common.OperationRunning, "", metav1.Now()
	var results []common.ResourceSyncResult
	for !phase.Completed() {
		compared, err := app.compared()
		if err != nil {
			return err
		}
		operation, cleanup, err := sync.NewSyncContext("main", compared, app.config, app.config, &kube.KubectlCmd{Log: logr.Discard(), Tracer: tracing.NopTracer{}},
			app.namespace, app.live.GetOpenAPISchema(), sync.WithInitialState(phase, message, results, started),
			sync.WithPrune(true), sync.WithServerSideApply(true), sync.WithServerSideApplyManager("argocd-controller"),
			sync.WithLogr(logr.Discard()))
		if err != nil {
			return err
		}
		operation.Sync()
		phase, message, results = operation.GetState()
		cleanup()
		if err := pause(ctx); err != nil {
			return fmt.Errorf("not synchronised in time: %s", message)
		}
	}
	for _, each := range results {
		fmt.Println(each.SyncPhase, each.ResourceKey.Kind, each.ResourceKey.Name, each.Status, each.HookPhase, each.Message)
	}
	if !phase.Successful() {
		return fmt.Errorf("%s: %s", phase, message)
	}
	return nil
}

func pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(time.Second):
		return nil
	}
}

// read returns the objects of the file, marked as those of the application.
func read(path, name string) ([]*unstructured.Unstructured, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	objects, err := kube.SplitYAML(text)
	if err != nil {
		return nil, err
	}
	for _, each := range objects {
		annotations := each.GetAnnotations()
		if annotations == nil {
			annotations = map[string]string{}
		}
		annotations[tracking] = name
		each.SetAnnotations(annotations)
	}
	return objects, nil
}

// waitForHealth polls until every object is healthy, and fails as soon as one is Degraded.
func (app *application) waitForHealth(ctx context.Context) error {
	for {
		compared, err := app.compared()
		if err != nil {
			return err
		}
		waiting, err := unhealthy(compared)
		if err != nil || waiting == "" {
			return err
		}
		if err := pause(ctx); err != nil {
			return fmt.Errorf("not healthy in time: %s", waiting)
		}
	}
}

// unhealthy names an object that is not healthy yet, "" if there is none.
func unhealthy(compared sync.ReconciliationResult) (string, error) {
	waiting := ""
	for i, target := range compared.Target {
		if target == nil || hook.IsHook(target) || hook.Skip(target) {
			continue
		}
		key, object := kube.GetResourceKey(target), compared.Live[i]
		if object == nil {
			waiting = key.String() + " does not exist"
			continue
		}
		found, err := health.GetResourceHealth(object, nil)
		if err != nil {
			return "", err
		}
		if found == nil {
			continue
		}
		switch found.Status {
		case health.HealthStatusHealthy, health.HealthStatusSuspended:
		case health.HealthStatusDegraded:
			return "", fmt.Errorf("%s is Degraded: %s", key, found.Message)
		default:
			waiting = fmt.Sprintf("%s is %s: %s", key, found.Status, found.Message)
		}
	}
	return waiting, nil
}
