"""What scripts/strace-compare found, as one HTML page: no network, no scripts, one SVG for each thread.

Every element is made by element(), which escapes all text and attributes that are not elements
themselves; so whatever the traced program is called or says stays text. The page forbids itself
by a Content-Security-Policy to load or execute anything.

Follows the HTML standard (html.spec.whatwg.org) and SVG 1.1; each <svg> is XML by itself.
"""

import html
import os
import shlex
from pathlib import Path

import footprint as footprints
import strace_text
import timeline

WIDTH, HEIGHT = 1000, 20        # of a time line's view box, whatever its size on the screen
PIXEL = 1 / 2000                # of the picture's width: what is closer together is drawn as one
TICKS = 5                       # at most, on the axis
EMPTY = frozenset(["meta", "rect", "line"])
POLICY = "default-src 'none'; style-src 'unsafe-inline'"

STYLE = """
:root { color-scheme: light dark; --page: #fff; --ink: #1b1f24; --dim: #59636e; --edge: #d1d9e0;
  --card: #f6f8fa; --band: #e4e9ef; --run: #1a7f37; --many: #b6c9e2; --io: #3d8fd1; --lock: #d1640a;
  --sleep: #b57edc; --disk: #c9a400; --other: #8c959f; }
@media (prefers-color-scheme: dark) {
  :root { --page: #0d1117; --ink: #e6edf3; --dim: #9198a1; --edge: #3d444d; --card: #151b23;
    --band: #1c2430; --run: #3fb950; --many: #3c5574; --io: #4f9fe0; --lock: #e8853a;
    --sleep: #b083e0; --disk: #d4b42c; --other: #7d8590; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 76rem; padding: 1rem; background: var(--page); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: .5rem 0; }
h2 { font-size: 1.2rem; margin: 2rem 0 .5rem; }
h3 { font-size: 1rem; margin: 1.2rem 0 .3rem; }
code { font-family: ui-monospace, monospace; font-size: .9em; overflow-wrap: anywhere; }
.together { font-size: 1.1rem; }
.dim { color: var(--dim); font-size: .9rem; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(17rem, 1fr)); gap: 1rem; }
.card { background: var(--card); border: 1px solid var(--edge); border-radius: .5rem; padding: .5rem 1rem; }
.card h3 { margin: .2rem 0; }
.card ul { margin: .3rem 0; padding-left: 1.2rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; }
th, td { padding: .15rem .8rem .15rem 0; text-align: left; vertical-align: top;
  border-bottom: 1px solid var(--edge); }
th.number, td.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
tr.part th { padding-left: 1rem; }
tbody th { font-weight: normal; white-space: nowrap; }
.threads td { white-space: nowrap; }
tr.sum > * { font-weight: bold; }
summary { cursor: pointer; margin: .5rem 0; }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; margin: .5rem 0; padding: 0; list-style: none;
  font-size: .9rem; }
.legend svg { width: 1em; height: .8em; margin-right: .4em; }
.life { display: grid; grid-template-columns: 6rem 1fr 13rem; column-gap: .6rem; align-items: center;
  font-size: .85rem; line-height: 1.25rem; }
.life .note { color: var(--dim); white-space: nowrap; font-variant-numeric: tabular-nums; }
.life > span { white-space: nowrap; }
.life svg { display: block; width: 100%; height: 1.25rem; }
.axis svg { overflow: visible; }
.axis text { fill: var(--dim); font-size: .75rem; }
.axis line { stroke: var(--dim); }
rect.band { fill: var(--band); }
@media (max-width: 40rem) {
  .life { grid-template-columns: 4.5rem 1fr; }
  .life .note { display: none; }
  table { font-size: .85rem; }
  th, td { padding-right: .5rem; }
}
""" + "".join(f"rect.{kind.name} {{ fill: var(--{kind.name}); }}\n" for kind in timeline.KINDS)


# ---- elements --------------------------------------------------------------------------------

class Markup(str):
    """Text that is an element already."""


def element(name, attributes=None, *children):
    shown = "".join(f' {key}="{escaped(value)}"' for key, value in (attributes or {}).items())
    if name in EMPTY:
        return Markup(f"<{name}{shown}/>")
    inside = "".join(child if isinstance(child, Markup) else escaped(child) for child in children)
    return Markup(f"<{name}{shown}>{inside}</{name}>")


def escaped(text):
    return html.escape(strace_text.printable(str(text)))


