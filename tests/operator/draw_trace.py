# SPDX-License-Identifier: Apache-2.0
"""Draws the trace of a retried deletion, service/tracing/retried_deletion.svg.

    tests/python/venv python tests/operator/draw_trace.py

Starts a gateway with a backend whose first response is 503 and whose second is late, deletes a run, and draws the spans that the gateway
exports as a collector would decode them. Times and ids differ from run to run, so that no test compares the picture.
GATEWAY_UNDER_TEST and BACKEND_UNDER_TEST override the binaries of the preset `dev`.
"""

import pathlib
import tempfile
from xml.sax.saxutils import escape

from evalrun_testing.collector import Collector, attributes
from evalrun_testing.deployment import Deployment

PICTURE = pathlib.Path(__file__).resolve().parents[2] / "service/tracing/retried_deletion.svg"
TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
WIDTH, LEFT, RIGHT, TOP, ROW = 960, 400, 40, 52, 92

# Legible on light and dark backgrounds.
STYLE = """
    text { font: 13px system-ui, sans-serif; fill: #1f2328 }
    .small { font-size: 11px; fill: #57606a }
    .background { fill: #ffffff }
    .ok { fill: #54aeff } .error { fill: #ff8182 }
    .grid { stroke: #d0d7de } .event { fill: #9a6700 }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3 } .small { fill: #9da7b1 } .background { fill: #0d1117 }
      .ok { fill: #1f6feb } .error { fill: #da3633 } .grid { stroke: #30363d } .event { fill: #d29922 }
    }"""

SHOWN = ("rpc.status_code", "http.response.status_code", "error.type", "http.request.resend_count",
         "evalrun.attempts", "evalrun.deletion", "server.address")


def record():
    """The spans of one retried deletion, that of the call first."""
    with tempfile.TemporaryDirectory() as folder, Collector() as collector, \
            Deployment(folder, runs=1, flags=["--tracing-otlp-endpoint", collector.url]) as deployment:
        deployment.delete()  # connections are open then
        deployment.faults.set_rules({"fault": "respond", "status": 503, "count": 1},
                                    {"fault": "delay", "delay_ms": 25})
        assert deployment.delete(deployment.runs[0], metadata=[("traceparent", TRACEPARENT)]) == "OK"
        return collector.wait_for_spans(3)


def draw(spans):
    """An SVG with a row for each span."""
    begin, end = spans[0].start_time_unix_nano, spans[0].end_time_unix_nano

    def x(time):
        return LEFT + (WIDTH - LEFT - RIGHT) * (time - begin) / (end - begin)

    def milliseconds(nanoseconds):
        return f"{nanoseconds / 1e6:.1f} ms"

    height = TOP + ROW * len(spans) + 14
    lines = [f'<text x="20" y="24">trace {spans[0].trace_id.hex()}</text>']
    for part in range(5):
        time = begin + (end - begin) * part // 4
        lines += [f'<line class="grid" x1="{x(time):.1f}" y1="{TOP - 8}" x2="{x(time):.1f}" y2="{height - 12}"/>',
                  f'<text class="small" x="{x(time):.1f}" y="{TOP - 14}" text-anchor="middle">'
                  f'{milliseconds(time - begin)}</text>']
    for number, span in enumerate(spans):
        y = TOP + ROW * number
        kind = {2: "SERVER", 3: "CLIENT"}[span.kind]
        state = "error" if span.status.code == 2 else "ok"
        indent = 20 if number == 0 else 38
        name = span.name.rpartition(".")[2]
        values = attributes(span)
        lines += [f'<text x="{indent}" y="{y + 16}">{escape(name)}</text>',
                  f'<text class="small" x="{indent}" y="{y + 32}">{kind} {span.span_id.hex()}, '
                  f'parent {span.parent_span_id.hex()}</text>']
        shown = [f"{key}={values[key]}" for key in SHOWN if key in values]
        for line in range(0, len(shown), 2):
            lines.append(f'<text class="small" x="{indent}" y="{y + 48 + 8 * line}">'
                         f'{escape("  ".join(shown[line:line + 2]))}</text>')
        left, right = x(span.start_time_unix_nano), x(span.end_time_unix_nano)
        lines.append(f'<rect class="{state}" x="{left:.1f}" y="{y + 4}" width="{max(right - left, 2):.1f}" '
                     f'height="18" rx="2"><title>{milliseconds(span.end_time_unix_nano - span.start_time_unix_nano)}'
                     '</title></rect>')
        for event in span.events:
            at = x(event.time_unix_nano)
            values = ", ".join(f"{key}={value}" for key, value in attributes(event).items())
            anchor = "start" if at < (LEFT + WIDTH) / 2 else "end"
            lines += [f'<circle class="event" cx="{at:.1f}" cy="{y + 13}" r="5"/>',
                      f'<text class="small" x="{at:.1f}" y="{y + 38}" text-anchor="{anchor}">'
                      f'{escape(event.name)} {escape(values)}</text>']
    body = "\n  ".join(lines)
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
            f'aria-label="The spans of a retried deletion">\n  <style>{STYLE}\n  </style>\n'
            f'  <rect class="background" width="{WIDTH}" height="{height}"/>\n  {body}\n</svg>\n')


if __name__ == "__main__":
    PICTURE.write_text(draw(record()), encoding="utf-8")
