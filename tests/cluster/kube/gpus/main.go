// Command gpus is a driver for Dynamic Resource Allocation whose GPUs are not there: it publishes devices with the
// attributes and capacities of real ones, and prepares claims for them with the test driver of Kubernetes.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	resourceapi "k8s.io/api/resource/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/dynamic-resource-allocation/kubeletplugin"
	"k8s.io/dynamic-resource-allocation/resourceslice"
	"k8s.io/kubernetes/test/e2e/dra/test-driver/app"
)

const driver = "gpu.nvidia.com"

func main() {
	kubeconfig := flag.String("kubeconfig", "", "the cluster")
	node := flag.String("node", "", "name of the node")
	kubelet := flag.String("kubelet", "/var/lib/kubelet", "the kubelet's folder")
	number := flag.Int("gpus", 4, "how many GPUs there are")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *kubeconfig, *node, *kubelet, *number); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, kubeconfig, node, kubelet string, number int) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	clients, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	data := filepath.Join(kubelet, "plugins", driver)
	registry := filepath.Join(kubelet, "plugins_registry")
	devices := filepath.Join(kubelet, "cdi")
	for _, folder := range []string{data, registry, devices} {
		if err := os.MkdirAll(folder, 0o750); err != nil {
			return err
		}
	}
	slices := []resourceslice.Slice{{Devices: gpus(number)}}
	resources := resourceslice.DriverResources{Pools: map[string]resourceslice.Pool{node: {Slices: slices}}}
	plugin, err := app.StartPlugin(ctx, devices, driver, clients, node,
		app.FileOperations{DriverResources: &resources},
		app.Options{},
		kubeletplugin.PluginDataDirectoryPath(data),
		kubeletplugin.RegistrarDirectoryPath(registry),
	)
	if err != nil {
		return err
	}
	<-ctx.Done()
	plugin.Stop()
	return nil
}

func gpus(number int) []resourceapi.Device {
	product, kind, version := "NVIDIA A100", "gpu", "12.8.0"
	devices := make([]resourceapi.Device, number)
	for i := range devices {
		index := int64(i)
		devices[i] = resourceapi.Device{
			Name: fmt.Sprintf("gpu-%d", i),
			Attributes: map[resourceapi.QualifiedName]resourceapi.DeviceAttribute{
				"productName":       {StringValue: &product},
				"type":              {StringValue: &kind},
				"cudaDriverVersion": {VersionValue: &version},
				"index":             {IntValue: &index},
			},
			Capacity: map[resourceapi.QualifiedName]resourceapi.DeviceCapacity{
				"memory": {Value: resource.MustParse("80Gi")},
			},
		}
	}
	return devices
}
