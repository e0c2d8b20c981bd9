// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/containerd/ttrpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/dynamicpb"
)

const mib = 1 << 20

func call(ctx context.Context, client *ttrpc.Client, method string, request *dynamicpb.Message) (*dynamicpb.Message, error) {
	answer := note("", 0, nil)
	err := client.Call(ctx, service, method, request, answer)
	return answer, err
}

func echoed(client *ttrpc.Client, message *dynamicpb.Message) error {
	answer, err := call(context.Background(), client, "Echo", message)
	if err != nil {
		return err
	}
	return same(answer, message)
}

func same(seen, expected *dynamicpb.Message) error {
	if !proto.Equal(seen, expected) {
		return fmt.Errorf("expected a note with text %q and number %d, seen %q and %d",
			textOf(expected), numberOf(expected), textOf(seen), numberOf(seen))
	}
	return nil
}

func hasCode(err error, code codes.Code) error {
	if status.Code(err) != code {
		return fmt.Errorf("expected the code %v, seen %v: %v", code, status.Code(err), err)
	}
	return nil
}

func unary(client *ttrpc.Client) error {
	return errors.Join(echoed(client, note("hé", -5, []byte{0, 255})), echoed(client, note("", 0, nil)))
}

func statusWithDetails(client *ttrpc.Client) error {
	_, err := call(context.Background(), client, "Fail", note("ESRCH: No such process", 13, nil))
	whole := status.Convert(err).Proto()
	if whole.GetCode() != 13 || whole.GetMessage() != "ESRCH: No such process" || len(whole.GetDetails()) != 1 {
		return fmt.Errorf("seen the status %v", whole)
	}
	detail := note("", 0, nil)
	if err := proto.Unmarshal(whole.GetDetails()[0].GetValue(), detail); err != nil {
		return err
	}
	if whole.GetDetails()[0].GetTypeUrl() != typeURL {
		return fmt.Errorf("seen the detail %v", whole.GetDetails()[0])
	}
	return same(detail, note("the detail", 0, nil))
}

func unknownMethod(client *ttrpc.Client) error {
	_, err := call(context.Background(), client, "Nothing", note("", 0, nil))
	return hasCode(err, codes.Unimplemented)
}

func unknownService(client *ttrpc.Client) error {
	return hasCode(client.Call(context.Background(), "no.such.Service", "Echo", note("", 0, nil), note("", 0, nil)), codes.Unimplemented)
}

// The library's client gives up by itself at the deadline; the server's own answer is seen on a plain socket.
func deadline(client *ttrpc.Client, socket string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	_, err := call(ctx, client, "Sleep", note("", 30_000, nil))
	if !errors.Is(err, context.DeadlineExceeded) && status.Code(err) != codes.DeadlineExceeded {
		return fmt.Errorf("expected the deadline to pass, seen %v", err)
	}
	connection, err := net.Dial("unix", socket)
	if err != nil {
		return err
	}
	defer connection.Close()
	if err := send(connection, 1, "Sleep", note("", 30_000, nil), 50_000_000); err != nil {
		return err
	}
	_, answer, err := receive(connection)
	if err != nil {
		return err
	}
	return hasCode(status.ErrorProto(answer.Status), codes.DeadlineExceeded)
}

func farDeadline(client *ttrpc.Client) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10_000*time.Second)
	defer cancel()
	_, err := call(ctx, client, "Echo", note("", 1, nil))
	return err
}

func metadataArrives(client *ttrpc.Client) error {
	pairs := ttrpc.MD{}
	pairs.Append("x-trace", "one", "two")
	pairs.Append("x-other", "")
	answer, err := call(ttrpc.WithMetadata(context.Background(), pairs), client, "Metadata", note("", 0, nil))
	if err != nil {
		return err
	}
	return same(answer, note("x-other=\nx-trace=one\nx-trace=two", 0, nil))
}

func largeMessage(client *ttrpc.Client) error {
	return echoed(client, note("", 0, make([]byte, 4*mib-200)))
}

func oversizedResponse(client *ttrpc.Client) error {
	_, err := call(context.Background(), client, "Blob", note("", 4*mib, nil))
	return errors.Join(hasCode(err, codes.ResourceExhausted), echoed(client, note("", 3, nil)))
}

// The library refuses to send such a request, so this one goes over a plain socket.
func oversizedRequest(socket string) error {
	connection, err := net.Dial("unix", socket)
	if err != nil {
		return err
	}
	defer connection.Close()
	if err := send(connection, 1, "Echo", note("", 0, make([]byte, 4*mib)), 0); err != nil {
		return err
	}
	id, answer, err := receive(connection)
	if err != nil {
		return err
	}
	if err := hasCode(status.ErrorProto(answer.Status), codes.ResourceExhausted); err != nil || id != 1 {
		return fmt.Errorf("stream %d: %w", id, err)
	}
	if err := send(connection, 3, "Echo", note("", 3, nil), 0); err != nil {
		return err
	}
	return receiveEcho(connection, note("", 3, nil))
}

func idsOutOfOrder(socket string) error {
	connection, err := net.Dial("unix", socket)
	if err != nil {
		return err
	}
	defer connection.Close()
	ids := []uint32{9, 1, 7, 3, 5, 2001, 11}
	for _, id := range ids {
		if err := send(connection, id, "Echo", note("", 4, nil), 0); err != nil {
			return err
		}
	}
	for range ids {
		if err := receiveEcho(connection, note("", 4, nil)); err != nil {
			return err
		}
	}
	return nil
}