def number(value):
    """A coordinate, short."""
    return f"{value:.3f}".rstrip("0").rstrip(".")


def table(head, lines):
    """Cells that are numbers, or (text, number), stand to the right; the first column is the head."""
    def cell(content, name="td"):
        is_number = not isinstance(content, str)
        return element(name, {"class": "number"} if is_number else {}, content)

    def line(cells):
        first, *others = cells
        kind = {"class": "part"} if first.startswith(" ") else {"class": "sum"} if first == "all" else {}
        return element("tr", kind, element("th", {"scope": "row"}, first.strip()), *map(cell, others))

    numbers = [not isinstance(content, str) for content in lines[0]] if lines else []
    top = [element("th", {"scope": "col"} | ({"class": "number"} if right else {}), text)
           for text, right in zip(head, numbers)]
    return element("div", {"class": "wide"}, element(
        "table", {}, element("thead", {}, element("tr", {}, *top)),
        element("tbody", {}, *map(line, lines))))


class Fixed(float):
    """A number with as many digits as are worth showing."""

    def __new__(cls, value, digits=3):
        self = super().__new__(cls, value)
        self.digits = digits
        return self

    def __str__(self):
        return f"{self:.{self.digits}f}"


# ---- the picture -----------------------------------------------------------------------------

def svg(attributes, *children):
    return element("svg", {"xmlns": "http://www.w3.org/2000/svg"} | attributes, *children)


def bar(kind, start, end, scale, title, numbers=None, top=4):
    left, right = (WIDTH * max(0.0, min(1.0, at / scale)) for at in (start, end))
    place = {"x": number(left), "y": top, "width": number(right - left), "height": HEIGHT - 2 * top}
    children = [element("title", {}, title)] if title else []
    return Markup(element("g", {"class": "bar"} | (numbers or {}), *children,
                          element("rect", {"class": kind} | place)))


def span_title(span):
    if sum(span.calls.values()) == 1:
        call = span.example
        what = f"{call.name}({call.args[:100]}) = {call.result}"
    else:
        what = ", ".join(f"{name} {count}" for name, count in span.calls.most_common())
    return f"blocked for {1000 * span.blocked:.3f} ms, {span.start:.3f} to {span.end:.3f} s: {what}"


def life_svg(life, scale, phases):
    bars = [bar("band", *phases, scale, "", top=0)] if phases else []
    bars.append(bar("run", life.begin, life.end, scale,
                    f"{life.name}, tid {life.tid}: lived {life.lived:.3f} s, ran {life.ran:.3f} s"))
    for span in timeline.merged(life.spans, PIXEL * scale):
        numbers = {"data-seconds": f"{span.blocked:.6f}", "data-calls": sum(span.calls.values())}
        bars.append(bar(span.kind.name, span.start, min(span.end, life.end), scale,
                        span_title(span), numbers))
    said = f"time line of {life.name}: lived {life.lived:.3f} s, blocked {life.blocked:.3f} s"
    return svg({"viewBox": f"0 0 {WIDTH} {HEIGHT}", "preserveAspectRatio": "none", "role": "img",
                "aria-label": said, "class": "time", "data-tid": life.tid}, *bars)


def life_row(life, scale, phases):
    return element("div", {"class": "life"}, element("span", {"title": f"tid {life.tid}"}, life.name),
                   life_svg(life, scale, phases),
                   element("span", {"class": "note"},
                           f"ran {life.ran:.3f}, blocked {life.blocked:.3f} s"))


def step_of(scale):
    """The seconds between two ticks: 1, 2 or 5 times a power of ten."""
    step, factors = 1e-6, [2, 2.5, 2]
    while scale / step > TICKS:
        step *= factors[0]
        factors.append(factors.pop(0))
    return step


def anchor(share):
    """So that a word at either end of the axis does not stick out."""
    return "start" if share < 0.05 else "end" if share > 0.95 else "middle"


def axis(scale):
    step = step_of(scale)
    marks = []
    for index in range(int(scale / step) + 1):
        place = f"{number(100 * index * step / scale)}%"
        marks.append(element("line", {"x1": place, "x2": place, "y1": 14, "y2": 20}))
        marks.append(element("text", {"x": place, "y": 11,
                                      "text-anchor": anchor(index * step / scale)},
                             f"{index * step:.6g} s"))
    return element("div", {"class": "life axis"}, element("span"), svg({"aria-hidden": "true"}, *marks),
                   element("span", {"class": "note"}))


