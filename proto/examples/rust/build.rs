// SPDX-License-Identifier: Apache-2.0
//
// Makes the stubs of the .proto, with the protoc of the crate protoc-bin-vendored.
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let mut protoc = tonic_prost_build::Config::new();
    protoc.protoc_executable(protoc_bin_vendored::protoc_bin_path()?);
    tonic_prost_build::configure()
        .build_server(false)
        .compile_with_config(
            protoc,
            &["../../aymara/evals/v1/eval_run_service.proto"],
            &["../..", "../../googleapis"],
        )?;
    Ok(())
}