func receiveEcho(connection net.Conn, expected *dynamicpb.Message) error {
	_, answer, err := receive(connection)
	if err != nil {
		return err
	}
	if answer.Status != nil && answer.Status.Code != 0 {
		return status.ErrorProto(answer.Status)
	}
	seen := note("", 0, nil)
	if err := proto.Unmarshal(answer.Payload, seen); err != nil {
		return err
	}
	return same(seen, expected)
}

func send(connection net.Conn, id uint32, method string, message *dynamicpb.Message, timeoutNano int64) error {
	payload, err := proto.Marshal(message)
	if err != nil {
		return err
	}
	data, err := proto.Marshal(&ttrpc.Request{Service: service, Method: method, Payload: payload, TimeoutNano: timeoutNano})
	if err != nil {
		return err
	}
	header := make([]byte, 10)
	binary.BigEndian.PutUint32(header, uint32(len(data)))
	binary.BigEndian.PutUint32(header[4:], id)
	header[8] = 1
	_, err = connection.Write(append(header, data...))
	return err
}

func receive(connection net.Conn) (uint32, *ttrpc.Response, error) {
	header := make([]byte, 10)
	if _, err := io.ReadFull(connection, header); err != nil {
		return 0, nil, err
	}
	data := make([]byte, binary.BigEndian.Uint32(header))
	if _, err := io.ReadFull(connection, data); err != nil {
		return 0, nil, err
	}
	response := &ttrpc.Response{}
	return binary.BigEndian.Uint32(header[4:]), response, proto.Unmarshal(data, response)
}

func sixtyFourCallers(client *ttrpc.Client) error {
	failures := make([]error, 64)
	var callers sync.WaitGroup
	for caller := range failures {
		callers.Add(1)
		go func() {
			defer callers.Done()
			for round := 0; round < 50 && failures[caller] == nil; round++ {
				failures[caller] = echoed(client, note("", int64(caller*1000+round), nil))
			}
		}()
	}
	callers.Wait()
	return errors.Join(failures...)
}

func clientStream(client *ttrpc.Client) error {
	stream, err := client.NewStream(context.Background(), &ttrpc.StreamDesc{StreamingClient: true}, service, "Sum", nil)
	if err != nil {
		return err
	}
	for number := int64(1); number <= 100; number++ {
		if err := stream.SendMsg(note("", number, nil)); err != nil {
			return err
		}
	}
	if err := stream.CloseSend(); err != nil {
		return err
	}
	answer := note("", 0, nil)
	if err := stream.RecvMsg(answer); err != nil {
		return err
	}
	return same(answer, note("", 5050, nil))
}

func serverStream(client *ttrpc.Client) error {
	stream, err := client.NewStream(context.Background(), &ttrpc.StreamDesc{StreamingServer: true}, service, "Count", note("", 500, nil))
	if err != nil {
		return err
	}
	for number := int64(1); number <= 500; number++ {
		answer := note("", 0, nil)
		if err := stream.RecvMsg(answer); err != nil {
			return err
		}
		if err := same(answer, note("", number, nil)); err != nil {
			return err
		}
	}
	return atEnd(stream)
}

func chatEachNote(client *ttrpc.Client) error {
	both := &ttrpc.StreamDesc{StreamingClient: true, StreamingServer: true}
	stream, err := client.NewStream(context.Background(), both, service, "Chat", nil)
	if err != nil {
		return err
	}
	for number := int64(0); number < 50; number++ {
		if err := stream.SendMsg(note("", number, nil)); err != nil {
			return err
		}
		answer := note("", 0, nil)
		if err := stream.RecvMsg(answer); err != nil {
			return err
		}
		if err := same(answer, note("", number, nil)); err != nil {
			return err
		}
	}
	if err := stream.CloseSend(); err != nil {
		return err
	}
	return atEnd(stream)
}

func atEnd(stream ttrpc.ClientStream) error {
	if err := stream.RecvMsg(note("", 0, nil)); !errors.Is(err, io.EOF) {
		return fmt.Errorf("expected the end, seen %v", err)
	}
	return nil
}

func runCases(socket string) error {
	connection, err := net.Dial("unix", socket)
	if err != nil {
		return err
	}
	client := ttrpc.NewClient(connection)
	defer client.Close()
	cases := []struct {
		name string
		run  func() error
	}{
		{"unary", func() error { return unary(client) }},
		{"statusWithDetails", func() error { return statusWithDetails(client) }},
		{"unknownMethod", func() error { return unknownMethod(client) }},
		{"unknownService", func() error { return unknownService(client) }},
		{"deadline", func() error { return deadline(client, socket) }},
		{"farDeadline", func() error { return farDeadline(client) }},
		{"metadata", func() error { return metadataArrives(client) }},
		{"largeMessage", func() error { return largeMessage(client) }},
		{"oversizedResponse", func() error { return oversizedResponse(client) }},
		{"oversizedRequest", func() error { return oversizedRequest(socket) }},
		{"idsOutOfOrder", func() error { return idsOutOfOrder(socket) }},
		{"sixtyFourCallers", func() error { return sixtyFourCallers(client) }},
		{"clientStream", func() error { return clientStream(client) }},
		{"serverStream", func() error { return serverStream(client) }},
		{"chat", func() error { return chatEachNote(client) }},
	}
	failures := 0
	for _, c := range cases {
		if err := c.run(); err != nil {
			failures++
			fmt.Printf("FAIL %s: %.500q\n", c.name, err.Error())
			continue
		}
		fmt.Printf("ok %s\n", c.name)
	}
	if failures > 0 {
		return fmt.Errorf("%d cases failed", failures)
	}
	return nil
}
