"""The browser of a session, in words that its owner recognises."""

# In this order: the later ones name themselves beside the earlier ones' names.
BROWSERS = {"Edg": "Edge", "OPR/": "Opera", "Firefox/": "Firefox", "Chrome/": "Chrome", "Safari/": "Safari"}
SYSTEMS = {
    "Windows": "Windows",
    "Android": "Android",
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Mac OS X": "macOS",
    "CrOS": "ChromeOS",
    "Linux": "Linux",
}


def in_words(user_agent: str) -> str:
    """Return browser and system, such as "Firefox on Windows"."""
    browser = next((words for mark, words in BROWSERS.items() if mark in user_agent), "Another program")
    system = next((words for mark, words in SYSTEMS.items() if mark in user_agent), "")
    return f"{browser} on {system}" if system else browser
