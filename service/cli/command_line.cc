#include "service/cli/command_line.h"

#include <charconv>
#include <cstdint>
#include <sstream>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "rest_backend/api/utf8.h"

namespace evalrun::cli {
namespace {

constexpr char kFooter[] = R"(Examples:
  evalrunctl delete score_run.954d54bc-bd5f-4cb5-8d20-688f368b712e
  evalrunctl delete 954d54bc-bd5f-4cb5-8d20-688f368b712e --allow-missing --json
  evalrunctl health --server gateway.example:50051

Exit status: 0 the run is gone (or the server is serving), 1 it is not or nobody knows,
2 the command line is wrong.)";

// An empty result is CLI11's word for "fine".
std::string CheckDuration(const std::string& text) {
  if (ParseDuration(text).has_value()) return "";
  return fmt::format("'{}' is not a duration such as 30s or 1500ms", text);
}

std::string CheckServer(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  if (colon != std::string::npos && colon > 0 && colon + 1 < text.size()) return "";
  return fmt::format("'{}' is not HOST:PORT", text);
}

std::string CheckRequestId(const std::string& text) {
  constexpr char kAllowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
  const bool fine =
      !text.empty() && text.size() <= 128 && text.find_first_not_of(kAllowed) == std::string::npos;
  return fine ? "" : "a request id has 1 to 128 characters of A-Z a-z 0-9 . _ -";
}

// A protobuf string can carry nothing else.
std::string CheckText(const std::string& text) {
  return rest::ToValidUtf8(text) == text ? "" : "it is not UTF-8 text";
}

CLI::Validator Check(std::string (*check)(const std::string&)) {
  return {[check](std::string& text) { return check(text); }, ""};
}

// The flags of every command that talks to a gateway.
struct ConnectionFlags {
  std::string server = kDefaultServer;
  std::string timeout = "30s";

  void AddTo(CLI::App* app) {
    app->add_option("--server", server, "The gateway")
        ->type_name("HOST:PORT")
        ->capture_default_str()
        ->check(Check(CheckServer));
    app->add_option("--timeout", timeout, "How long to wait for the answer, connecting included")
        ->type_name("DURATION")
        ->capture_default_str()
        ->check(Check(CheckDuration));
  }

  [[nodiscard]] Connection connection() const {
    return {server, ParseDuration(timeout).value_or(kDefaultTimeout)};
  }
};

}  // namespace

std::optional<std::chrono::milliseconds> ParseDuration(std::string_view text) {
  std::int64_t count = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  const std::string_view unit = text.substr(static_cast<std::size_t>(rest - text.data()));
  std::int64_t scale = 0;
  if (unit == "ms") scale = 1;
  if (unit == "s") scale = 1000;
  if (unit == "m") scale = 60'000;
  if (unit == "h") scale = 3'600'000;
  constexpr std::int64_t kDay = 24LL * 60 * 60 * 1000;
  if (error != std::errc() || scale == 0 || count <= 0 || count > kDay / scale) return std::nullopt;
  return std::chrono::milliseconds(count * scale);
}

Command ParseCommandLine(const std::vector<std::string>& arguments) {
  CLI::App app("Deletes Aymara AI eval runs through an evalrun-gateway.", "evalrunctl");
  app.require_subcommand(1);
  app.footer(kFooter);

  DeleteCommand remove;
  ConnectionFlags remove_flags;
  std::string workspace;
  CLI::App* const remove_app = app.add_subcommand("delete", "Delete one eval run, for good");
  remove_app
      ->add_option("ID", remove.request.eval_run_uuid, "The run, such as score_run.954d54bc-…")
      ->required()
      ->type_name("")
      ->check(Check(CheckText));
  CLI::Option* const workspace_option =
      remove_app
          ->add_option("--workspace", workspace,
                       "The workspace of the run (default: that of the gateway's API key)")
          ->type_name("ID")
          ->check(Check(CheckText));
  remove_app->add_flag("--allow-missing", remove.request.allow_missing,
                       "A run that is not there counts as deleted");
  remove_app->add_flag("--json", remove.json, "Print one JSON object");
  remove_app
      ->add_option("--request-id", remove.request.request_id,
                   "The x-request-id of the call (default: the gateway makes one)")
      ->type_name("ID")
      ->check(Check(CheckRequestId));
  remove_flags.AddTo(remove_app);

  ConnectionFlags health_flags;
  health_flags.timeout = "5s";
  CLI::App* const health_app = app.add_subcommand("health", "Ask whether the gateway is serving");
  health_flags.AddTo(health_app);

  CLI::App* const version_app = app.add_subcommand("version", "Print the versions");

  try {
    // CLI11 takes them from the back.
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::ParseError& error) {
    std::ostringstream out;
    std::ostringstream err;
    const int status = app.exit(error, out, err);
    return PrintAndExit{out.str(), err.str(), status == 0 ? kExitGone : kExitUsage};
  }

  if (version_app->parsed()) return VersionCommand{};
  if (health_app->parsed()) return HealthCommand{health_flags.connection()};
  if (workspace_option->count() > 0) remove.request.workspace_uuid = workspace;
  remove.connection = remove_flags.connection();
  return remove;
}

}  // namespace evalrun::cli
