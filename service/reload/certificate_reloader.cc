#include "service/reload/certificate_reloader.h"

#include <utility>

#include <absl/strings/str_cat.h>

namespace evalrun::reload {

absl::Status CertificateReloader::Add(const std::string& name, config::TlsPaths paths,
                                      ApplyFiles apply_files, Clock::time_point now) {
  Set& set = sets_.emplace_back();
  set.name = name;
  set.paths = std::move(paths);
  set.apply_files = std::move(apply_files);
  const absl::Status status = Load(&set, now);
  if (!status.ok()) {
    sets_.pop_back();
    return status;
  }
  metrics_.Add(name);
  return status;
}

void CertificateReloader::CheckForChanges(Clock::time_point now) {
  for (Set& set : sets_) {
    if (set.files.CheckForChanges()) Reload(&set, now);
  }
}

void CertificateReloader::Reload(Clock::time_point now) {
  for (Set& set : sets_) Reload(&set, now);
}

absl::Status CertificateReloader::Load(Set* set, Clock::time_point now) {
  set->files.Clear();
  absl::StatusOr<config::TlsFiles> files =
      config::LoadTlsFiles(set->paths, set->files.MakeReader(), now);
  if (!files.ok()) return files.status();
  if (files->certificate_expiry) metrics_.SetExpiry(set->name, *files->certificate_expiry);
  if (files->authorities_expiry) {
    metrics_.SetExpiry(absl::StrCat(set->name, "_ca"), *files->authorities_expiry);
  }
  set->apply_files(*std::move(files));
  return absl::OkStatus();
}

void CertificateReloader::Reload(Set* set, Clock::time_point now) {
  const absl::Status status = Load(set, now);
  metrics_.OnReload(set->name, status.ok());
  if (status.ok()) {
    events_.Write(spdlog::level::info, "certificates_reloaded", {{"set", set->name}});
  } else {
    const std::string reason(status.message());
    events_.Write(spdlog::level::err, "certificates_reload_failed",
                  {{"set", set->name}, {"reason", reason}});
  }
}

}  // namespace evalrun::reload
