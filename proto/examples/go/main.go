// SPDX-License-Identifier: Apache-2.0

// Command evalrun-delete deletes one eval run for good, and says what became of it:
//
//	evalrun-delete ADDRESS SERVICE_CONFIG RUN_ID [CA_FILE [CERTIFICATE_FILE KEY_FILE]]
//
// CA_FILE verifies the server; CERTIFICATE_FILE and KEY_FILE are the caller's. Without any: plaintext.
// It prints one line for each call and one for the outcome. Exit status 0: the run is gone.
package main

import (
	"cmp"
	"context"
	crand "crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log"
	"math/rand/v2"
	"os"
	"time"

	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	_ "google.golang.org/grpc/health" // without it `healthCheckConfig` does nothing
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	pb "evalrun.example/aymara/evals/v1"
)

const (
	connectionDeadline = 5 * time.Second
	deadline           = 20 * time.Second // of one call with all its attempts
	settlingCalls      = 5
	longestWait        = 10 * time.Second
)

type callResult struct {
	code     codes.Code
	deletion string        // what is certain about the run
	wait     time.Duration // before the next call
}

// checkConnection makes a call that deletes nothing and, unlike a deletion, does not wait until a gateway can
// be reached.
func checkConnection(conn *grpc.ClientConn) error {
	ctx, cancel := context.WithTimeout(context.Background(), connectionDeadline)
	defer cancel()
	_, err := healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{})
	return err
}

// deleteRun makes one call.
func deleteRun(client pb.EvalRunServiceClient, run, requestID string, allowMissing bool) callResult {
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	ctx = metadata.AppendToOutgoingContext(ctx, "x-request-id", requestID)
	var trailer metadata.MD
	_, err := client.DeleteEvalRun(ctx,
		&pb.DeleteEvalRunRequest{EvalRunUuid: run, AllowMissing: allowMissing}, grpc.Trailer(&trailer))

	a, info := callResult{code: status.Code(err)}, &errdetails.ErrorInfo{}
	if err == nil {
		a.deletion = "performed"
		if values := trailer.Get("evalrun-deletion"); len(values) > 0 {
			a.deletion = values[0]
		}
	} else {
		for _, detail := range status.Convert(err).Details() {
			switch detail := detail.(type) {
			case *errdetails.ErrorInfo:
				info = detail
			case *errdetails.RetryInfo:
				a.wait = detail.GetRetryDelay().AsDuration()
			case *errdetails.RequestInfo:
				requestID = detail.GetRequestId()
			}
		}
		// An error without details did not come from the gateway: nobody knows.
		a.deletion = cmp.Or(info.GetMetadata()["deletion"], "unknown")
	}
	fmt.Printf("%s deletion=%s reason=%s domain=%s retry_after=%.3fs request_id=%s message=%s\n",
		code.Code(a.code), a.deletion, cmp.Or(info.GetReason(), "-"), cmp.Or(info.GetDomain(), "-"),
		a.wait.Seconds(), requestID, cmp.Or(status.Convert(err).Message(), "-"))
	return a
}

// tlsCredentials has the caller's certificate if two more files, certificate and key, are given.
func tlsCredentials(authorityFile string, own []string) (credentials.TransportCredentials, error) {
	authority, err := os.ReadFile(authorityFile)
	if err != nil {
		return nil, err
	}
	config := &tls.Config{RootCAs: x509.NewCertPool()}
	if !config.RootCAs.AppendCertsFromPEM(authority) {
		return nil, fmt.Errorf("no certificate in %s", authorityFile)
	}
	if len(own) > 0 {
		pair, err := tls.LoadX509KeyPair(own[0], own[1])
		if err != nil {
			return nil, err
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return credentials.NewTLS(config), nil
}

func main() {
	if n := len(os.Args); n != 4 && n != 5 && n != 7 {
		log.Fatal("usage: evalrun-delete ADDRESS SERVICE_CONFIG RUN_ID [CA_FILE [CERTIFICATE_FILE KEY_FILE]]")
	}
	transport := insecure.NewCredentials()
	if len(os.Args) > 4 {
		var err error
		if transport, err = tlsCredentials(os.Args[4], os.Args[5:]); err != nil {
			log.Fatal(err)
		}
	}
	config, err := os.ReadFile(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	conn, err := grpc.NewClient(os.Args[1], grpc.WithDefaultServiceConfig(string(config)),
		grpc.WithTransportCredentials(transport))
	if err != nil {
		log.Fatal(err)
	}
	if err := checkConnection(conn); err != nil {
		failure := status.Convert(err)
		fmt.Printf("%s before any deletion was requested: %s\nnot_performed\n",
			code.Code(failure.Code()), failure.Message())
		os.Exit(1)
	}
	client, run, requestID := pb.NewEvalRunServiceClient(conn), os.Args[3], crand.Text()

	first := deleteRun(client, run, requestID, false)
	last := first
	// Unknown: ask again. With AllowMissing, OK means that the run is gone, whoever did it; any other
	// response says nothing about the first call, so the question stays open.
	for i := 0; first.deletion == "unknown" && last.code != codes.OK && i < settlingCalls; i++ {
		time.Sleep(max(last.wait, rand.N(min(longestWait, 200*time.Millisecond<<i))))
		last = deleteRun(client, run, requestID, true)
	}
	if last.code != codes.OK {
		fmt.Println(first.deletion)
		os.Exit(1)
	}
	fmt.Println("gone")
}
