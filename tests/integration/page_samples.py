# SPDX-License-Identifier: Apache-2.0
"""Made-up reports of ebb-bench compare, as its schema says: what the tests of the page are given.

Nobody measured these. The figures follow a plain model of a device (a service time, a number of
requests that it does at once, a tail) and of three ways to wait for it, with some noise, and are the
same each time.
"""

import math
import random
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = ROOT / "bench" / "report" / "report.schema.json"

METRICS = {  # name: label, scale, decimals
    "iops": ("IOPS", 1, 0),
    "bandwidth_mib_per_s": ("MiB/s", 1, 1),
    "latency_mean_ns": ("latency mean, us", 1e-3, 3),
    "latency_min_ns": ("latency min, us", 1e-3, 3),
    "latency_p50_ns": ("latency p50, us", 1e-3, 3),
    "latency_p90_ns": ("latency p90, us", 1e-3, 3),
    "latency_p99_ns": ("latency p99, us", 1e-3, 3),
    "latency_p99_9_ns": ("latency p99.9, us", 1e-3, 3),
    "latency_max_ns": ("latency max, us", 1e-3, 3),
    "cpu_percent": ("CPU, % of one", 1, 1),
    "cpu_user_percent": ("CPU user, %", 1, 1),
    "cpu_system_percent": ("CPU system, %", 1, 1),
    "cpu_s_per_million_ios": ("CPU s per million I/Os", 1, 4),
    "ios_per_cpu_s": ("I/Os per CPU second", 1, 0),
    "wakeups_per_s": ("reactor wakeups/s", 1, 1),
    "wakeups_per_io": ("wakeups per I/O", 1, 3),
    "ios_per_wakeup": ("I/Os per wakeup", 1, 2),
    "voluntary_switches_per_s": ("voluntary switches/s", 1, 1),
    "involuntary_switches_per_s": ("involuntary switches/s", 1, 1),
    "context_switches_per_io": ("switches per I/O", 1, 3),
    "joules_per_million_ios": ("J per million I/Os", 1, 3),
    "offered_iops": ("offered IOPS", 1, 0),
    "backlog_ios": ("backlog at the end, I/Os", 1, 0),
    "arrival_late_p50_ns": ("arrivals late p50, us", 1e-3, 3),
    "arrival_late_p99_ns": ("arrivals late p99, us", 1e-3, 3),
}
OPEN_LOOP = ("offered_iops", "backlog_ios", "arrival_late_p50_ns", "arrival_late_p99_ns")
RATIOS = (
    "iops latency_mean_ns latency_p50_ns latency_p99_ns cpu_percent cpu_s_per_million_ios "
    "joules_per_million_ios"
).split()
FRONTS = ("latency_mean_ns", "latency_p50_ns", "latency_p99_ns")

# How a contender waits: what a wake adds to a latency (us), and the CPU of an I/O (us) beside it.
WAYS = {
    "poll": {"wake_us": 0.0, "cpu_us": 0.7, "spins": 1.0},
    "interrupt": {"wake_us": 4.5, "cpu_us": 3.4, "spins": 0.0},
    "adaptive": {"wake_us": 0.9, "cpu_us": 1.2, "spins": 0.25},
    "plan 30us,65us": {"wake_us": 1.6, "cpu_us": 1.6, "spins": 0.12},
    "plan 60us,20us": {"wake_us": 3.0, "cpu_us": 2.2, "spins": 0.04},
    "fio io_uring": {"wake_us": 5.6, "cpu_us": 4.4, "spins": 0.0},
    "nbdkit over NBD": {"wake_us": 31.0, "cpu_us": 17.0, "spins": 0.0},
    "pas": {"wake_us": 1.4, "cpu_us": 2.0, "spins": 0.3},
}
PEERS = {
    "fio io_uring": "fio --name=ebb --ioengine=io_uring --direct=1 --rw={rw} --bs={bs} "
    "--iodepth={qd} --time_based --runtime=2 --ramp_time=0.2 --filename={path} "
    "--output-format=json+ --norandommap --randrepeat=1 --randseed=1 --group_reporting",
    "nbdkit over NBD": "nbdkit --foreground --exit-with-parent --unix /run/user/1000/ebb-bench."
    "12345/nbdkit.sock --threads 16 file {path} cache=none fadvise=random",
    "pas": None,
}
MACHINE = {
    "cpu": "AMD EPYC 9554P 64-Core Processor",
    "cpus_online": 2,
    "governor": "schedutil",
    "frequency_khz": {"min": 1500000, "max": 3762000},
    "idle_states": [
        {"name": "POLL", "exit_latency_us": 0, "disabled": False},
        {"name": "C1", "exit_latency_us": 1, "disabled": False},
        {"name": "C2", "exit_latency_us": 100, "disabled": False},
    ],
    "kernel": "Linux 6.1.0-30-amd64 #1 SMP PREEMPT_DYNAMIC Debian 6.1.124-1",
    "mitigations": {"spectre_v2": "Retpolines; IBPB: conditional; STIBP: disabled; RSB filling"},
    "device": {"model": "SAMSUNG MZQL21T9HCJR-00A07", "scheduler": "none", "poll_queues": None},
    "iommu": "on, translated",
    "steal_percent": 0.4,
    "rapl": False,
}


