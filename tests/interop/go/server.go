// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sort"
	"strings"
	"time"

	"github.com/containerd/ttrpc"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/anypb"
)

func method(handle func(context.Context, *dynamicpb.Message) (*dynamicpb.Message, error)) ttrpc.Method {
	return func(ctx context.Context, unmarshal func(interface{}) error) (interface{}, error) {
		request := note("", 0, nil)
		if err := unmarshal(request); err != nil {
			return nil, err
		}
		answer, err := handle(ctx, request)
		if err != nil {
			return nil, err
		}
		return answer, nil
	}
}

func sleep(ctx context.Context, request *dynamicpb.Message) (*dynamicpb.Message, error) {
	select {
	case <-time.After(time.Duration(numberOf(request)) * time.Millisecond):
		return request, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func fail(_ context.Context, request *dynamicpb.Message) (*dynamicpb.Message, error) {
	detail, err := proto.Marshal(note("the detail", 0, nil))
	if err != nil {
		return nil, err
	}
	return nil, status.ErrorProto(&spb.Status{
		Code:    int32(numberOf(request)),
		Message: textOf(request),
		Details: []*anypb.Any{{TypeUrl: typeURL, Value: detail}},
	})
}

func metadata(ctx context.Context, _ *dynamicpb.Message) (*dynamicpb.Message, error) {
	pairs, _ := ttrpc.GetMetadata(ctx)
	var lines []string
	for key, values := range pairs {
		for _, value := range values {
			if strings.HasPrefix(key, "x-") {
				lines = append(lines, key+"="+value)
			}
		}
	}
	sort.Strings(lines)
	return note(strings.Join(lines, "\n"), 0, nil), nil
}

func sum(_ context.Context, stream ttrpc.StreamServer) (interface{}, error) {
	var total int64
	for {
		next := note("", 0, nil)
		err := stream.RecvMsg(next)
		if errors.Is(err, io.EOF) {
			return note("", total, nil), nil
		}
		if err != nil {
			return nil, err
		}
		total += numberOf(next)
	}
}

func count(_ context.Context, stream ttrpc.StreamServer) (interface{}, error) {
	limit := note("", 0, nil)
	if err := stream.RecvMsg(limit); err != nil {
		return nil, err
	}
	for number := int64(1); number <= numberOf(limit); number++ {
		if err := stream.SendMsg(note("", number, nil)); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

func chat(_ context.Context, stream ttrpc.StreamServer) (interface{}, error) {
	for {
		next := note("", 0, nil)
		err := stream.RecvMsg(next)
		if errors.Is(err, io.EOF) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		if err := stream.SendMsg(next); err != nil {
			return nil, err
		}
	}
}

// serve runs until the standard input ends.
func serve(socket string) error {
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	server, err := ttrpc.NewServer()
	if err != nil {
		return err
	}
	server.RegisterService(service, &ttrpc.ServiceDesc{
		Methods: map[string]ttrpc.Method{
			"Echo": method(func(_ context.Context, request *dynamicpb.Message) (*dynamicpb.Message, error) {
				return request, nil
			}),
			"Sleep": method(sleep),
			"Fail":  method(fail),
			"Blob": method(func(_ context.Context, request *dynamicpb.Message) (*dynamicpb.Message, error) {
				return note("", 0, make([]byte, numberOf(request))), nil
			}),
			"Metadata": method(metadata),
		},
		Streams: map[string]ttrpc.Stream{
			"Sum":   {Handler: sum, StreamingClient: true},
			"Count": {Handler: count, StreamingServer: true},
			"Chat":  {Handler: chat, StreamingClient: true, StreamingServer: true},
		},
	})
	go func() {
		_ = server.Serve(context.Background(), listener)
	}()
	fmt.Println("serving")
	_, err = io.Copy(io.Discard, os.Stdin)
	_ = server.Close()
	return err
}
