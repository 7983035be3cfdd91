package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// downloads are the commands with which a NIM image fills a model cache.
var downloads = map[string]bool{
	"download-to-cache":  true,
	"create-model-store": true,
	"huggingface-cli":    true,
	"hf":                 true,
}

// download writes a marker file where the command would have put the model.
func download(name string, args []string) int {
	event("download started", map[string]any{"command": name, "args": args})
	time.Sleep(seconds("STANDIN_DOWNLOAD_SECONDS", 0))
	if message := os.Getenv("STANDIN_DOWNLOAD_FAIL"); message != "" {
		fmt.Fprintln(os.Stderr, message)
		return 1
	}
	folder := target(args)
	if err := mark(folder, name+" "+strings.Join(args, " ")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	event("download finished", map[string]any{"folder": folder})
	return 0
}

// target is the folder named by an option, or else the NIM's own cache.
func target(args []string) string {
	for i, arg := range args {
		for _, option := range []string{"--model-store", "--local-dir"} {
			if value, found := strings.CutPrefix(arg, option+"="); found {
				return value
			}
			if arg == option && i+1 < len(args) {
				return args[i+1]
			}
		}
	}
	return port("NIM_CACHE_PATH", "/opt/nim/.cache")
}

func mark(folder, text string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, "standin-model"), []byte(text+"\n"), 0o644)
}
