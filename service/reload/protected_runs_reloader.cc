// SPDX-License-Identifier: Apache-2.0

#include "service/reload/protected_runs_reloader.h"

#include <sys/stat.h>

#include <cerrno>
#include <utility>

#include <absl/status/statusor.h>
#include <absl/strings/str_cat.h>

#include "service/config/protected_runs.h"

namespace evalrun::reload {
namespace {

// Two changes within the resolution of a file system's times look like one.
constexpr auto kTimeResolution = std::chrono::seconds(2);

std::int64_t ToNanoseconds(const timespec& time) {
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

}  // namespace

absl::Status ProtectedRunsReloader::Start(const std::string& path,
                                          std::chrono::system_clock::time_point now) {
  path_ = path;
  return path_.empty() ? absl::OkStatus() : Load(now);
}

void ProtectedRunsReloader::SetPath(const std::string& path,
                                    std::chrono::system_clock::time_point now) {
  if (path == path_) return;
  path_ = path;
  retry_ = false;
  content_hash_ = 0;
  LoadOrReport(now, /*report_again=*/true);
}

void ProtectedRunsReloader::CheckForChanges(std::chrono::system_clock::time_point now) {
  retired_ = nullptr;
  if (path_.empty()) return;
  const Version version = ReadVersion();
  const bool has_settled = version == std::exchange(last_seen_, version);
  if (has_settled && (retry_ || version != loaded_)) LoadAndApply(now, /*report_again=*/false);
}

void ProtectedRunsReloader::Reload(std::chrono::system_clock::time_point now) {
  if (!path_.empty()) LoadAndApply(now, /*report_again=*/true);
}

void ProtectedRunsReloader::LoadAndApply(std::chrono::system_clock::time_point now,
                                         bool report_again) {
  const List before = current_;
  LoadOrReport(now, report_again);
  if (current_ != before) apply_(current_);
}

ProtectedRunsReloader::Version ProtectedRunsReloader::ReadVersion() const {
  struct stat status {};
  if (stat(path_.c_str(), &status) != 0) return {.error = errno};
  return {.error = 0,
          .device = status.st_dev,
          .inode = status.st_ino,
          .size = status.st_size,
          .modified_ns = ToNanoseconds(status.st_mtim),
          .changed_ns = ToNanoseconds(status.st_ctim)};
}

absl::Status ProtectedRunsReloader::Load(std::chrono::system_clock::time_point now) {
  retry_ = true;  // also when there is no memory, which is an exception
  const Version version = ReadVersion();
  const absl::StatusOr<std::string> text = config::ReadProtectedRuns(path_);
  if (!text.ok()) return text.status();
  const std::size_t hash = std::hash<std::string_view>()(*text);
  auto list = config::ParseProtectedRuns(*text, path_, opaque_ids_);
  const auto changed_at = std::chrono::system_clock::time_point(
      std::chrono::duration_cast<std::chrono::system_clock::duration>(
          std::chrono::nanoseconds(version.changed_ns)));
  retry_ = changed_at + kTimeResolution > now && changed_at <= now;
  loaded_ = version;
  if (!list.ok()) return list.status();
  if (current_ != nullptr && hash == content_hash_) return absl::OkStatus();
  retired_ =
      std::exchange(current_, std::make_shared<const authz::ProtectedRuns>(*std::move(list)));
  content_hash_ = hash;
  return absl::OkStatus();
}

void ProtectedRunsReloader::LoadOrReport(std::chrono::system_clock::time_point now,
                                         bool report_again) {
  const List before = current_;
  const absl::Status status = Load(now);
  const std::string error =
      status.ok() ? "" : absl::StrCat("protected_runs_file: ", std::string(status.message()));
  const bool is_known = error == std::exchange(last_error_, error);
  const bool has_changed = !is_known || current_ != before;
  if (!has_changed && (status.ok() || !report_again)) return;
  metrics_.OnProtectedRunsReload(status.ok());
  if (!status.ok()) events_.Write(spdlog::level::err, "config_reload_failed", {{"reason", error}});
}

}  // namespace evalrun::reload
