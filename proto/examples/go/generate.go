// SPDX-License-Identifier: Apache-2.0

package main

// The plugins are built in the versions that go.mod pins. `module` removes the prefix of the .proto's
// go_package, so that the stubs are in this module's package aymara/evals/v1.
//
//go:generate go build -o bin/ google.golang.org/protobuf/cmd/protoc-gen-go google.golang.org/grpc/cmd/protoc-gen-go-grpc
//go:generate protoc -I../.. -I../../googleapis --plugin=bin/protoc-gen-go --plugin=bin/protoc-gen-go-grpc --go_out=. --go_opt=module=evalrun.example --go-grpc_out=. --go-grpc_opt=module=evalrun.example aymara/evals/v1/eval_run_service.proto
