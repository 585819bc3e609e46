// SPDX-License-Identifier: Apache-2.0

using System.Globalization;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using System.Text.RegularExpressions;
using Aymara.Evals.V1;
using Google.Rpc;
using Grpc.Core;
using Grpc.Health.V1;
using Grpc.Net.Client;
using Grpc.Net.Client.Configuration;

/// <summary>
/// Deletes one eval run for good, and says what became of it:
/// <c>DeleteRun ADDRESS SERVICE_CONFIG RUN_ID [CA_FILE [CERTIFICATE_FILE KEY_FILE]]</c>.
/// </summary>
/// <remarks>
/// CA_FILE verifies the server; CERTIFICATE_FILE and KEY_FILE are the caller's. Without any: plaintext.
/// Prints one line for each call and one for the outcome. Exit status 0: the run is gone.
/// </remarks>
internal static class DeleteRun
{
    private static readonly TimeSpan ConnectionDeadline = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20); // of one call with all its attempts
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(10);
    private const int SettlingCalls = 5;

    /// <summary>What is certain about the run, and how long to wait before the next call.</summary>
    private record CallResult(StatusCode Code, string Deletion, TimeSpan Wait);

    /// <summary>A code as google.rpc.Code spells it.</summary>
    private static string Name(StatusCode code) =>
        Regex.Replace(code.ToString(), "(?<=[a-z])(?=[A-Z])", "_").ToUpperInvariant();

    private static string OrDash(string text) => text.Length > 0 ? text : "-";

    /// <summary>The message of an error, with its causes: where a connection fails, they are the reason.</summary>
    private static string MessageOf(RpcException error)
    {
        var message = error.Status.Detail;
        for (var cause = error.Status.DebugException; cause is not null; cause = cause.InnerException)
        {
            if (!message.Contains(cause.Message))
            {
                message += $": {cause.Message}";
            }
        }
        return message.ReplaceLineEndings(" ");
    }

    /// <summary>
    /// Grpc.Net.Client does not read service configs: this takes what it supports of one, which is all but
    /// <c>timeout</c> and <c>waitForReady</c> (set for each call) and <c>healthCheckConfig</c>.
    /// </summary>
    private static ServiceConfig ReadServiceConfig(string file)
    {
        using var json = JsonDocument.Parse(File.ReadAllText(file));
        var config = new ServiceConfig();
        foreach (var policy in json.RootElement.GetProperty("loadBalancingConfig").EnumerateArray())
        {
            config.LoadBalancingConfigs.Add(new LoadBalancingConfig(policy.EnumerateObject().First().Name));
        }
        foreach (var method in json.RootElement.GetProperty("methodConfig").EnumerateArray())
        {
            var retry = method.GetProperty("retryPolicy");
            var policy = new RetryPolicy
            {
                MaxAttempts = retry.GetProperty("maxAttempts").GetInt32(),
                InitialBackoff = Duration(retry.GetProperty("initialBackoff")),
                MaxBackoff = Duration(retry.GetProperty("maxBackoff")),
                BackoffMultiplier = retry.GetProperty("backoffMultiplier").GetDouble(),
            };
            foreach (var code in retry.GetProperty("retryableStatusCodes").EnumerateArray())
            {
                policy.RetryableStatusCodes.Add(
                    Enum.Parse<StatusCode>(code.GetString()!.Replace("_", ""), ignoreCase: true));
            }
            var methodConfig = new MethodConfig { RetryPolicy = policy };
            foreach (var name in method.GetProperty("name").EnumerateArray())
            {
                methodConfig.Names.Add(new MethodName
                {
                    Service = name.GetProperty("service").GetString(),
                    Method = name.GetProperty("method").GetString(),
                });
            }
            config.MethodConfigs.Add(methodConfig);
        }
        return config;
    }

    private static TimeSpan Duration(JsonElement text) => TimeSpan.FromSeconds(
        double.Parse(text.GetString()!.TrimEnd('s'), CultureInfo.InvariantCulture));

    /// <summary>With the caller's certificate if two more files, certificate and key, are given.</summary>
    private static SslClientAuthenticationOptions Tls(string[] files)
    {
        var trust = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
        };
        trust.CustomTrustStore.ImportFromPemFile(files[0]);
        var options = new SslClientAuthenticationOptions { CertificateChainPolicy = trust };
        if (files.Length > 1)
        {
            var chain = new X509Certificate2Collection();
            chain.ImportFromPemFile(files[1]);
            var own = X509Certificate2.CreateFromPemFile(files[1], files[2]);
            if (OperatingSystem.IsWindows()) // its TLS takes no key that is in memory only
            {
                own = new X509Certificate2(own.Export(X509ContentType.Pkcs12));
            }
            options.ClientCertificateContext = SslStreamCertificateContext.Create(own, chain, offline: true);
        }
        return options;
    }

    /// <summary>With the scheme <c>dns</c>, to use all addresses of the name.</summary>
    private static GrpcChannel Connect(string address, string serviceConfig, string[] tlsFiles)
    {
        var handler = new SocketsHttpHandler();
        if (tlsFiles.Length > 0)
        {
            handler.SslOptions = Tls(tlsFiles);
        }
        return GrpcChannel.ForAddress($"dns:///{address}", new GrpcChannelOptions
        {
            Credentials = tlsFiles.Length > 0 ? ChannelCredentials.SecureSsl : ChannelCredentials.Insecure,
            HttpHandler = handler,
            DisposeHttpClient = true,
            ServiceConfig = ReadServiceConfig(serviceConfig),
        });
    }

    /// <summary>Deletes nothing and, unlike a deletion, does not wait until a gateway can be reached.</summary>
    private static async Task CheckConnection(GrpcChannel channel) =>
        await new Health.HealthClient(channel).CheckAsync(
            new HealthCheckRequest(), deadline: DateTime.UtcNow + ConnectionDeadline);

    /// <summary>One call.</summary>
    private static async Task<CallResult> Delete(
        EvalRunService.EvalRunServiceClient client, string run, string requestId, bool allowMissing)
    {
        var code = StatusCode.OK;
        var message = "";
        var info = new ErrorInfo();
        var wait = TimeSpan.Zero;
        string deletion;
        try
        {
            using var call = client.DeleteEvalRunAsync(
                new DeleteEvalRunRequest { EvalRunUuid = run, AllowMissing = allowMissing },
                new CallOptions(new Metadata { { "x-request-id", requestId } }, DateTime.UtcNow + Deadline)
                    .WithWaitForReady());
            await call;
            deletion = call.GetTrailers().GetValue("evalrun-deletion") ?? "performed";
        }
        catch (RpcException error)
        {
            (code, message) = (error.StatusCode, MessageOf(error));
            var status = error.GetRpcStatus();
            info = status?.GetDetail<ErrorInfo>() ?? info;
            wait = status?.GetDetail<RetryInfo>()?.RetryDelay.ToTimeSpan() ?? wait;
            requestId = status?.GetDetail<RequestInfo>()?.RequestId ?? requestId;
            // An error without details did not come from the gateway: nobody knows.
            deletion = info.Metadata.GetValueOrDefault("deletion", "unknown");
        }
        Console.WriteLine(
            $"{Name(code)} deletion={deletion} reason={OrDash(info.Reason)} domain={OrDash(info.Domain)} "
            + $"retry_after={wait.TotalSeconds:F3}s request_id={requestId} message={OrDash(message)}");
        return new CallResult(code, deletion, wait);
    }

    private static async Task<int> Main(string[] args)
    {
        if (args.Length is not (3 or 4 or 6))
        {
            Console.Error.WriteLine(
                "usage: DeleteRun ADDRESS SERVICE_CONFIG RUN_ID [CA_FILE [CERTIFICATE_FILE KEY_FILE]]");
            return 2;
        }
        using var channel = Connect(args[0], args[1], args[3..]);
        try
        {
            await CheckConnection(channel);
        }
        catch (RpcException error)
        {
            Console.WriteLine($"{Name(error.StatusCode)} before any deletion was requested: {MessageOf(error)}");
            Console.WriteLine("not_performed");
            return 1;
        }
        var client = new EvalRunService.EvalRunServiceClient(channel);
        var requestId = Guid.NewGuid().ToString();

        var first = await Delete(client, args[2], requestId, allowMissing: false);
        var last = first;
        // Unknown: call again. With AllowMissing, OK means that the run is not in this workspace; any other
        // response says nothing about the first call, so the question stays open.
        for (var i = 0; first.Deletion == "unknown" && last.Code != StatusCode.OK && i < SettlingCalls; i++)
        {
            var backoff = Random.Shared.NextDouble() * Math.Min(LongestWait.TotalSeconds, 0.2 * (1 << i));
            await Task.Delay(TimeSpan.FromSeconds(Math.Max(last.Wait.TotalSeconds, backoff)));
            last = await Delete(client, args[2], requestId, allowMissing: true);
        }
        var gone = last.Code == StatusCode.OK;
        Console.WriteLine(gone ? "gone" : first.Deletion);
        return gone ? 0 : 1;
    }
}
