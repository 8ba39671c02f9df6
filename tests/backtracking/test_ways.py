"""Which regular expressions are too slow for a hostile text, told without running any of them."""

import re
import subprocess
import sys
import time

import pytest

from profguard.backtracking import LENGTH, LONGEST, quicker, too_slow
from profguard.rules.matchers import Pattern

GOOD = [
    r"^/home/[a-z]+/",
    r".*foo.*bar",
    r"foo.*bar.*baz",
    r"[a-z0-9]{8,}\.exe",
    r"(?:a|b)+c",
    r"(a|b|a)+x",  # the parser makes one class of it
    r"(?i)(a|A)*x",
    r"pass(word)?=",
    r"^p.rf\d+$",
    r"\w+\d+x",  # found where \w\d+x is
    r"\w+@\w+\.com",
    r"^\w+\s*=\s*\w+$",
    r"(?:\d{1,3}\.){3}\d{1,3}",
    r"[0-9]{1,3}(\.[0-9]{1,3}){3}:[0-9]+",
    r"(\d{1,3}){1,4}x",
    r"\b(?:[0-9a-f]{2}:){5}[0-9a-f]{2}\b",
    r"\b[0-9a-fA-F]{64}\b",
    r"(\\x[0-9a-f]{2}){4,}",
    r"[A-Za-z0-9+/]{40,}={0,2}",
    r"^(?=.*foo)(?=.*bar).*$",
    r"(?<!no)foo(?!bar)",
    r"(?i)curl.*\|\s*(?:ba)?sh",
    r"/dev/(?:tcp|udp)/[^/]+/\d{1,5}",
    r"bash -i >& /dev/tcp/.+/\d+ 0>&1",
    r".*nc(?:at)?\s.*-e\s+/bin/(?:ba)?sh.*",
    r"sh\s+.*-c\s+.*base64",
    r"curl.*\s+-o\s+.*/tmp/",
    r"(wget|curl)\s+.*(http|ftp)\S+.*\s+sh",
    r"echo\s+.*\|\s*base64\s+-d\s*\|\s*sh",
    r".*base64\s+(-d|--decode).*\|\s*(sh|bash)",
    r"python3? -c .*import .*socket.*connect",
    r"awk.*BEGIN.*system.*\(.*/bin/",
    r"(?:^|[;&|])\s*(?:sudo\s+)?rm\s+-[rf]+",
    r"^(sudo\s+)?(strace|gdb)(\s+-\S+)*\s+-p\s*\d+",
    r"-[pP]\s*\d+(,\d+)*",
    r"^([\w.-]+/)+[\w.-]+$",
    r"(?:[^/]+/)*perf$",
    r"^(\w+ )*perf$",
    r"(https?|ftp)://[^\s/$.?#].[^\s]*",
    r'"[^"]*"',
    r"\s+$",
    r"(?s)BEGIN.*END",
    r"\.(?:sh|py|pl)\b.*\.(?:sh|py|pl)\b",
    "|".join(f"tool{n}" for n in range(200)),
    r"a?b?c?d?e?f?g?h?i?j?k?l?m?n?o?p?",
    r"(?>a+)b|(?:x++y)+z",
    "",
]

EXPONENTIAL = [
    r"(a+)+$",
    r"(.*a){20}b",
    r"(a*)*b",
    r"(.*)*x",
    r"(.+)+foo",
    r"(a|aa)+$",
    r"^(a|b|ab)*c$",
    r"(x+x+)+y",
    r"([a-z]+)*\d",
    r"(\w+\s?)*x",
    r"(?:\w+|\d+)+$",
    r"(.|\s)*x",
    r"(\s*\S+\s*)*;",
    r"(\d+\.?)*z",
    r"((ab)*)*c",
    r"^(([a-z])+.)+[A-Z]([a-z])+$",
    r"(.*?,){11}P",
    r"(?:.*\n?)*x",
    r"(?:a{1,30}){1,30}b",
    r"(a?){30}a{30}",
    r"(a|a)*b",
    r"(?:(?:|a*)b)*c",
    r"(?:(?:a*)?b)*c",
    r"(?:(?=)+b)*c",
    r"(?=(a+)+b)",
    r"x(?!.*(\w+\w+)+-)",
    r"(?i)(?:ab|A)*(?:aB|a)+!(?:q|Q+)*w",
]

