package main

import (
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

// requireAll exits unless every URL answers 200: what a service does that is
// started before what it depends on.
func requireAll(urls string) {
	client := http.Client{Timeout: 5 * time.Second}
	for _, url := range strings.FieldsFunc(urls, func(r rune) bool { return r == ',' || r == ' ' }) {
		response, err := client.Get(url)
		if err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				continue
			}
			err = fmt.Errorf("status %d", response.StatusCode)
		}
		event("dependency missing", map[string]any{"url": url, "error": err.Error()})
		os.Exit(1)
	}
}

// misbehave crashes, or takes more memory than it may, if the environment says so.
func misbehave() {
	if os.Getenv("STANDIN_CRASH_AFTER") != "" {
		time.AfterFunc(seconds("STANDIN_CRASH_AFTER", 0), crash)
	}
	if mebibytes, err := strconv.Atoi(os.Getenv("STANDIN_ALLOCATE_MIB")); err == nil {
		allocate(mebibytes)
	}
}

func crash() {
	if text := os.Getenv("STANDIN_CRASH_LOG"); text != "" {
		fmt.Fprintln(os.Stderr, text)
	}
	code, err := strconv.Atoi(os.Getenv("STANDIN_EXIT_CODE"))
	if err != nil {
		code = 1
	}
	event("crash", map[string]any{"code": code})
	os.Exit(code)
}

var held [][]byte

// allocate touches every page: memory that is only reserved counts for nothing.
func allocate(mebibytes int) {
	for range mebibytes {
		block := make([]byte, 1<<20)
		for i := 0; i < len(block); i += 4096 {
			block[i] = 1
		}
		held = append(held, block)
	}
	event("allocated", map[string]any{"MiB": mebibytes})
}
