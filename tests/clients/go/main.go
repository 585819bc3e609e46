// SPDX-License-Identifier: Apache-2.0

// Command caller makes calls of EvalRunService.DeleteEvalRun with grpc-go, as a test tells it:
//
//	caller TARGET SERVICE_CONFIG
//
// Each line of standard input is a call, all on one channel and all at once; each line of standard
// output is an answer. Messages and details stay bytes: what they mean is the test's business.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"log"
	"os"
	"strings"
	"sync"
	"time"

	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	_ "google.golang.org/grpc/health" // `healthCheckConfig`
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

const method = "/aymara.evals.v1.EvalRunService/DeleteEvalRun"

type call struct {
	ID      int     `json:"id"`
	Request []byte  `json:"request"`
	Timeout float64 `json:"timeout"` // seconds
}

type answer struct {
	ID       int         `json:"id"`
	Code     string      `json:"code"`
	Details  []byte      `json:"details"` // a serialized google.rpc.Status
	Trailers metadata.MD `json:"trailers"`
}

// bytesCodec passes messages through.
type bytesCodec struct{}

func (bytesCodec) Name() string                  { return "proto" }
func (bytesCodec) Marshal(v any) ([]byte, error) { return v.([]byte), nil }
func (bytesCodec) Unmarshal(data []byte, v any) error {
	*v.(*[]byte) = append([]byte(nil), data...)
	return nil
}

func invoke(conn *grpc.ClientConn, c call) (answer, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(c.Timeout*float64(time.Second)))
	defer cancel()
	var reply []byte
	a := answer{ID: c.ID}
	err := conn.Invoke(ctx, method, c.Request, &reply, grpc.ForceCodec(bytesCodec{}), grpc.Trailer(&a.Trailers))
	s := status.Convert(err)
	a.Code = code.Code(s.Code()).String()
	var marshalErr error
	a.Details, marshalErr = proto.Marshal(s.Proto())
	return a, marshalErr
}

// dial understands `ipv4:HOST:PORT,HOST:PORT`, as gRPC for Python does.
func dial(target, config string) (*grpc.ClientConn, error) {
	addresses := manual.NewBuilderWithScheme("ipv4")
	var state resolver.State
	for _, address := range strings.Split(strings.TrimPrefix(target, "ipv4:"), ",") {
		state.Endpoints = append(state.Endpoints,
			resolver.Endpoint{Addresses: []resolver.Address{{Addr: address}}})
	}
	addresses.InitialState(state)
	return grpc.NewClient("ipv4:///", grpc.WithResolvers(addresses), grpc.WithDefaultServiceConfig(config),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
}

func main() {
	config, err := os.ReadFile(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	conn, err := dial(os.Args[1], string(config))
	if err != nil {
		log.Fatal(err)
	}
	var calls sync.WaitGroup
	var output sync.Mutex
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var c call
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			log.Fatal(err)
		}
		calls.Go(func() {
			a, err := invoke(conn, c)
			if err != nil {
				log.Fatal(err)
			}
			output.Lock()
			defer output.Unlock()
			if err := json.NewEncoder(os.Stdout).Encode(a); err != nil {
				log.Fatal(err)
			}
		})
	}
	calls.Wait()
}
