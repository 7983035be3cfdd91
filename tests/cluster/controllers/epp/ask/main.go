// Command ask does what a gateway does with a request for an InferencePool: it sends headers and body to the endpoint
// picker, and prints the address that the picker chose.
package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"time"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	extproc "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
)

const (
	destination = "x-gateway-destination-endpoint"
	body        = `{"model": "stand-in", "prompt": "hello", "max_tokens": 1}`
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: ask HOST:PORT")
		os.Exit(2)
	}
	endpoint, err := ask(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(endpoint)
}

func ask(picker string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	// The picker's certificate is its own.
	transport := credentials.NewTLS(&tls.Config{InsecureSkipVerify: true})
	connection, err := grpc.NewClient(picker, grpc.WithTransportCredentials(transport))
	if err != nil {
		return "", err
	}
	defer connection.Close()
	stream, err := extproc.NewExternalProcessorClient(connection).Process(ctx)
	if err != nil {
		return "", err
	}
	for _, message := range []*extproc.ProcessingRequest{headers(), content()} {
		if err := stream.Send(message); err != nil {
			return "", err
		}
	}
	for {
		answer, err := stream.Recv()
		if err != nil {
			return "", err
		}
		if refusal := answer.GetImmediateResponse(); refusal != nil {
			return "", fmt.Errorf("refused with %s: %s", refusal.GetStatus().GetCode(), refusal.GetBody())
		}
		if endpoint := chosen(answer); endpoint != "" {
			return endpoint, nil
		}
		if answer.GetRequestBody() != nil {
			return "", errors.New("the picker chose nothing")
		}
	}
}

func headers() *extproc.ProcessingRequest {
	names := map[string]string{":method": "POST", ":path": "/v1/completions", "content-type": "application/json"}
	list := &core.HeaderMap{}
	for name, value := range names {
		list.Headers = append(list.Headers, &core.HeaderValue{Key: name, RawValue: []byte(value)})
	}
	request := &extproc.ProcessingRequest_RequestHeaders{RequestHeaders: &extproc.HttpHeaders{Headers: list}}
	return &extproc.ProcessingRequest{Request: request}
}

func content() *extproc.ProcessingRequest {
	part := &extproc.HttpBody{Body: []byte(body), EndOfStream: true}
	return &extproc.ProcessingRequest{Request: &extproc.ProcessingRequest_RequestBody{RequestBody: part}}
}

func chosen(answer *extproc.ProcessingResponse) string {
	for _, common := range []*extproc.CommonResponse{
		answer.GetRequestHeaders().GetResponse(), answer.GetRequestBody().GetResponse(),
	} {
		for _, header := range common.GetHeaderMutation().GetSetHeaders() {
			if header.GetHeader().GetKey() == destination {
				return string(header.GetHeader().GetRawValue()) + header.GetHeader().GetValue()
			}
		}
	}
	return ""
}
