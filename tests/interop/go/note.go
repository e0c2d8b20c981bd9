// SPDX-License-Identifier: Apache-2.0

package main

import (
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
)

const (
	service = "peerpod.playground.Playground"
	typeURL = "type.googleapis.com/peerpod.playground.Note"
)

// The one message of the playground, described here so that no protoc is needed.
var noteType = func() protoreflect.MessageDescriptor {
	field := func(name string, number int32, kind descriptorpb.FieldDescriptorProto_Type) *descriptorpb.FieldDescriptorProto {
		return &descriptorpb.FieldDescriptorProto{
			Name:   proto.String(name),
			Number: proto.Int32(number),
			Type:   kind.Enum(),
			Label:  descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum(),
		}
	}
	file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name:    proto.String("playground.proto"),
		Package: proto.String("peerpod.playground"),
		Syntax:  proto.String("proto3"),
		MessageType: []*descriptorpb.DescriptorProto{{
			Name: proto.String("Note"),
			Field: []*descriptorpb.FieldDescriptorProto{
				field("text", 1, descriptorpb.FieldDescriptorProto_TYPE_STRING),
				field("number", 2, descriptorpb.FieldDescriptorProto_TYPE_INT64),
				field("blob", 3, descriptorpb.FieldDescriptorProto_TYPE_BYTES),
			},
		}},
	}, nil)
	if err != nil {
		panic(err)
	}
	return file.Messages().ByName("Note")
}()

var (
	textField   = noteType.Fields().ByName("text")
	numberField = noteType.Fields().ByName("number")
	blobField   = noteType.Fields().ByName("blob")
)

func note(text string, number int64, blob []byte) *dynamicpb.Message {
	message := dynamicpb.NewMessage(noteType)
	if text != "" {
		message.Set(textField, protoreflect.ValueOfString(text))
	}
	if number != 0 {
		message.Set(numberField, protoreflect.ValueOfInt64(number))
	}
	if len(blob) > 0 {
		message.Set(blobField, protoreflect.ValueOfBytes(blob))
	}
	return message
}

func textOf(message *dynamicpb.Message) string  { return message.Get(textField).String() }
func numberOf(message *dynamicpb.Message) int64 { return message.Get(numberField).Int() }
