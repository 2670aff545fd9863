"""A strict reader of the text exposition format of Prometheus, version 0.0.4, for tests; and how to get another one.

Every line has its form, every family its HELP, its TYPE and then its samples, none comes twice, and histograms add up.
"""

import math
import re
import subprocess
import sys

import realprog

LIMIT = 60              # seconds: an upper bound
SAMPLE = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\[\\"n])*",?)*)\})? (\S+)')
LABEL = re.compile(r'([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"(?:,|$)')
SUFFIXES = {"histogram": ("_bucket", "_sum", "_count"), "counter": ("",), "gauge": ("",), "untyped": ("",)}


def expect(what, condition, seen):
    if not condition:
        raise realprog.Failure(f"{what}:\n{seen}")


def samples_of(text):
    """{(name, labels): value}, after each line has been looked at."""
    expect("its end", text.endswith("\n") and "\r" not in text, text[-80:])
    samples, kinds, current = {}, {}, None
    for line in text.splitlines():
        if found := re.fullmatch(r"# HELP (\S+) (.+)", line):
            current = found[1]
            expect(f"{current} once", current not in kinds, text)
            kinds[current] = None
        elif found := re.fullmatch(r"# TYPE (\S+) (\w+)", line):
            expect(f"TYPE behind HELP of {current}", found[1] == current and kinds[current] is None and
                   found[2] in SUFFIXES, line)
            kinds[current] = found[2]
            expect("the name of a counter", (found[2] == "counter") == current.endswith("_total"), line)
        else:
            found = SAMPLE.fullmatch(line)
            expect("a sample", found and kinds.get(current), line)
            expect(f"a sample of {current}", found[1] in [current + suffix for suffix in SUFFIXES[kinds[current]]], line)
            labels = tuple((name, re.sub(r"\\(.)", lambda c: "\n" if c[1] == "n" else c[1], value))
                           for name, value in LABEL.findall(found[2] or ""))
            expect("labels once", len(dict(labels)) == len(labels) and (found[1], labels) not in samples, line)
            samples[found[1], labels] = float(found[3])
    return samples


def check_histograms(samples):
    calls = {dict(labels)["call"] for name, labels in samples if name == "green_offload_seconds_count"}
    for each in calls:
        buckets = [(float(dict(labels)["le"]), value) for (name, labels), value in samples.items()
                   if name == "green_offload_seconds_bucket" and dict(labels)["call"] == each]
        bounds, values = zip(*buckets)
        expect("buckets", list(bounds) == sorted(set(bounds)) and list(values) == sorted(values), buckets)
        expect("the last", bounds[-1] == math.inf and
               values[-1] == samples["green_offload_seconds_count", (("call", each),)], buckets)
        mean = samples["green_offload_seconds_sum", (("call", each),)] / values[-1]
        lowest = next(bound for bound, value in buckets if value)
        longest = samples["green_offload_longest_seconds", (("call", each),)]
        expect("the sum", lowest / 2 <= mean * 1.001 + 1e-6 and mean <= longest * 1.001, (each, buckets, mean, longest))


def foreign_parser(directory):
    """Python with prometheus_client, from a place of its own; None if it cannot be had."""
    python = directory / "venv" / "bin" / "python"
    commands = ([sys.executable, "-m", "venv", directory / "venv"],
                [python, "-m", "pip", "install", "-q", "--retries", "1", "--timeout", "10", "prometheus_client"])
    for command in commands:
        try:
            done = subprocess.run(command, env=realprog.environment(False), capture_output=True, timeout=LIMIT, check=False)
        except (OSError, subprocess.TimeoutExpired):
            return None
        if done.returncode != 0:
            return None
    return python


FOREIGN = """\
import json, sys
from prometheus_client.parser import text_string_to_metric_families
rows = [[sample.name, sorted(sample.labels.items()), sample.value, family.type]
        for family in text_string_to_metric_families(sys.stdin.read()) for sample in family.samples]
print(json.dumps(rows))
"""
