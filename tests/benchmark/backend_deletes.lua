-- For wrk: each request deletes a different run of those that `backend` has seeded.
local threads = 0

function setup(thread)
  thread:set("id", threads)
  threads = threads + 1
end

function init()
  run = -1
  headers = {["x-api-key"] = "benchmark"}
end

function request()
  run = run + 1
  local path = string.format("/v2/eval-runs/dddddddd-0000-4000-8%03d-%012d", id, run)
  return wrk.format("DELETE", path, headers)
end

function done(summary, latency)
  local failed = summary.errors.status + summary.errors.connect + summary.errors.read +
                 summary.errors.write + summary.errors.timeout
  print(string.format("%d answered, %d of them not with 2xx or not at all", summary.requests, failed))
  print(string.format("%.0f deletes/s", summary.requests / summary.duration * 1e6))
  print(string.format("latency p50 %.1f ms, p99 %.1f ms, most %.1f ms", latency:percentile(50) / 1000,
                      latency:percentile(99) / 1000, latency.max / 1000))
end
