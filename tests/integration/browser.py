# SPDX-License-Identifier: Apache-2.0
"""A headless Chromium that a test drives, through a pipe, in the words of its DevTools protocol.

    with Browser() as browser:
        page = browser.page(1280, 800)
        page.open(path)
        assert page.run("document.title") == "..."
"""

import base64
import contextlib
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from harness import Skip

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
TIMEOUT_S = 60
OPTIONS = [
    "--headless=new",
    "--no-sandbox",  # it needs rights that a container lacks; only our own page is opened
    "--remote-debugging-pipe",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--font-render-hinting=none",
]


def find_program():
    """The browser's path; where there is none, the running test is skipped, on a CI it fails."""
    for name in PROGRAMS:
        if shutil.which(name):
            return shutil.which(name)
    if os.environ.get("CI"):
        raise AssertionError(f"no browser: none of {', '.join(PROGRAMS)} is installed")
    raise Skip(f"no browser: none of {', '.join(PROGRAMS)} is installed")


class Browser:
    """A browser with a profile of its own, both gone on exit."""

    def __init__(self):
        program = find_program()
        self.profile = tempfile.mkdtemp(prefix="ebb-browser-")
        from_us, self.write_fd = os.pipe()
        self.read_fd, to_us = os.pipe()

        def own_fds():  # the protocol's are 3 (in) and 4 (out)
            high_in, high_out = os.dup(from_us), os.dup(to_us)
            spare_in, spare_out = os.dup(high_in), os.dup(high_out)
            os.dup2(spare_in, 3)
            os.dup2(spare_out, 4)

        self.process = subprocess.Popen(
            [program, *OPTIONS, f"--user-data-dir={self.profile}", "about:blank"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(3, 4, from_us, to_us),
            preexec_fn=own_fds,
            start_new_session=True,
        )
        os.close(from_us)
        os.close(to_us)
        self.buffer = b""
        self.next_id = 1
        self.events = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(Exception):
            self.call("Browser.close")
        with contextlib.suppress(OSError):
            os.close(self.write_fd)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, 9)
            self.process.wait()
        os.close(self.read_fd)
        shutil.rmtree(self.profile, ignore_errors=True)

    def message(self, deadline):
        """The next one that the browser sends."""
        while b"\0" not in self.buffer:
            left = deadline - time.monotonic()
            ready, _, _ = select.select([self.read_fd], [], [], max(left, 0))
            assert ready, "the browser does not answer"
            chunk = os.read(self.read_fd, 1 << 20)
            assert chunk, "the browser has ended"
            self.buffer += chunk
        text, _, self.buffer = self.buffer.partition(b"\0")
        return json.loads(text)

    def call(self, method, session=None, **params):
        """One command and its result; events that come meanwhile are kept in order."""
        request = {"id": self.next_id, "method": method, "params": params}
        if session:
            request["sessionId"] = session
        self.next_id += 1
        data = json.dumps(request).encode() + b"\0"
        while data:
            data = data[os.write(self.write_fd, data) :]
        deadline = time.monotonic() + TIMEOUT_S
        while True:
            message = self.message(deadline)
            if message.get("id") == request["id"]:
                assert "error" not in message, f"{method}: {message['error']}"
                return message["result"]
            self.events.append(message)

    def wait_event(self, session, method):
        deadline = time.monotonic() + TIMEOUT_S
        while True:
            for event in self.events:
                if event.get("sessionId") == session and event.get("method") == method:
                    self.events.remove(event)
                    return event["params"]
            self.events.append(self.message(deadline))

    def page(self, width, height=800):
        return Page(self, width, height)


class Page:
    """A tab of that size in CSS pixels."""

    def __init__(self, browser, width, height):
        self.browser = browser
        self.target = browser.call("Target.createTarget", url="about:blank")["targetId"]
        attached = browser.call("Target.attachToTarget", targetId=self.target, flatten=True)
        self.session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")
        self.size(width, height)

    def close(self):
        self.browser.call("Target.closeTarget", targetId=self.target)

    def call(self, method, **params):
        return self.browser.call(method, self.session, **params)

    def size(self, width, height=800):
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def media(self, scheme=None, media=""):
        features = [{"name": "prefers-color-scheme", "value": scheme}] if scheme else []
        self.call("Emulation.setEmulatedMedia", media=media, features=features)

    def scripting(self, on):
        self.call("Emulation.setScriptExecutionDisabled", value=not on)

    def open(self, path):
        """Load a file and wait until it has."""
        self.browser.events = [
            event for event in self.browser.events if event.get("sessionId") != self.session
        ]
        result = self.call("Page.navigate", url=Path(path).as_uri())
        assert not result.get("errorText"), result
        self.browser.wait_event(self.session, "Page.loadEventFired")

    def run(self, expression):
        """The value of a JavaScript expression (of a promise: what it comes to)."""
        result = self.call(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def events(self, method):
        """The parameters of those events of the page since it was opened."""
        return [
            event["params"]
            for event in self.browser.events
            if event.get("sessionId") == self.session and event.get("method") == method
        ]

    def errors(self):
        """What went wrong in the page's scripts, in words."""
        thrown = [event["exceptionDetails"] for event in self.events("Runtime.exceptionThrown")]
        logged = [event["entry"]["text"] for event in self.events("Log.entryAdded")]
        console = [
            [argument.get("value") for argument in event["args"]]
            for event in self.events("Runtime.consoleAPICalled")
            if event["type"] in ("error", "warning", "assert")
        ]
        return thrown + logged + console

    def requests(self):
        """The addresses that the page asked for."""
        return [event["request"]["url"] for event in self.events("Network.requestWillBeSent")]

    def screenshot(self, path, whole=True):
        result = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        Path(path).write_bytes(base64.b64decode(result["data"]))

    def pdf(self):
        result = self.call("Page.printToPDF", printBackground=False, preferCSSPageSize=True)
        return base64.b64decode(result["data"])
