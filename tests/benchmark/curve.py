# SPDX-License-Identifier: Apache-2.0
"""Draws the overload curve as SVG: for each regime the outcomes of the calls, and below their latency."""
import math

WIDTH, HEIGHT = 420, 230  # of a panel's plot
LEFT, TOP, GAP_X, GAP_Y = 70, 84, 100, 90
OK, REJECTED, LOST, OFFERED = '#0072b2', '#d55e00', '#cc79a7', '#999999'
TITLES = {
    'upstream': 'The upstream is the bottleneck',
    'gateway': "The gateway's core is the bottleneck",
}


class Panel:
    """One plot; x is linear from 0, y linear from 0 or logarithmic."""

    def __init__(self, left, top, most_x, y_range, logarithmic):
        self.left, self.top, self.most_x = left, top, most_x
        self.y_range, self.logarithmic = y_range, logarithmic
        self.parts = []

    def x(self, value):
        return self.left + WIDTH * value / self.most_x

    def y(self, value):
        low, high = self.y_range
        if self.logarithmic:
            value, low, high = (math.log10(max(v, self.y_range[0])) for v in (value, low, high))
        return self.top + HEIGHT * (1 - (value - low) / (high - low))

    def text(self, x, y, text, **style):
        attributes = ''.join(f' {key.replace("_", "-")}="{value}"' for key, value in style.items())
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}"{attributes}>{text}</text>')

    def line(self, x1, y1, x2, y2, colour, dash=''):
        dash = f' stroke-dasharray="{dash}"' if dash else ''
        self.parts.append(f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
                          f'stroke="{colour}"{dash}/>')

    def axes(self, x_ticks, y_ticks, y_title, x_title):
        for value in y_ticks:
            self.line(self.left, self.y(value), self.left + WIDTH, self.y(value), '#e4e4e4')
            self.text(self.left - 8, self.y(value) + 4, f'{value:g}', text_anchor='end')
        for value in x_ticks:
            self.text(self.x(value), self.top + HEIGHT + 18, f'{value:g}×', text_anchor='middle')
        self.line(self.left, self.top + HEIGHT, self.left + WIDTH, self.top + HEIGHT, '#444444')
        self.text(self.left, self.top - 10, y_title, fill='#444444')
        self.text(self.left + WIDTH / 2, self.top + HEIGHT + 36, x_title, text_anchor='middle',
                  fill='#444444')

    def series(self, points, again, colour, name):
        """`again` is the point measured after the overload, drawn as a hollow mark."""
        path = ' '.join(f'{self.x(x):.1f},{self.y(y):.1f}' for x, y in points)
        self.parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" '
                          'stroke-width="2"/>')
        for (x, y), fill in [(point, colour) for point in points] + [(p, 'white') for p in again]:
            self.parts.append(f'<circle cx="{self.x(x):.1f}" cy="{self.y(y):.1f}" r="4" '
                              f'fill="{fill}" stroke="{colour}" stroke-width="1.5"/>')
        x, y = points[-1]
        self.text(self.x(x) + 8, self.y(y) + 4, name, fill=colour)


def nice_top(value):
    step = 10 ** math.floor(math.log10(value))
    return next(step * m for m in (1, 2, 3, 4, 5, 6, 8, 10) if step * m >= value)


def select_points(steps, value, zero=False):
    """The points of rising load, and that after the overload; zeros are omitted unless `zero`."""
    points = [(step['load'], value(step)) for step in steps]
    up = [point for point in points[:-1] if zero or point[1] > 0]
    return up, [point for point in points[-1:] if zero or point[1] > 0]


def draw_regime(name, regime, left):
    steps = regime['steps']
    most_load = max(step['load'] for step in steps)
    loads = sorted({step['load'] for step in steps if step['load'] >= 0.5})
    top_rate = nice_top(max(step['goodput'] + sum(step['rejected'].values()) for step in steps))
    title = f'offered load, in multiples of {regime["capacity"]:.0f} calls/s'

    rates = Panel(left, TOP, most_load, (0, top_rate), False)
    rates.axes(loads, [top_rate * i / 4 for i in range(5)], 'responses per second', title)
    rates.line(rates.x(0), rates.y(0), rates.x(min(most_load, top_rate / regime['capacity'])),
               rates.y(min(most_load * regime['capacity'], top_rate)), OFFERED, '4 4')
    rates.series(*select_points(steps, lambda step: step['goodput'], zero=True), OK, 'OK')
    rejected = select_points(steps, lambda step: sum(step['rejected'].values()))
    if rejected[0]:
        rates.series(*rejected, REJECTED, 'rejected')
    rates.text(left, TOP - 34, TITLES[name], font_size=16, font_weight='bold')

    longest = max(step[kind]['p99'] for step in steps for kind in ('ok_ms', 'rejected_ms', 'lost_ms'))
    top_ms = 10 ** max(2, math.ceil(math.log10(longest)))
    times = Panel(left, TOP + HEIGHT + GAP_Y, most_load, (0.1, top_ms), True)
    ticks = [10.0 ** power for power in range(-1, int(math.log10(top_ms)) + 1)]
    times.axes(loads, ticks, 'p99 in ms, from the moment a call was due (logarithmic)', title)
    times.series(*select_points(steps, lambda step: step['ok_ms']['p99']), OK, 'OK')
    for kind, colour, label in (('rejected_ms', REJECTED, 'rejected'), ('lost_ms', LOST, 'connection ended')):
        points = select_points(steps, lambda step, kind=kind: step[kind]['p99'])
        if points[0]:
            times.series(*points, colour, label)
    return rates.parts + times.parts


def draw(result):
    width = LEFT + 2 * WIDTH + GAP_X + 70
    height = TOP + 2 * HEIGHT + GAP_Y + 84
    parts = []
    for number, name in enumerate(TITLES):
        parts += draw_regime(name, result[name], LEFT + number * (WIDTH + GAP_X))
    parts.append(f'<text x="{LEFT}" y="{height - 14}" fill="#666666" font-size="12">'
                 f'dashed: offered; hollow: the same load again after the overload. '
                 f'Commit {result["commit"]}, {result["machine"]}, medians of '
                 f'{result["rounds"]} rounds</text>')
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
            f'viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="13" '
            f'fill="#222222">\n<rect width="100%" height="100%" fill="white"/>\n'
            + '\n'.join(parts) + '\n</svg>\n')
