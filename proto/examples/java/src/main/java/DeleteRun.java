// SPDX-License-Identifier: Apache-2.0

import ai.aymara.evals.v1.DeleteEvalRunRequest;
import ai.aymara.evals.v1.EvalRunServiceGrpc;
import ai.aymara.evals.v1.EvalRunServiceGrpc.EvalRunServiceBlockingStub;
import com.google.gson.Gson;
import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.util.Durations;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RequestInfo;
import com.google.rpc.RetryInfo;
import io.grpc.ChannelCredentials;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.TlsChannelCredentials;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.MetadataUtils;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;

/**
 * Deletes one eval run for good, and says what became of it: {@code DeleteRun ADDRESS
 * SERVICE_CONFIG RUN_ID [TLS_FOLDER]}.
 *
 * <p>TLS_FOLDER: tls.crt and tls.key of the caller, ca.crt to check the server by. Without it:
 * plaintext.
 *
 * <p>Prints one line for each call and one for the outcome. Exit status 0: the run is gone.
 */
public final class DeleteRun {
  private static final Duration DEADLINE = Duration.ofSeconds(20); // of one call with all attempts
  private static final int SETTLING_CALLS = 5;
  private static final long LONGEST_WAIT_MS = 10_000;
  private static final Metadata.Key<String> REQUEST_ID = key("x-request-id");
  private static final Metadata.Key<String> DELETION = key("evalrun-deletion");

  /** What is certain about the run, and how long to wait before the next call. */
  private record Answer(Status.Code code, String deletion, long waitMs) {}

  private static Metadata.Key<String> key(String name) {
    return Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER);
  }

  private static String orDash(String text) {
    return text.isEmpty() ? "-" : text;
  }

  /** One call. */
  private static Answer delete(
      EvalRunServiceBlockingStub stub, String run, String requestId, boolean allowMissing)
      throws InvalidProtocolBufferException {
    var metadata = new Metadata();
    metadata.put(REQUEST_ID, requestId);
    var trailers = new AtomicReference<Metadata>();
    var code = Status.Code.OK;
    var deletion = "performed";
    var info = ErrorInfo.getDefaultInstance();
    var retry = RetryInfo.getDefaultInstance();
    try {
      stub.withDeadlineAfter(DEADLINE.toMillis(), TimeUnit.MILLISECONDS)
          .withInterceptors(
              MetadataUtils.newAttachHeadersInterceptor(metadata),
              MetadataUtils.newCaptureMetadataInterceptor(new AtomicReference<>(), trailers))
          .deleteEvalRun(
              DeleteEvalRunRequest.newBuilder()
                  .setEvalRunUuid(run)
                  .setAllowMissing(allowMissing)
                  .build());
      deletion = Objects.requireNonNullElse(trailers.get().get(DELETION), deletion);
    } catch (StatusRuntimeException e) {
      code = e.getStatus().getCode();
      for (Any detail : StatusProto.fromThrowable(e).getDetailsList()) {
        if (detail.is(ErrorInfo.class)) info = detail.unpack(ErrorInfo.class);
        if (detail.is(RetryInfo.class)) retry = detail.unpack(RetryInfo.class);
        if (detail.is(RequestInfo.class)) {
          requestId = detail.unpack(RequestInfo.class).getRequestId();
        }
      }
      // An error without details did not come from the gateway: nobody knows.
      deletion = info.getMetadataOrDefault("deletion", "unknown");
    }
    long waitMs = Durations.toMillis(retry.getRetryDelay());
    System.out.printf(
        Locale.ROOT,
        "%s deletion=%s reason=%s domain=%s retry_after=%.3fs request_id=%s%n",
        code, deletion, orDash(info.getReason()), orDash(info.getDomain()), waitMs / 1e3, requestId);
    return new Answer(code, deletion, waitMs);
  }

  private static ChannelCredentials tls(Path folder) throws IOException {
    return TlsChannelCredentials.newBuilder()
        .trustManager(folder.resolve("ca.crt").toFile())
        .keyManager(folder.resolve("tls.crt").toFile(), folder.resolve("tls.key").toFile())
        .build();
  }

  public static void main(String[] args) throws Exception {
    Map<String, ?> config = new Gson().fromJson(Files.readString(Path.of(args[1])), Map.class);
    ChannelCredentials credentials =
        args.length > 3 ? tls(Path.of(args[3])) : InsecureChannelCredentials.create();
    ManagedChannel channel =
        Grpc.newChannelBuilder(args[0], credentials).defaultServiceConfig(config).build();
    var stub = EvalRunServiceGrpc.newBlockingStub(channel);
    var requestId = UUID.randomUUID().toString();

    Answer first = delete(stub, args[2], requestId, false);
    Answer last = first;
    // Unknown: ask again. With allow_missing, OK means that the run is gone, whoever did it; any
    // other answer says nothing about the first call, so the question stays open.
    for (int i = 0; i < SETTLING_CALLS && first.deletion().equals("unknown"); i++) {
      long bound = Math.min(LONGEST_WAIT_MS, 200L << i);
      Thread.sleep(Math.max(last.waitMs(), ThreadLocalRandom.current().nextLong(bound)));
      last = delete(stub, args[2], requestId, true);
      if (last.code() == Status.Code.OK) break;
    }
    channel.shutdownNow().awaitTermination(1, TimeUnit.SECONDS);
    boolean gone = last.code() == Status.Code.OK;
    System.out.println(gone ? "gone" : first.deletion());
    System.exit(gone ? 0 : 1);
  }
}
