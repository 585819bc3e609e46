// SPDX-License-Identifier: Apache-2.0

//! Deletes one eval run for good, and says what became of it:
//!
//!     delete_run ADDRESS SERVICE_CONFIG RUN_ID [CA_FILE [CERTIFICATE_FILE KEY_FILE]]
//!
//! CA_FILE verifies the server; CERTIFICATE_FILE and KEY_FILE are the caller's. Without any: plaintext.
//! Prints one line for each call and one for the outcome. Exit status 0: the run is gone.
//!
//! SERVICE_CONFIG is for the other languages: tonic has no service configs, so it neither retries nor waits
//! for a connection. A call whose connection is lost is `unknown`, and settled as any other.

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use tonic::{Code, Request, Status};
use tonic_prost::ProstCodec;
use tonic_types::StatusExt;

mod evals {
    tonic::include_proto!("aymara.evals.v1");
}
use evals::eval_run_service_client::EvalRunServiceClient;
use evals::DeleteEvalRunRequest;

const CONNECTION_DEADLINE: Duration = Duration::from_secs(5);
const DEADLINE: Duration = Duration::from_secs(20); // of one call
const SETTLING_CALLS: u32 = 5;
const LONGEST_WAIT: Duration = Duration::from_secs(10);

struct CallResult {
    ok: bool,
    deletion: String, // what is certain about the run
    wait: Duration,   // before the next call
}

/// The name of a code, as google.rpc.Code spells it.
fn name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

fn or_dash(text: &str) -> &str {
    if text.is_empty() {
        "-"
    } else {
        text
    }
}

/// The message of an error, with its causes: where a connection fails, they are the reason.
fn message_of(error: &dyn Error, message: &str) -> String {
    let mut all = message.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !all.ends_with(&text) {
            all = format!("{all}: {text}");
        }
        cause = error.source();
    }
    all
}

/// A call that deletes nothing. Its request, for the service "", is empty; its response is not used.
async fn check_connection(channel: Channel) -> Result<(), Status> {
    let mut client = Grpc::new(channel);
    client
        .ready()
        .await
        .map_err(|error| Status::from_error(error.into()))?;
    let mut request = Request::new(());
    request.set_timeout(CONNECTION_DEADLINE);
    let check = PathAndQuery::from_static("/grpc.health.v1.Health/Check");
    client
        .unary::<(), (), _>(request, check, ProstCodec::default())
        .await?;
    Ok(())
}

/// One call.
async fn delete(
    client: &mut EvalRunServiceClient<Channel>,
    run: &str,
    request_id: &str,
    allow_missing: bool,
) -> Result<CallResult, Box<dyn Error>> {
    let mut request = Request::new(DeleteEvalRunRequest {
        eval_run_uuid: run.to_string(),
        allow_missing,
        ..Default::default()
    });
    request.set_timeout(DEADLINE); // tonic ends the call itself, too
    request
        .metadata_mut()
        .insert("x-request-id", request_id.parse()?);

    let mut request_id = request_id.to_string();
    let (mut reason, mut domain, mut message) = (String::new(), String::new(), String::new());
    let (code, deletion, wait) = match client.delete_eval_run(request).await {
        Ok(response) => {
            let deletion = response.metadata().get("evalrun-deletion");
            let deletion = deletion
                .and_then(|value| value.to_str().ok())
                .unwrap_or("performed");
            (Code::Ok, deletion.to_string(), Duration::ZERO)
        }
        Err(status) => {
            let details = status.get_error_details();
            // An error without details did not come from the gateway: the result is unknown.
            let mut deletion = "unknown".to_string();
            if let Some(info) = details.error_info() {
                (reason, domain) = (info.reason.clone(), info.domain.clone());
                deletion = info.metadata.get("deletion").cloned().unwrap_or(deletion);
            }
            if let Some(info) = details.request_info() {
                request_id = info.request_id.clone();
            }
            message = message_of(&status, status.message());
            let wait = details.retry_info().and_then(|info| info.retry_delay);
            (status.code(), deletion, wait.unwrap_or_default())
        }
    };
    println!(
        "{} deletion={deletion} reason={} domain={} retry_after={:.3}s request_id={request_id} message={}",
        name(code),
        or_dash(&reason),
        or_dash(&domain),
        wait.as_secs_f64(),
        or_dash(&message),
    );
    Ok(CallResult {
        ok: code == Code::Ok,
        deletion,
        wait,
    })
}

/// `files`: none for plaintext, CA_FILE for TLS, three for mutual TLS.
fn endpoint(address: &str, files: &[String]) -> Result<Endpoint, Box<dyn Error>> {
    let Some((authority, own)) = files.split_first() else {
        return Ok(Endpoint::from_shared(format!("http://{address}"))?);
    };
    let mut tls =
        ClientTlsConfig::new().ca_certificate(Certificate::from_pem(std::fs::read(authority)?));
    if let [certificate, key] = own {
        tls = tls.identity(Identity::from_pem(
            std::fs::read(certificate)?,
            std::fs::read(key)?,
        ));
    }
    Ok(Endpoint::from_shared(format!("https://{address}"))?.tls_config(tls)?)
}

fn not_performed(code: Code, message: &str) -> ExitCode {
    println!(
        "{} before any deletion was requested: {message}\nnot_performed",
        name(code)
    );
    ExitCode::FAILURE
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, _service_config, run, files @ ..] = arguments.as_slice() else {
        eprintln!(
            "usage: delete_run ADDRESS SERVICE_CONFIG RUN_ID [CA_FILE [CERTIFICATE_FILE KEY_FILE]]"
        );
        return Ok(ExitCode::from(2));
    };
    let endpoint = endpoint(address, files)?.connect_timeout(CONNECTION_DEADLINE);
    let channel = match endpoint.connect().await {
        Ok(channel) => channel,
        Err(error) => {
            return Ok(not_performed(
                Code::Unavailable,
                &message_of(&error, &error.to_string()),
            ))
        }
    };
    if let Err(status) = check_connection(channel.clone()).await {
        return Ok(not_performed(
            status.code(),
            &message_of(&status, status.message()),
        ));
    }
    let mut client = EvalRunServiceClient::new(channel);
    let request_id = format!("{:032x}", fastrand::u128(..));

    let first = delete(&mut client, run, &request_id, false).await?;
    let (mut gone, mut wait) = (first.ok, first.wait);
    // Unknown: call again. With `allow_missing`, OK means that the run is not in this workspace; any other
    // response says nothing about the first call, so the question stays open.
    for i in 0..SETTLING_CALLS {
        if gone || first.deletion != "unknown" {
            break;
        }
        let bound = LONGEST_WAIT.min(Duration::from_millis(200 << i));
        tokio::time::sleep(wait.max(bound.mul_f64(fastrand::f64()))).await;
        let last = delete(&mut client, run, &request_id, true).await?;
        (gone, wait) = (last.ok, last.wait);
    }
    println!("{}", if gone { "gone" } else { &first.deletion });
    Ok(if gone {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
