// SPDX-License-Identifier: Apache-2.0
//
// Deletes one eval run for good, and says what became of it:
//
//   node delete_run.js ADDRESS SERVICE_CONFIG RUN_ID [TLS_FOLDER]
//
// TLS_FOLDER: tls.crt and tls.key of the caller, ca.crt to check the server by. Without it: plaintext.
// Prints one line for each call and one for the outcome. Exit status 0: the run is gone.
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import grpc from '@grpc/grpc-js';
import protoLoader from '@grpc/proto-loader';
import googleProtos from 'google-proto-files';

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
    includeDirs: [fileURLToPath(new URL('../..', import.meta.url)), googleProtos.getProtoPath('..')],
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

// One call.
async function deleteRun(client, run, requestId, allowMissing) {
  // grpc-js does not read `waitForReady` from the service config.
  const metadata = new grpc.Metadata({ waitForReady: true });
  metadata.set('x-request-id', requestId);
  const request = { evalRunUuid: run, allowMissing };
  const options = { deadline: Date.now() + DEADLINE_MS };
  const { code, metadata: trailers } = await new Promise((resolve) => {
    client.deleteEvalRun(request, metadata, options, () => {}).on('status', resolve);
  });

  const { ErrorInfo, RetryInfo, RequestInfo } = detailsOf(trailers);
  const delay = RetryInfo?.retryDelay ?? { seconds: 0, nanos: 0 };
  const answer = {
    code: grpc.status[code],
    waitMs: delay.seconds * 1e3 + delay.nanos / 1e6,
    // An error without details did not come from the gateway: nobody knows.
    deletion:
      code === grpc.status.OK
        ? (trailers.get('evalrun-deletion')[0] ?? 'performed')
        : (ErrorInfo?.metadata.deletion ?? 'unknown'),
  };
  console.log(
    `${answer.code} deletion=${answer.deletion} reason=${ErrorInfo?.reason || '-'} ` +
      `domain=${ErrorInfo?.domain || '-'} retry_after=${(answer.waitMs / 1e3).toFixed(3)}s ` +
      `request_id=${RequestInfo?.requestId ?? requestId}`,
  );
  return answer;
}

function credentials(tlsFolder) {
  if (!tlsFolder) return grpc.credentials.createInsecure();
  const read = (name) => readFileSync(join(tlsFolder, name));
  return grpc.credentials.createSsl(read('ca.crt'), read('tls.key'), read('tls.crt'));
}

const [address, serviceConfig, run, tlsFolder] = process.argv.slice(2);
const client = new EvalRunService(address, credentials(tlsFolder), {
  'grpc.service_config': readFileSync(serviceConfig, 'utf8'),
});
const requestId = randomUUID();

const first = await deleteRun(client, run, requestId, false);
let last = first;
// Unknown: ask again. With `allowMissing`, OK means that the run is gone, whoever did it; any other
// answer says nothing about the first call, so the question stays open.
for (let i = 0; first.deletion === 'unknown' && last.code !== 'OK' && i < SETTLING_CALLS; i += 1) {
  const jittered = Math.random() * Math.min(LONGEST_WAIT_MS, 200 * 2 ** i);
  await sleep(Math.max(last.waitMs, jittered));
  last = await deleteRun(client, run, requestId, true);
}
client.close();
console.log(last.code === 'OK' ? 'gone' : first.deletion);
process.exitCode = last.code === 'OK' ? 0 : 1;
