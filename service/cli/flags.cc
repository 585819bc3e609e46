// SPDX-License-Identifier: Apache-2.0

#include "service/cli/flags.h"

#include <charconv>
#include <optional>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "rest_backend/deletion/utf8.h"
#include "service/cli/delete_result.h"
#include "service/cli/delete_schedule.h"
#include "service/cli/duration.h"
#include "service/text/duration.h"
#include "service/text/host_port.h"

namespace evalrun::cli {
namespace {

// A CLI11 validator: an empty result means that the text is valid.
std::string CheckDuration(const std::string& text) {
  if (ParseDuration(text).has_value()) return "";
  return fmt::format("'{}' is not a duration such as 30s or 1500ms", text);
}

std::string CheckRequestId(const std::string& text) {
  constexpr char kAllowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
  const bool fine =
      !text.empty() && text.size() <= 128 && text.find_first_not_of(kAllowed) == std::string::npos;
  return fine ? "" : "a request id has 1 to 128 characters of A-Z a-z 0-9 . _ -";
}

// A protobuf string must be valid UTF-8.
std::string CheckText(const std::string& text) {
  return deletion::ToValidUtf8(text) == text ? "" : "it is not UTF-8 text";
}

std::string CheckNotEmpty(const std::string& text) { return text.empty() ? "it is empty" : ""; }

CLI::Validator Check(std::string (*check)(const std::string&)) {
  return {[check](std::string& text) { return check(text); }, ""};
}

CLI::Validator IntInRange(int least, int most) {
  return {[least, most](std::string& text) {
            int number = 0;
            const char* const end = text.data() + text.size();
            const auto [rest, error] = std::from_chars(text.data(), end, number);
            const bool whole = error == std::errc() && rest == end;
            if (whole && number >= least && number <= most) return std::string();
            return fmt::format("'{}' is not a whole number from {} to {}", text, least, most);
          },
          ""};
}

void AddConnection(CLI::App* app, ConnectionFlags* flags, std::chrono::milliseconds timeout) {
  static constexpr char kGroup[] = "The gateway";
  flags->server = kDefaultServer;
  flags->timeout = text::FormatDuration(timeout);
  flags->server_option =
      app->add_option("--server", flags->server,
                      "Where the gateway listens. The environment variable EVALRUNCTL_SERVER "
                      "replaces the default")
          ->type_name("HOST:PORT")
          ->capture_default_str()
          ->check(Check(CheckServer))
          ->group(kGroup);
  app->add_option("--timeout", flags->timeout,
                  "How long to wait for a response, such as 1500ms, 30s or 2m")
      ->type_name("DURATION")
      ->capture_default_str()
      ->check(Check(CheckDuration))
      ->group(kGroup);
  CLI::Option* const tls =
      app->add_flag("--tls", flags->tls,
                    "Encrypt, and accept only a server whose certificate an authority of the "
                    "system, or of --ca-file, has signed")
          ->group(kGroup);
  const auto add = [app, tls](const char* name, std::string* value, const char* type,
                              const char* help) {
    return app->add_option(name, *value, help)
        ->type_name(type)
        ->check(Check(CheckNotEmpty))
        ->needs(tls)
        ->group(kGroup);
  };
  add("--ca-file", &flags->ca_file, "FILE",
      "Certificates of the authorities to trust instead of the system's, in PEM format");
  CLI::Option* const certificate =
      add("--cert-file", &flags->cert_file, "FILE",
          "The certificate that tells the gateway who is calling, in PEM format");
  CLI::Option* const key =
      add("--key-file", &flags->key_file, "FILE", "The private key of --cert-file, in PEM format");
  certificate->needs(key);
  key->needs(certificate);
  add("--server-name", &flags->server_name, "NAME",
      "The name that the server's certificate has to be for, when it is not that of --server");
}

void AddDelete(CLI::App* app, Flags::Delete* flags) {
  constexpr char kWhich[] = "Which runs";
  constexpr char kHow[] = "How";
  constexpr char kMany[] = "Long lists";
  constexpr char kOutput[] = "What is printed";
  const SchedulePolicy policy;
  flags->concurrency = policy.concurrency;
  flags->max_attempts = policy.max_attempts;
  flags->max_wait = text::FormatDuration(policy.max_wait);

  app->add_option("ID", flags->ids, "Runs, such as score_run.954d54bc-bd5f-4cb5-8d20-688f368b712e")
      ->type_name("")
      ->check(Check(CheckText));
  app->add_option("--from-file", flags->from_file,
                  "Read more ids from FILE, one a line; - is standard input. Blank lines and what "
                  "follows a # are skipped")
      ->type_name("FILE")
      ->check(Check(CheckNotEmpty))
      ->group(kWhich);
  app->add_flag("--allow-empty", flags->allow_empty,
                "A list without an id is no error: there is nothing to do")
      ->group(kWhich);
  flags->workspace =
      app->add_option("--workspace", flags->workspace_uuid,
                      "The workspace of the runs, instead of that of the gateway's API key")
          ->type_name("ID")
          ->check(Check(CheckText))
          ->group(kWhich);
  app->add_flag("--opaque-ids", flags->opaque_ids,
                "Accept ids that are no UUIDs, for a gateway that does")
      ->group(kWhich);
  app->add_flag("--allow-missing", flags->allow_missing,
                "A run that is not in the workspace is no error")
      ->group(kHow);
  app->add_flag("--retry-unknown", flags->retry_unknown,
                "Call again, with --allow-missing, while it is unknown whether a run is deleted")
      ->group(kHow);
  app->add_flag("--dry-run", flags->dry_run, "Print the ids that would be deleted; send nothing")
      ->group(kHow);
  app->add_option(
         "--request-id", flags->request_id,
         "The x-request-id of all calls for the one ID. Without it one is made for each ID")
      ->type_name("ID")
      ->check(Check(CheckRequestId))
      ->group(kHow);
  app->add_option("--concurrency", flags->concurrency, "Calls under way at the same time, at most")
      ->type_name("N")
      ->capture_default_str()
      ->check(IntInRange(1, 1000))
      ->group(kMany);
  app->add_option("--done-file", flags->done_file,
                  "Record in FILE what becomes of each run, and skip those that are done: the same "
                  "command again then resumes where it was interrupted")
      ->type_name("FILE")
      ->check(Check(CheckNotEmpty))
      ->group(kMany);
  app->add_option("--max-attempts", flags->max_attempts,
                  "Calls for one run, at most, the first included")
      ->type_name("N")
      ->capture_default_str()
      ->check(IntInRange(1, 100))
      ->group(kMany);
  app->add_option("--max-wait", flags->max_wait,
                  "Stop when the gateway asks for a wait that is longer than this")
      ->type_name("DURATION")
      ->capture_default_str()
      ->check(Check(CheckDuration))
      ->group(kMany);
  app->add_flag("--json", flags->json, "Print one JSON object for each run, one a line")
      ->group(kOutput);
  AddConnection(app, &flags->connection, kDefaultTimeout);
}

}  // namespace

std::string CheckServer(const std::string& server) {
  if (server.find("://") != std::string::npos) {
    return fmt::format("'{}' is a URL: give HOST:PORT without a scheme", server);
  }
  const std::optional<text::HostPort> parsed = text::ParseHostPort(server);
  if (parsed.has_value() && parsed->port != 0) return "";
  // What is wrong with it.
  const std::size_t colon = server.rfind(':');
  const std::string host = server.substr(0, colon);
  if (colon == std::string::npos || host.empty()) {
    return fmt::format("'{}' is not HOST:PORT", server);
  }
  if (host.find(':') != std::string::npos && !(host.starts_with('[') && host.ends_with(']'))) {
    return fmt::format("'{}' is not HOST:PORT: an IPv6 address needs brackets", server);
  }
  if (text::ParsePort(server.substr(colon + 1)).value_or(0) == 0) {
    return fmt::format("'{}' is not HOST:PORT: a port is a number from 1 to 65535", server);
  }
  return fmt::format("'{}' is not HOST:PORT", server);
}

std::unique_ptr<CLI::App> MakeApp(Flags* flags) {
  auto app = std::make_unique<CLI::App>("Deletes Aymara AI eval runs through an evalrun-gateway",
                                        "evalrunctl");
  app->require_subcommand(1);
  app->set_help_flag("-h,--help", "Print this and exit");
  app->set_version_flag("--version", "", "Print the versions and exit");
  AddDelete(app->add_subcommand("delete", "Delete eval runs, for good"), &flags->remove);
  AddConnection(app->add_subcommand("health", "Ask whether the gateway is serving"), &flags->health,
                std::chrono::seconds(5));
  app->add_subcommand("version", "Print the versions of evalrunctl and of gRPC");
  app->add_subcommand("completion", "Print a script that lets a shell complete commands and flags")
      ->add_option("SHELL", flags->shell, "bash, zsh or fish")
      ->type_name("")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  app->add_subcommand("help", "Print the help of a command")
      ->add_option("COMMAND", flags->help_command, "delete, health, version or completion")
      ->type_name("")
      ->check(CLI::IsMember({"delete", "health", "version", "completion", "help"}));
  return app;
}

}  // namespace evalrun::cli