def target(name, kind="block device", **more):
    made = {
        "name": name,
        "kind": kind,
        "driver": "uring",
        "path": name if name.startswith("/") else None,
        "bdev": "bench0",
        "block_size_bytes": 512,
        "size_bytes": 64 << 30,
        "sparse": False,
    }
    return {**made, **more}


def load(name, rw="randread", block=4096, depth=1, rate=None, **more):
    made = {
        "name": name,
        "rw": rw,
        "read_percent": 70 if rw == "randrw" else None,
        "block_bytes": block,
        "queue_depth": depth,
        "size_bytes": None,
        "shape": "closed" if rate is None else "poisson",
        "rate_iops": rate,
        "sustained": None,
        "offered_iops": rate,
        "burst_ios": None,
        "on_ns": None,
        "off_ns": None,
        "time_ns": 2_000_000_000,
        "warmup_ns": 200_000_000,
        "seed": 1,
        "verify": False,
    }
    return {**made, **more}


def contender(name, path="/dev/nvme0n1"):
    kind = "plan" if name.startswith("plan") else "peer" if name in PEERS else "mode"
    command = PEERS.get(name)
    if command is not None:
        command = command.format(rw="randread", bs=4096, qd=32, path=path)
    version = "fio-3.33" if name == "fio io_uring" else None
    note = "its CPU is that of client and server" if name == "nbdkit over NBD" else None
    return {"name": name, "kind": kind, "version": version, "command": command, "note": note}


def closed_depths(block, depths, rw="randread"):
    size = f"{block // 1024}k"
    return [load(f"{rw} {size} qd {depth}", rw, block, depth) for depth in depths]


