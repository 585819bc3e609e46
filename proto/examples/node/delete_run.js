// SPDX-License-Identifier: Apache-2.0
//
// Deletes one eval run for good, and says what became of it:
//
//   node delete_run.js ADDRESS SERVICE_CONFIG RUN_ID [CA_FILE [CERTIFICATE_FILE KEY_FILE]]
//
// CA_FILE verifies the server; CERTIFICATE_FILE and KEY_FILE are the caller's. Without any: plaintext.
// Prints one line for each call and one for the outcome. Exit status 0: the run is gone.
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import grpc from '@grpc/grpc-js';
import protoLoader from '@grpc/proto-loader';

const CONNECTION_DEADLINE_MS = 5_000;
const DEADLINE_MS = 20_000; // of one call with all its attempts
const SETTLING_CALLS = 5;
const LONGEST_WAIT_MS = 10_000;

const definitions = protoLoader.loadSync(
  [
    'aymara/evals/v1/eval_run_service.proto',
    'google/rpc/error_details.proto',
    'google/rpc/status.proto',
  ],
  {
    includeDirs: ['../..', '../../googleapis'].map((folder) =>
      fileURLToPath(new URL(folder, import.meta.url)),
    ),
    longs: Number,
    defaults: true,
  },
);
const { EvalRunService } = grpc.loadPackageDefinition(definitions).aymara.evals.v1;

// The details of an error by their names, such as ErrorInfo: none when gRPC itself failed the call.
function detailsOf(trailers) {
  const [packed] = trailers.get('grpc-status-details-bin');
  if (!packed) return {};
  const { details } = definitions['google.rpc.Status'].deserialize(packed);
  return Object.fromEntries(
    details.map(({ type_url: url, value }) => {
      const name = url.split('/').at(-1);
      return [name.split('.').at(-1), definitions[name]?.deserialize(value)];
    }),
  );
}

// A call that deletes nothing and, unlike a deletion, does not wait until a gateway can be reached. Its
// request, for the service "", is empty; its response is not used. Returns null or the error.
function checkConnection(client) {
  const empty = () => Buffer.alloc(0);
  const options = { deadline: Date.now() + CONNECTION_DEADLINE_MS };
  return new Promise((resolve) => {
    client.makeUnaryRequest(
      '/grpc.health.v1.Health/Check', empty, empty, {}, new grpc.Metadata(), options, resolve,
    );
  });
}

// One call.
async function deleteRun(client, run, requestId, allowMissing) {
  // grpc-js does not read `waitForReady` from the service config.
  const metadata = new grpc.Metadata({ waitForReady: true });
  metadata.set('x-request-id', requestId);
  const request = { evalRunUuid: run, allowMissing };
  const options = { deadline: Date.now() + DEADLINE_MS };
  const { code, details: message, metadata: trailers } = await new Promise((resolve) => {
    client.deleteEvalRun(request, metadata, options, () => {}).on('status', resolve);
  });

  const { ErrorInfo, RetryInfo, RequestInfo } = detailsOf(trailers);
  const delay = RetryInfo?.retryDelay ?? { seconds: 0, nanos: 0 };
  const result = {
    code: grpc.status[code],
    waitMs: delay.seconds * 1e3 + delay.nanos / 1e6,
    // An error without details did not come from the gateway: nobody knows.
    deletion:
      code === grpc.status.OK
        ? (trailers.get('evalrun-deletion')[0] ?? 'performed')
        : (ErrorInfo?.metadata.deletion ?? 'unknown'),
  };
  console.log(
    `${result.code} deletion=${result.deletion} reason=${ErrorInfo?.reason || '-'} ` +
      `domain=${ErrorInfo?.domain || '-'} retry_after=${(result.waitMs / 1e3).toFixed(3)}s ` +
      `request_id=${RequestInfo?.requestId ?? requestId} ` +
      `message=${code === grpc.status.OK ? '-' : message || '-'}`,
  );
  return result;
}

function credentials(tlsFiles) {
  if (!tlsFiles.length) return grpc.credentials.createInsecure();
  const [authority, certificate = null, key = null] = tlsFiles.map((file) => readFileSync(file));
  return grpc.credentials.createSsl(authority, key, certificate);
}

const [address, serviceConfig, run, ...tlsFiles] = process.argv.slice(2);
const client = new EvalRunService(address, credentials(tlsFiles), {
  'grpc.service_config': readFileSync(serviceConfig, 'utf8'),
});
const failure = await checkConnection(client);
if (failure) {
  const message = failure.details.replace(/\s+/g, ' '); // OpenSSL's end with a line feed
  console.log(`${grpc.status[failure.code]} before any deletion was requested: ${message}`);
  console.log('not_performed');
  process.exit(1);
}
const requestId = randomUUID();

const first = await deleteRun(client, run, requestId, false);
let last = first;
// Unknown: ask again. With `allowMissing`, OK means that the run is gone, whoever did it; any other
// response says nothing about the first call, so the question stays open.
for (let i = 0; first.deletion === 'unknown' && last.code !== 'OK' && i < SETTLING_CALLS; i += 1) {
  const jittered = Math.random() * Math.min(LONGEST_WAIT_MS, 200 * 2 ** i);
  await sleep(Math.max(last.waitMs, jittered));
  last = await deleteRun(client, run, requestId, true);
}
client.close();
console.log(last.code === 'OK' ? 'gone' : first.deletion);
process.exitCode = last.code === 'OK' ? 0 : 1;
