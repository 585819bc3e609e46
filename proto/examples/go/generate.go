// SPDX-License-Identifier: Apache-2.0

package main

//go:generate mkdir -p evalsv1
//go:generate protoc -I../.. -I$GOOGLEAPIS --go_out=. --go_opt=module=evalrun.example/delete --go_opt=Maymara/evals/v1/eval_run_service.proto=evalrun.example/delete/evalsv1 --go-grpc_out=. --go-grpc_opt=module=evalrun.example/delete --go-grpc_opt=Maymara/evals/v1/eval_run_service.proto=evalrun.example/delete/evalsv1 aymara/evals/v1/eval_run_service.proto
