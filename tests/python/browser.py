"""A real headless Chromium, driven over its own debugging pipe: no package needed but the browser."""

import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
)  # fmt: skip


def installed():
    """The browser's command, or None."""
    return next((p for p in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if p), None)


class Browser:
    """One page of one browser; `events` holds all that it reported."""

    def __init__(self):
        to_browser, self._in = os.pipe()
        self._out, from_browser = os.pipe()
        self._profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        line = f'exec "$@" 3<&{to_browser} 4>&{from_browser}'
        command = [
            installed(),
            *FLAGS,
            f"--user-data-dir={self._profile.name}",
            "--remote-debugging-pipe",
            "about:blank",
        ]
        self._process = subprocess.Popen(
            ["bash", "-c", line, "bash", *command], pass_fds=(to_browser, from_browser), stderr=subprocess.DEVNULL
        )
        os.close(to_browser), os.close(from_browser)
        self._left, self._count, self._session, self.events = b"", 0, None, []
        page = next(t for t in self.send("Target.getTargets")["targetInfos"] if t["type"] == "page")
        self._session = self.send("Target.attachToTarget", targetId=page["targetId"], flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")

    def send(self, method, **params):
        """Call one method of the DevTools protocol and wait for its answer."""
        self._count += 1
        message = {"id": self._count, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._in, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == self._count:
                assert "error" not in answer, answer
                return answer["result"]
            self.events.append(answer)

    def _read(self, timeout=60):
        until = time.monotonic() + timeout
        while b"\0" not in self._left:
            ready, _, _ = select.select([self._out], [], [], max(0, until - time.monotonic()))
            part = os.read(self._out, 1 << 20) if ready else b""
            if not part:
                raise TimeoutError(f"the browser said nothing for {timeout} s, or ended")
            self._left += part
        message, self._left = self._left.split(b"\0", 1)
        return json.loads(message)

    def open(self, url, width=1280, height=900, scale=1):
        """Load a page at a size, and wait until it is there."""
        mobile = width < 600
        self.send(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=mobile
        )
        self.events.clear()
        self.send("Page.navigate", url=url)
        while not any(e.get("method") == "Page.loadEventFired" for e in self.events):
            self.events.append(self._read())

    def run(self, script):
        """The value of a JavaScript expression in the page; promises are awaited."""
        answer = self.send("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def press(self, key, code=None, text=None):
        """Press one key."""
        extra = {"text": text} if text else {}
        common = {"key": key, "code": code or key, "windowsVirtualKeyCode": {"Tab": 9, " ": 32, "Enter": 13}[key]}
        self.send("Input.dispatchKeyEvent", type="keyDown", **common, **extra)
        self.send("Input.dispatchKeyEvent", type="keyUp", **common)

    def screenshot(self, path, full=True):
        """A PNG of the page."""
        data = self.send("Page.captureScreenshot", captureBeyondViewport=full)["data"]
        path.write_bytes(base64.b64decode(data))

    def pdf(self):
        """The printed page."""
        return base64.b64decode(self.send("Page.printToPDF", preferCSSPageSize=True)["data"])

    def said(self, method):
        """What the browser reported under one name."""
        return [e["params"] for e in self.events if e.get("method") == method]

    def close(self):
        """End this browser, and only this one."""
        try:
            self._session = None
            self.send("Browser.close")
        except (TimeoutError, OSError, AssertionError):
            self._process.terminate()
        self._process.wait(timeout=20)
        os.close(self._in), os.close(self._out)
        self._profile.cleanup()
