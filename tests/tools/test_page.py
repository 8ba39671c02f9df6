"""docs/tools.md is of the tools that there are."""

import pytest

from tests.tools.catalog import TOOLS


@pytest.fixture(scope="module")
def page(pytestconfig):
    return (pytestconfig.rootpath / "docs" / "tools.md").read_text()


def test_the_page_has_each_tool_once_and_no_other(page):
    rows = [line.split(" | ")[0].removeprefix("| ") for line in page.splitlines() if " | " in line]
    assert rows[0] == "tool"
    assert rows[2:] == [tool.name for tool in TOOLS]


def test_nothing_on_the_page_went_wrong(page):
    assert "WRONG" not in page


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.slug)
def test_what_is_not_found_has_its_reason(tool, page):
    """By nature, or by what the sensor does not look at; and what could be seen instead."""
    assert tool.mechanism or tool.note
    assert tool.note in page
