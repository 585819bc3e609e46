// SPDX-License-Identifier: Apache-2.0

#include "service/reload/certificate_reloader.h"

#include <exception>
#include <utility>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/time/time.h>

namespace evalrun::reload {
namespace {

std::string FormatTime(std::chrono::system_clock::time_point time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::FromChrono(time), absl::UTCTimeZone());
}

}  // namespace

absl::Status CertificateReloader::Add(const std::string& name, config::TlsPaths paths, Apply apply,
                                      Clock::time_point now) {
  Set& set = sets_.emplace_back();
  set.name = name;
  set.paths = std::move(paths);
  set.apply = std::move(apply);
  absl::Status status = Load(&set, now, /*is_start=*/true);
  if (!status.ok()) {
    sets_.pop_back();
    return status;
  }
  metrics_.Add(name);
  return status;
}

void CertificateReloader::CheckForChanges(Clock::time_point now) {
  for (Set& set : sets_) {
    if (set.retry || now >= set.retry_at || set.files.CheckForChanges()) Reload(&set, now);
  }
}

void CertificateReloader::Reload(Clock::time_point now) {
  for (Set& set : sets_) Reload(&set, now);
}

absl::Status CertificateReloader::Load(Set* set, Clock::time_point now, bool is_start) {
  set->files.Clear();
  set->retry_at = Clock::time_point::max();
  const absl::StatusOr<config::TlsFiles> files =
      config::LoadTlsFiles(set->paths, set->files.MakeReader(), now);
  // A file that could not be read counts as changed once it can be: no other retry is needed.
  set->retry = files.ok();
  if (!files.ok()) return files.status();
  if (!is_start && files->certificate_start > now) {
    set->retry = false;
    set->retry_at = *files->certificate_start;
    return absl::FailedPreconditionError(
        absl::StrCat(set->paths.certificate, ": the certificate is not valid before ",
                     FormatTime(set->retry_at), "; until then the old one stays in use"));
  }
  absl::Status applied = set->apply(files->material);
  if (!applied.ok()) return applied;
  set->retry = false;
  WarnAbout(*set, *files, now);
  if (files->certificate_expiry) metrics_.SetExpiry(set->name, *files->certificate_expiry);
  if (files->authorities_expiry) {
    metrics_.SetExpiry(absl::StrCat(set->name, "_ca"), *files->authorities_expiry);
  }
  return absl::OkStatus();
}

// What works, and may not be meant.
void CertificateReloader::WarnAbout(const Set& set, const config::TlsFiles& files,
                                    Clock::time_point now) {
  if (files.certificate_start > now) {
    events_.Write(spdlog::level::warn, "certificate_not_valid_yet",
                  {{"set", set.name}, {"valid_from", FormatTime(*files.certificate_start)}});
  }
  if (!files.ignored_certificates.empty()) {
    events_.Write(
        spdlog::level::warn, "expired_certificates_ignored",
        {{"set", set.name}, {"subjects", absl::StrJoin(files.ignored_certificates, "; ")}});
  }
}

absl::Status CertificateReloader::LoadOrCatch(Set* set, Clock::time_point now) {
  set->retry = true;  // unless Load() finds otherwise
  try {
    return Load(set, now, /*is_start=*/false);
  } catch (const std::exception& error) {  // no memory
    return absl::ResourceExhaustedError(error.what());
  }
}

void CertificateReloader::Reload(Set* set, Clock::time_point now) {
  const bool is_retry = set->retry;
  const absl::Status status = LoadOrCatch(set, now);
  metrics_.OnReload(set->name, status.ok());
  const std::string reason(status.message());
  const bool is_known = is_retry && reason == set->last_error;
  set->last_error = reason;
  if (status.ok()) {
    events_.Write(spdlog::level::info, "certificates_reloaded", {{"set", set->name}});
  } else if (!is_known) {
    events_.Write(spdlog::level::err, "certificates_reload_failed",
                  {{"set", set->name}, {"reason", reason}});
  }
}

}  // namespace evalrun::reload
