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
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthGrpc;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.MetadataUtils;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;

/**
 * Deletes one eval run for good, and says what became of it: {@code DeleteRun ADDRESS
 * SERVICE_CONFIG RUN_ID [CA_FILE [CERTIFICATE_FILE KEY_FILE]]}.
 *
 * <p>CA_FILE verifies the server; CERTIFICATE_FILE and KEY_FILE are the caller's. Without any:
 * plaintext.
 *
 * <p>Prints one line for each call and one for the outcome. Exit status 0: the run is gone.
 */
public final class DeleteRun {
  private static final Duration CONNECTION_DEADLINE = Duration.ofSeconds(5);
  private static final Duration DEADLINE = Duration.ofSeconds(20); // of one call with all attempts
  private static final int SETTLING_CALLS = 5;
  private static final long LONGEST_WAIT_MS = 10_000;
  private static final Metadata.Key<String> REQUEST_ID = key("x-request-id");
  private static final Metadata.Key<String> DELETION = key("evalrun-deletion");

  /** What is certain about the run, and how long to wait before the next call. */
  private record CallResult(Status.Code code, String deletion, long waitMs) {}

  private static Metadata.Key<String> key(String name) {
    return Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER);
  }

  private static String orDash(String text) {
    return text.isEmpty() ? "-" : text;
  }

  /** The message of an error, with its causes: where a connection fails, they are the reason. */
  private static String messageOf(StatusRuntimeException error) {
    var message = new StringBuilder(firstLine(error.getStatus().getDescription()));
    for (Throwable cause = error.getCause(); cause != null; cause = cause.getCause()) {
      message.append(": ").append(firstLine(cause.getMessage()));
    }
    return message.toString();
  }

  /** What follows in grpc-java's messages is the list of Netty's handlers. */
  private static String firstLine(String text) {
    return text == null ? "" : text.lines().findFirst().orElse("");
  }

  /**
   * A call that deletes nothing and, unlike a deletion, does not wait until a gateway can be
   * reached.
   */
  private static void checkConnection(ManagedChannel channel) {
    HealthGrpc.newBlockingStub(channel)
        .withDeadlineAfter(CONNECTION_DEADLINE.toMillis(), TimeUnit.MILLISECONDS)
        .check(HealthCheckRequest.getDefaultInstance());
  }

  /** One call. */
  private static CallResult delete(
      EvalRunServiceBlockingStub stub, String run, String requestId, boolean allowMissing)
      throws InvalidProtocolBufferException {
    var metadata = new Metadata();
    metadata.put(REQUEST_ID, requestId);
    var trailers = new AtomicReference<Metadata>();
    var code = Status.Code.OK;
    var deletion = "performed";
    var message = "";
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
      message = messageOf(e);
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
        "%s deletion=%s reason=%s domain=%s retry_after=%.3fs request_id=%s message=%s%n",
        code, deletion, orDash(info.getReason()), orDash(info.getDomain()), waitMs / 1e3, requestId,
        orDash(message));
    return new CallResult(code, deletion, waitMs);
  }

  /** With the caller's certificate if two more files, certificate and key, are given. */
  private static ChannelCredentials tls(String[] files) throws IOException {
    var builder = TlsChannelCredentials.newBuilder().trustManager(new File(files[0]));
    if (files.length > 1) builder.keyManager(new File(files[1]), new File(files[2]));
    return builder.build();
  }

  public static void main(String[] args) throws Exception {
    Map<String, ?> config = new Gson().fromJson(Files.readString(Path.of(args[1])), Map.class);
    ChannelCredentials credentials =
        args.length > 3
            ? tls(Arrays.copyOfRange(args, 3, args.length))
            : InsecureChannelCredentials.create();
    ManagedChannel channel =
        Grpc.newChannelBuilder(args[0], credentials).defaultServiceConfig(config).build();
    try {
      checkConnection(channel);
    } catch (StatusRuntimeException e) {
      System.out.printf(
          "%s before any deletion was requested: %s%nnot_performed%n",
          e.getStatus().getCode(), messageOf(e));
      System.exit(1);
    }
    var stub = EvalRunServiceGrpc.newBlockingStub(channel);
    var requestId = UUID.randomUUID().toString();

    CallResult first = delete(stub, args[2], requestId, false);
    CallResult last = first;
    // Unknown: ask again. With allow_missing, OK means that the run is gone, whoever did it; any
    // other response says nothing about the first call, so the question stays open.
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