def legend(reports):
    kinds = strace_text.kinds_in(reports)
    items = [(kind.name, kind.label) for kind in timeline.KINDS if kind in kinds]
    if any(report.drive for report in reports):
        items.append(("band", "behind the bars: while the driver ran"))
    return element("ul", {"class": "legend"}, *(
        element("li", {}, svg({"viewBox": "0 0 10 8", "aria-hidden": "true"}, element(
            "rect", {"class": name, "width": 10, "height": 8})), label) for name, label in items))


def picture(report, scale):
    count = strace_text.many(len(report.line.lives), "kernel thread")
    return element(
        "section", {"class": "run", "id": report.name},
        element("h3", {}, f"{report.name}: {count}, {report.line.seconds:.3f} s"), axis(scale),
        *(life_row(life, scale, report.phases()) for life in report.line.lives))


# ---- the rest --------------------------------------------------------------------------------

def card(report):
    said = [f"it said: {line}" for line in report.said]
    return element("div", {"class": "card"},
                   element("h3", {}, f"{report.name}: {report.verdict.model}, because"),
                   element("ul", {}, *(element("li", {}, reason)
                                       for reason in [*report.verdict.evidence, *said])))


def measures(reports):
    lines = [[pairs[0][0], *(value for _, value in pairs)]
             for pairs in zip(*map(strace_text.rows, reports))]
    return table(["", *(report.name for report in reports)],
                 [[name, *map(str, values)] for name, *values in lines])


def requests(reports):
    if not strace_text.request_rows(reports):
        return Markup("")

    def lines(limit):
        head = ["call", *(report.name for report in reports)]
        return table(head, [[name, *(Fixed(value, 2) for value in values)]
                            for name, values in strace_text.request_rows(reports, limit)])

    return element(
        "section", {"id": "requests"}, element("h2", {}, "System calls per request"),
        element("p", {"class": "dim"}, f"{strace_text.request_title(reports)} by the driver's count; "
                "the calls of all threads and processes, from its start until SIGTERM."),
        lines(strace_text.CALLS),
        element("details", {}, element("summary", {}, "each system call"), lines(None)))


def threads(report):
    lines = [[life.name, life.tid, Fixed(life.lived), Fixed(life.ran), Fixed(life.blocked),
              strace_text.blocked_in(life)] for life in report.line.lives]
    return element(
        "details", {"class": "threads"},
        element("summary", {}, f"{report.name}: each thread in numbers"),
        table(["thread", "tid", "lived, s", "ran, s", "blocked, s", "blocked in, s"], lines))


def page(command, reports, threshold_ms):
    scale = max(report.line.seconds for report in reports)
    name = Path(command[0]).name
    system = os.uname()
    body = [
        element("h1", {}, f"{name}, with kernel threads and with green ones"),
        element("p", {}, element("code", {}, " ".join(shlex.quote(word) for word in command)))]
    if len(reports) == 2:
        body.append(element("p", {"class": "together"}, footprints.compare(
            *((report.footprint, report.verdict) for report in reports))))
    body += [
        element("h2", {}, "Verdict"),
        element("div", {"class": "cards"}, *map(card, reports)),
        element("h2", {}, "Who was blocked when"),
        element("p", {"class": "dim"}, "One line for each kernel thread, and one scale for both runs. A bar's "
                "title has the details."),
        legend(reports), *(picture(report, scale) for report in reports), *map(threads, reports),
        requests(reports),
        element("h2", {}, "Side by side"), measures(reports),
        element("p", {"class": "dim"},
                f"Measured by strace -f -ttt -T on {system.sysname} {system.release}, "
                f"{strace_text.many(len(os.sched_getaffinity(0)), 'CPU')}. strace slows each system call down: "
                "compare counts and shapes, not speed. "
                f"Blocked means: in a call that may wait, for longer than {threshold_ms:g} ms.")]
    head = element(
        "head", {}, element("meta", {"charset": "utf-8"}),
        element("meta", {"http-equiv": "Content-Security-Policy", "content": POLICY}),
        element("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}),
        element("title", {}, f"strace-compare: {name}"), element("style", {}, Markup(STYLE)))
    document = element("html", {"lang": "en"}, head, element("body", {}, *body))
    return "<!DOCTYPE html>\n" + document.replace("</div><div", "</div>\n<div").replace("</g><g", "</g>\n<g") + "\n"
