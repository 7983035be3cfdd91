// Command standin behaves like a NIM as far as Kubernetes can tell: it listens,
// takes its time to become ready, and fails in the ways the tests ask for.  What
// it does is set by environment variables; the README of the bench lists them.
package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"
)

func main() {
	name, args := filepath.Base(os.Args[0]), os.Args[1:]
	if name == "pause" {
		// The same program is also the container that holds a pod's namespaces.
		waitForSignal()
		return
	}
	if len(args) > 0 && downloads[filepath.Base(args[0])] {
		name, args = filepath.Base(args[0]), args[1:]
	}
	if downloads[name] {
		os.Exit(download(name, args))
	}
	if os.Getenv("NIM_ENGINE_MODEL_DOWNLOAD_ONLY") == "1" {
		// An image with the native layout has no command for it: it is run as it is.
		os.Exit(download("native", []string{"--local-dir", os.Getenv("NIM_ENGINE_MODEL_PATH")}))
	}
	requireAll(os.Getenv("STANDIN_REQUIRE"))
	serve(newServer(os.Getenv("STANDIN_READY_AFTER")))
}

// event writes one JSON line; the tests read the times from these.
func event(name string, fields map[string]any) {
	line := map[string]any{"time": time.Now().UTC().Format(time.RFC3339Nano), "event": name}
	for key, value := range fields {
		line[key] = value
	}
	text, _ := json.Marshal(line)
	fmt.Println(string(text))
}

type server struct{ ready atomic.Bool }

// newServer returns a server that becomes ready after some seconds, or never.
func newServer(readyAfter string) *server {
	s := &server{}
	if readyAfter != "never" {
		time.AfterFunc(seconds("STANDIN_READY_AFTER", 1), func() { s.setReady(true) })
	}
	return s
}

func (s *server) setReady(value bool) {
	if s.ready.Swap(value) != value {
		event(map[bool]string{true: "ready", false: "not ready"}[value], nil)
	}
}

func serve(s *server) {
	mux := http.NewServeMux()
	mux.HandleFunc("/v1/health/live", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, http.StatusOK, map[string]any{"object": "health.response", "message": "Service is live."})
	})
	mux.HandleFunc("/v1/health/ready", s.answerReady)
	mux.HandleFunc("/v1/models", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, http.StatusOK, map[string]any{"object": "list", "data": []any{map[string]any{"id": "stand-in", "object": "model"}}})
	})
	mux.HandleFunc("/v1/metrics", answerMetrics)
	mux.HandleFunc("/standin/ready", s.switchReady)
	mux.HandleFunc("/standin/exit", func(_ http.ResponseWriter, r *http.Request) {
		code, _ := strconv.Atoi(r.URL.Query().Get("code"))
		event("exit", map[string]any{"code": code})
		os.Exit(code)
	})
	mux.HandleFunc("/standin/request", describeRequest)
	mux.HandleFunc("/standin/burn", burn)
	api := &http.Server{Addr: ":" + port("NIM_SERVER_PORT", "8000"), Handler: mux}
	if kind := os.Getenv("STANDIN_TLS"); kind != "" {
		listenTLS(api, kind)
	} else {
		listen(api.ListenAndServe)
	}
	if grpc := os.Getenv("NIM_GRPC_API_PORT"); grpc != "" {
		listenGRPC(grpc)
	}
	if metrics := os.Getenv("NIM_TRITON_METRICS_PORT"); metrics != "" {
		metricsMux := http.NewServeMux()
		metricsMux.HandleFunc("/metrics", answerMetrics)
		listen((&http.Server{Addr: ":" + metrics, Handler: metricsMux}).ListenAndServe)
	}
	event("started", map[string]any{"port": port("NIM_SERVER_PORT", "8000")})
	misbehave()
	waitForSignal()
}

func (s *server) answerReady(w http.ResponseWriter, _ *http.Request) {
	if s.ready.Load() {
		reply(w, http.StatusOK, map[string]any{"object": "health.response", "message": "Service is ready."})
		return
	}
	reply(w, http.StatusServiceUnavailable, map[string]any{"object": "health.response", "message": "Service is not ready."})
}

func (s *server) switchReady(w http.ResponseWriter, r *http.Request) {
	value, err := strconv.ParseBool(r.URL.Query().Get("value"))
	if err != nil {
		reply(w, http.StatusBadRequest, map[string]any{"message": "value=true or value=false"})
		return
	}
	s.setReady(value)
	reply(w, http.StatusOK, map[string]any{"ready": value})
}

func answerMetrics(w http.ResponseWriter, _ *http.Request) {
	fmt.Fprintln(w, "# TYPE standin_up gauge\nstandin_up 1")
}

func reply(w http.ResponseWriter, code int, body map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(body)
}

func listen(serve func() error) {
	go func() {
		event("cannot listen", map[string]any{"error": serve().Error()})
		os.Exit(1)
	}()
}

// describeRequest says what arrived, and where: gateways may change the host and the path.
func describeRequest(w http.ResponseWriter, r *http.Request) {
	pod, _ := os.Hostname()
	reply(w, http.StatusOK, map[string]any{"host": r.Host, "path": r.URL.Path, "pod": pod})
}

// burn keeps one core busy for some seconds, so that there is something to scale by.
func burn(w http.ResponseWriter, r *http.Request) {
	duration, err := time.ParseDuration(r.URL.Query().Get("seconds") + "s")
	if err != nil {
		reply(w, http.StatusBadRequest, map[string]any{"message": "seconds=N"})
		return
	}
	go func() {
		for end := time.Now().Add(duration); time.Now().Before(end); {
		}
	}()
	reply(w, http.StatusOK, map[string]any{"seconds": duration.Seconds()})
}

// listenGRPC answers every unary call with an empty message, and logs what was called by which name.
func listenGRPC(number string) {
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		event("grpc call", map[string]any{"host": r.Host, "path": r.URL.Path})
		w.Header().Set("Content-Type", "application/grpc")
		w.Header().Set("Trailer", "Grpc-Status")
		_, _ = w.Write(make([]byte, 5))
		w.Header().Set("Grpc-Status", "0")
	})
	server := &http.Server{Addr: ":" + number, Handler: handler, Protocols: &http.Protocols{}}
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetUnencryptedHTTP2(true)
	listen(server.ListenAndServe)
}

func waitForSignal() {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	event("stopped", map[string]any{"signal": (<-stop).String()})
}

func port(variable, fallback string) string {
	if value := os.Getenv(variable); value != "" {
		return value
	}
	return fallback
}

func seconds(variable string, fallback float64) time.Duration {
	if value, err := strconv.ParseFloat(os.Getenv(variable), 64); err == nil {
		fallback = value
	}
	return time.Duration(fallback * float64(time.Second))
}
