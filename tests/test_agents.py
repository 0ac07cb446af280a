"""User-Agent headers in words."""

import pytest

from medimic.agents import in_words

APPLE = "AppleWebKit/605.1.15 (KHTML, like Gecko)"
MAC = "Macintosh; Intel Mac OS X 10_15_7"
IPHONE = "iPhone; CPU iPhone OS 17_4 like Mac OS X"
IPAD = "iPad; CPU OS 17_4 like Mac OS X"
CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        (f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {CHROME}", "Chrome on Windows"),
        (f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {CHROME} Edg/142.0.0.0", "Edge on Windows"),
        (f"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {CHROME}", "Chrome on ChromeOS"),
        (f"Mozilla/5.0 (Linux; Android 10; K) {CHROME}", "Chrome on Android"),
        (f"Mozilla/5.0 ({MAC}) {APPLE} Version/26.0 Safari/605.1.15", "Safari on macOS"),
        (f"Mozilla/5.0 ({IPHONE}) {APPLE} Version/17.4 Mobile/15E148 Safari/604.1", "Safari on iPhone"),
        (f"Mozilla/5.0 ({IPAD}) {APPLE} CriOS/142.0 Mobile/15E148 Safari/604.1", "Chrome on iPad"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", "Firefox on Linux"),
        ("MediMic/3.2.0 (ios 17.4; iPhone 15 Pro)", "MediMic app 3.2.0"),
        ("MediMic", "MediMic app"),
        ("curl/8.5.0", "curl"),
        ("python-httpx2/2.16.2", "python-httpx2"),
        ("Mozilla/5.0", ""),
        ("", ""),
        ("<script>alert(1)</script>", ""),
        ("A" * 300, ""),
    ],
)  # fmt: skip
def test_in_words(agent, words):
    assert in_words(agent) == words
