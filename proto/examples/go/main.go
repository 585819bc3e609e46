// SPDX-License-Identifier: Apache-2.0

// Command evalrun-delete deletes one eval run for good, and says what became of it:
//
//	evalrun-delete ADDRESS SERVICE_CONFIG RUN_ID [TLS_FOLDER]
//
// TLS_FOLDER: tls.crt and tls.key of the caller, ca.crt to check the server by. Without it: plaintext.
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
	"path/filepath"
	"time"

	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	_ "google.golang.org/grpc/health" // without it `healthCheckConfig` does nothing
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	pb "evalrun.example/delete/evalsv1"
)

const (
	deadline      = 20 * time.Second // of one call with all its attempts
	settlingCalls = 5
	longestWait   = 10 * time.Second
)

type answer struct {
	code     codes.Code
	deletion string        // what is certain about the run
	wait     time.Duration // before the next call
}

// deleteRun makes one call.
func deleteRun(client pb.EvalRunServiceClient, run, requestID string, allowMissing bool) answer {
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	ctx = metadata.AppendToOutgoingContext(ctx, "x-request-id", requestID)
	var trailer metadata.MD
	_, err := client.DeleteEvalRun(ctx,
		&pb.DeleteEvalRunRequest{EvalRunUuid: run, AllowMissing: allowMissing}, grpc.Trailer(&trailer))

	a, info := answer{code: status.Code(err)}, &errdetails.ErrorInfo{}
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
	fmt.Printf("%s deletion=%s reason=%s domain=%s retry_after=%.3fs request_id=%s\n",
		code.Code(a.code), a.deletion, cmp.Or(info.GetReason(), "-"), cmp.Or(info.GetDomain(), "-"),
		a.wait.Seconds(), requestID)
	return a
}

func tlsCredentials(folder string) (credentials.TransportCredentials, error) {
	own, err := tls.LoadX509KeyPair(filepath.Join(folder, "tls.crt"), filepath.Join(folder, "tls.key"))
	if err != nil {
		return nil, err
	}
	authority, err := os.ReadFile(filepath.Join(folder, "ca.crt"))
	if err != nil {
		return nil, err
	}
	trusted := x509.NewCertPool()
	if !trusted.AppendCertsFromPEM(authority) {
		return nil, fmt.Errorf("no certificate in %s/ca.crt", folder)
	}
	return credentials.NewTLS(&tls.Config{Certificates: []tls.Certificate{own}, RootCAs: trusted}), nil
}

func main() {
	if len(os.Args) != 4 && len(os.Args) != 5 {
		log.Fatal("usage: evalrun-delete ADDRESS SERVICE_CONFIG RUN_ID [TLS_FOLDER]")
	}
	transport := insecure.NewCredentials()
	if len(os.Args) == 5 {
		var err error
		if transport, err = tlsCredentials(os.Args[4]); err != nil {
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
	client, run, requestID := pb.NewEvalRunServiceClient(conn), os.Args[3], crand.Text()

	first := deleteRun(client, run, requestID, false)
	last := first
	// Unknown: ask again. With AllowMissing, OK means that the run is gone, whoever did it; any other
	// answer says nothing about the first call, so the question stays open.
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