def spread(values):
    """As the report makes it of few runs."""
    values = sorted(value for value in values if value is not None)
    if not values:
        return {"median": None, "low": None, "high": None}
    middle = (values[(len(values) - 1) // 2] + values[len(values) // 2]) / 2
    return {"median": middle, "low": values[0], "high": values[-1]}


def bucket_upper(nanoseconds):
    """The upper edge of a bucket of ebb's histogram."""
    value = int(nanoseconds)
    shift = max(value.bit_length() - 7, 0)
    return ((value >> shift) + 1 << shift) - 1


class Model:
    """A device, asked in one way under one load."""

    def __init__(self, rng, way, service_us, asked):
        self.rng = rng
        self.way = way
        self.asked = asked
        self.service_us = service_us * (1 + asked["block_bytes"] / 65536)
        self.at_once = 24
        self.noise = 0.03

    def run(self):
        """One run: its latencies in ns, and its metrics."""
        way, asked, rng = self.way, self.asked, self.rng
        drift = math.exp(rng.gauss(0, self.noise))
        base = self.service_us * drift + way["wake_us"]
        most = self.at_once / (self.service_us * drift) * 1e6
        if asked["rate_iops"] is None:
            flight = asked["queue_depth"]
            mean = max(base, flight / most * 1e6)
            iops = flight / mean * 1e6
        else:
            busy = min(asked["rate_iops"] / most, 0.97)
            mean = base * (1 + 0.4 * busy / (1 - busy))
            iops = min(asked["rate_iops"], most)
        latencies = []
        for _ in range(800):
            value = mean * math.exp(rng.gauss(0, 0.10)) * 0.98
            if rng.random() < 0.02:
                value += mean * rng.expovariate(1) * 2.2
            latencies.append(value * 1000)
        latencies.sort()
        batch = max(min(iops * way["wake_us"] / 1e6, 8), 1)
        cpu_us = way["cpu_us"] * (0.45 + 0.55 / batch)
        spinning = way["spins"] * max(1e6 / iops - cpu_us, 0)
        cpu_s = (cpu_us + spinning) * math.exp(rng.gauss(0, self.noise / 2))
        return latencies, self.metrics(latencies, iops, cpu_s, batch)

    def metrics(self, latencies, iops, cpu_us, batch):
        sleeps = self.way["spins"] < 1
        cpu = min(cpu_us * iops / 1e6 * 100, 100)
        wakeups = iops / batch * (1 - self.way["spins"]) if sleeps else 0

        def percentile(percent):
            return latencies[min(int(len(latencies) * percent / 100), len(latencies) - 1)]

        return {
            "iops": iops,
            "bandwidth_mib_per_s": iops * self.asked["block_bytes"] / (1 << 20),
            "latency_mean_ns": sum(latencies) / len(latencies),
            "latency_min_ns": latencies[0],
            "latency_p50_ns": percentile(50),
            "latency_p90_ns": percentile(90),
            "latency_p99_ns": percentile(99),
            "latency_p99_9_ns": percentile(99.9),
            "latency_max_ns": latencies[-1],
            "cpu_percent": cpu,
            "cpu_user_percent": cpu * 0.4,
            "cpu_system_percent": cpu * 0.6,
            "cpu_s_per_million_ios": cpu / 100 / iops * 1e6,
            "ios_per_cpu_s": iops / (cpu / 100),
            "wakeups_per_s": wakeups,
            "wakeups_per_io": wakeups / iops,
            "ios_per_wakeup": iops / wakeups if wakeups else None,
            "voluntary_switches_per_s": wakeups,
            "involuntary_switches_per_s": 2.0,
            "context_switches_per_io": (wakeups + 2) / iops,
            "joules_per_million_ios": None,
            "offered_iops": self.asked["rate_iops"],
            "backlog_ios": None,
            "arrival_late_p50_ns": None,
            "arrival_late_p99_ns": None,
        }


def histogram(latencies):
    uppers, counts = [], []
    for value in sorted(latencies):
        upper = bucket_upper(value)
        if uppers and uppers[-1] == upper:
            counts[-1] += 1
        else:
            uppers.append(upper)
            counts.append(1)
    return {
        "count": len(latencies),
        "sum_ns": int(sum(latencies)),
        "min_ns": int(min(latencies)),
        "max_ns": int(max(latencies)),
        "upper_ns_and_count": [list(pair) for pair in zip(uppers, counts)],
    }


def cell(where, samples, latencies, name):
    made = dict(zip(("target", "load", "contender"), where))
    stamps = "none" if not samples else "foreign" if name in PEERS and name != "pas" else "exact"
    made |= {
        "runs": len(samples),
        "errors": 0,
        "error": None,
        "note": None,
        "stamps": stamps,
        "companion_percent": None,
        "metrics": {
            metric: spread([sample[metric] for sample in samples]) for metric in METRICS
        },
        "samples": samples,
        "latency_histogram": histogram(latencies) if latencies else None,
        "pareto_front": dict.fromkeys(FRONTS),
    }
    return made


def fill_fronts(cells):
    """Of the cells of one load on one target."""
    for latency in FRONTS:
        points = [
            (
                one["metrics"][latency]["median"],
                one["metrics"]["cpu_s_per_million_ios"]["median"],
            )
            for one in cells
        ]
        for one, (x, y) in zip(cells, points):
            if x is not None and y is not None:
                one["pareto_front"][latency] = not any(
                    a is not None and a <= x and b <= y and (a < x or b < y) for a, b in points
                )


def ratios_of(cells, contenders):
    made = []
    for one in cells:
        for other in cells:
            if one is other or contenders[other["contender"]]["kind"] != "mode":
                continue
            if not one["samples"] or not other["samples"]:
                continue
            metrics = {}
            for metric in RATIOS:
                pairs = [
                    a[metric] / b[metric]
                    for a, b in zip(one["samples"], other["samples"])
                    if a[metric] is not None and b[metric]
                ]
                metrics[metric] = {**spread(pairs), "pairs": len(pairs)}
            made.append(
                {key: one[key] for key in ("target", "load", "contender")}
                | {"over": other["contender"], "metrics": metrics}
            )
    return made


def report(targets, loads, names, rounds=5, services=(11, 60, 9), seed=1, **more):
    """A whole comparison."""
    rng = random.Random(seed)
    contenders = [contender(name) for name in names]
    cells, ratios = [], []
    for at in range(len(targets)):
        for which, asked in enumerate(loads):
            row = []
            for who, name in enumerate(names):
                model = Model(rng, WAYS[name], services[at], asked)
                samples, latencies = [], []
                for _ in range(rounds):
                    seen, metrics = model.run()
                    latencies += seen
                    samples.append(metrics)
                row.append(cell((at, which, who), samples, latencies, name))
            fill_fronts(row)
            ratios += ratios_of(row, contenders)
            cells += row
    made = {
        "benchmark": "compare",
        "version": "0.1.0",
        "command": "ebb-bench compare " + " ".join(one["name"] for one in targets),
        "started": "2026-11-30T21:00:00Z",
        "elapsed_ns": 97_400_000_000,
        "rounds": rounds,
        "interrupted": False,
        "machine": MACHINE,
        "warnings": [],
        "metrics": [
            {
                "name": name,
                "label": label,
                "scale": scale,
                "decimals": decimals,
                "open_loop": name in OPEN_LOOP,
            }
            for name, (label, scale, decimals) in METRICS.items()
        ],
        "targets": targets,
        "loads": loads,
        "contenders": contenders,
        "cells": cells,
        "ratios": ratios,
    }
    return {**made, **more}


def small():
    """What the preset comes to: one device, three modes, a few depths and rates."""
    loads = closed_depths(4096, (1, 8, 32))
    loads += [
        load(f"randread 4k open {rate // 1000}k/s poisson qd 128", depth=128, rate=rate)
        for rate in (20_000, 80_000, 320_000)
    ]
    return report(
        [target("/dev/nvme0n1")],
        loads,
        ["poll", "interrupt", "adaptive"],
        warnings=[
            "CPU 1: governor schedutil, its frequency was between 1.5 and 3.7 GHz during the runs; "
            "for steady figures: cpupower frequency-set -g performance",
            "a hypervisor took 0.4 % of the CPUs' time (steal)",
        ],
    )


def large():
    """Three targets, twelve loads, eight contenders."""
    loads = closed_depths(4096, (1, 4, 16, 64)) + closed_depths(65536, (1, 8))
    loads += closed_depths(4096, (1, 32), "randrw")
    loads += [
        load(f"randread 4k open {rate // 1000}k/s poisson qd 256", depth=256, rate=rate)
        for rate in (5_000, 50_000, 200_000, 400_000)
    ]
    targets = [
        target("/dev/nvme0n1"),
        target("/var/lib/libvirt/images/a-rather-long-name-of-a-disk.img", "file", sparse=True),
        target("stand-in 10us,1us", "stand-in", driver="stand_in", path=None),
    ]
    return report(targets, loads, list(WAYS), rounds=7)


def broken():
    """Ended early; a contender that could do nothing, one that failed amid, a load not reached."""
    loads = closed_depths(4096, (1, 32)) + [load("randread 4k open 9k/s poisson", rate=9000)]
    names = ["poll", "interrupt", "adaptive", "fio io_uring"]
    made = report([target("disk.img", "file", sparse=True)], loads, names, rounds=2)
    made |= {"interrupted": True, "rounds": 9, "machine": None}
    for one in made["cells"]:
        gone = one["load"] == 2 or one["contender"] == 3
        if gone:
            where = (one["target"], one["load"], one["contender"])
            one |= cell(where, [], [], names[one["contender"]])
        if one["contender"] == 3:
            one["error"] = "fio io_uring: fio is not installed: apt-get install fio"
    made["cells"][4]["error"] = "poll: disk.img: Input/output error after 1 run"
    made["cells"][4]["errors"] = 3
    made["cells"][6]["note"] = "adaptive: another process had 31 % of its CPU"
    made["cells"][5]["latency_histogram"] = None
    made["ratios"] = [
        one for one in made["ratios"] if one["load"] != 2 and one["contender"] != 3
    ]
    return made


def alone():
    """One contender, one load: nothing to compare."""
    return report([target("null0", "bdev", driver="null")], closed_depths(4096, (8,)), ["poll"], 1)


def crowded():
    """Depths close to each other, names as long as they may be, a device that takes seconds."""
    names = ["poll", "interrupt", "pas", "fio io_uring"]
    depths = (1, 2, 3, 4, 5, 6, 7, 8, 30, 31, 32, 33, 1000)
    made = report([target("slow")], closed_depths(1 << 20, depths), names, services=(130_000,))
    for at, letter in ((2, "w"), (3, "i")):
        made["contenders"][at]["name"] = f"a long name {letter * 52}"
    return made


HOSTILE = "</script><img src=x onerror=alert(1)>\"'&lt;\u202etxt.exe\u2066 \u00fc\u4e2d\u6587\U0001f600"


def hostile():
    """Names that would be markup, scripts, or a change of direction."""
    made = small()
    made["targets"][0] |= {"name": HOSTILE, "path": HOSTILE}
    made["loads"][0]["name"] = HOSTILE
    made["contenders"][1] |= {"name": HOSTILE, "command": HOSTILE + "<!--<script>"}
    made["warnings"].append(HOSTILE)
    made["cells"][0] |= {"error": HOSTILE, "note": HOSTILE}
    made["contenders"][2] |= {"version": HOSTILE, "note": HOSTILE}
    made["machine"] = {HOSTILE: [HOSTILE, None, 1.5]}
    made["command"] = HOSTILE
    return made


SAMPLES = {
    "small": small,
    "large": large,
    "broken": broken,
    "alone": alone,
    "crowded": crowded,
    "hostile": hostile,
}