TOO_LONG = [
    r"a[^b]*c[^d]*e",
    r"x\w+\d+\w+y",
    r"a\s*\s*\s*\s*x",
    r"^.*\s+.*\s+.*\s+=",
    "a?" * 25 + "a" * 25,
]


@pytest.mark.parametrize("source", GOOD, ids=ascii)
def test_ordinary_patterns_are_taken(source):
    re.compile(source)
    assert too_slow(quicker(source)) is None


@pytest.mark.parametrize("source", EXPONENTIAL, ids=ascii)
def test_a_pattern_that_takes_exponential_time_is_refused(source):
    re.compile(source)
    assert "exponential" in too_slow(quicker(source))


@pytest.mark.parametrize("source", TOO_LONG, ids=ascii)
def test_a_pattern_that_takes_a_high_power_of_the_length_is_refused(source):
    re.compile(source)
    assert "too long" in too_slow(quicker(source))


def test_flags_can_make_a_pattern_slow():
    """Only with its flag do both alternatives fit the same text."""
    source = r"(?:ab|AB)+c"
    assert too_slow(source) is None
    assert "exponential" in too_slow(source, re.IGNORECASE)


# (pattern, the text that makes it try the most)
WORST = [
    (r"foo.*bar.*baz", "foobar"),
    (r".*foo.*bar.*baz.*qux", "foobarbaz"),
    (r"\w+\d+x", "1"),
    (r"awk.*BEGIN.*system.*\(.*/bin/", "awkBEGINsystem("),
    (r"sh\s+.*-c\s+.*base64", "sh -c "),
    (r"curl.*\s+-o\s+.*/tmp/", "curl -o "),
    (r"curl.*\s+-o\s+.*/tmp/", " "),
    (r"(?:[^/]+/)*perf$", "a/"),
    (r"^(\w+ )*perf$", "a "),
    (r"(\d{1,3}){1,4}x", "1"),
]


@pytest.mark.parametrize(("source", "text"), WORST, ids=lambda one: one[:20])
def test_a_pattern_that_is_taken_is_quick_on_its_worst_text(source, text):
    """Two of these run for more than a minute, written as they are."""
    pattern = Pattern(quicker(source), 0, source)
    assert too_slow(pattern.regex) is None
    start = time.process_time()
    assert not pattern.matches(text * (LENGTH // len(text)))
    assert time.process_time() - start < 2


@pytest.mark.parametrize(
    ("source", "text"),
    [(r"(a+)+$", "a" * 40 + "!"), (r"(.*a){20}b", "a" * 80), (r"x\w+\d+\w+y", "x" + "1" * 4_000)],
)
def test_what_is_refused_would_have_hung(source, text):
    """Python itself does not come back from the text, in the time that the limit is for."""
    program = f"import re; re.search({source!r}, {text!r})"
    with pytest.raises(subprocess.TimeoutExpired):
        subprocess.run([sys.executable, "-c", program], timeout=1.5)


HUGE = {
    "alternatives in a loop": "(?:" + "|".join(f"w{n}" for n in range(300)) + ")+x",
    "states": "(?:" + "abcdefghij" * 200 + ")+",
    "nested": "(?:" * 40 + "a{2}" + "){2}" * 40,
    "deep": "(?:" * 90 + "a*b.*c.*!" + ")" * 90,
    "long between dots": "a.*" + "bc" * 2_000 + ".*c",
    "long": "ab*" * (LONGEST // 3),
    "classes": r"[\w.]*[\w-]*" * 60 + "!",
}


@pytest.mark.parametrize("source", HUGE.values(), ids=HUGE)
def test_the_check_itself_is_quick(source):
    """Whatever it says; what is too complex to be told is refused."""
    start = time.process_time()
    assert too_slow(quicker(source))
    assert time.process_time() - start < 2
