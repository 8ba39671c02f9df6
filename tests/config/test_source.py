"""Places in a TOML file."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profguard.config.render import as_toml_value
from profguard.config.source import Source

TRICKY = """\
# comment with [brackets] and "quotes" = 1
a = 1 # another
"quoted \\"key\\" # ]" = 'literal # ] }'
'lit.key' = 2
b . c."d e" = [1, [2,
  "x]", # ] ,
  {k = 1, l.m = [3]}, ],
  '''multi
line ] ''', \"\"\"one " two "" \\\"\"\" end\"\"\"\"\",
]
t = { x = {y = "}"}, "z" = 1979-05-27 07:32:00 }
[table."x.y"]  # c
k = true
[[list]]
n = 0
[list.sub]
s = 1
[[list.inner]]
i = 1
[[list]]
n = 1
[[list.inner]]
i = 2
[[list.inner]]
i = -3.5e6
"""


def paths(value, path=()):
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in items:
        if isinstance(item, dict | list):
            yield from paths(item, (*path, key))
        else:
            yield (*path, key)


def leaves(value, path=()):
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in items:
            yield from leaves(item, (*path, key))
    else:
        yield path, value


def check(text):
    """Every key and value of the parsed text is found, and what stands there is that."""
    data = tomllib.loads(text)
    source = Source.of("f.toml", text)
    assert {*source.keys, *source.values} == set(paths(data))
    for path, value in leaves(data):
        start, end = source.values[path]
        assert tomllib.loads(f"x = {source.text[start:end]}")["x"] == value
    for path, (start, end) in source.keys.items():
        if isinstance(path[-1], str):
            assert tomllib.loads(f"{source.text[start:end]} = 1") == {path[-1]: 1}


@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["unix", "dos"])
def test_every_key_and_value_of_a_tricky_file_is_found_where_it_stands(newline):
    check(TRICKY.replace("\n", newline))


texts = st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=8)
scalars = st.one_of(texts, st.booleans(), st.integers(-99, 99), st.floats(allow_nan=False))
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3)
)


@given(
    top=st.dictionaries(texts, values, max_size=3),
    tables=st.lists(st.tuples(texts, st.dictionaries(texts, values, max_size=3)), max_size=3),
    arrays=st.lists(st.dictionaries(texts, values, max_size=2), max_size=3),
)
def test_every_key_and_value_of_any_file_is_found_where_it_stands(top, tables, arrays):
    def pairs(table):
        return [f"{as_toml_value(key)} = {as_toml_value(item)}" for key, item in table.items()]

    lines = pairs({f"top-{key}": item for key, item in top.items()})
    for name, table in dict(tables).items():
        lines += [f" [ tables . {as_toml_value(name)} ] # end", *pairs(table)]
    for table in arrays:
        lines += ["[[ arrays ]]", *pairs(table)]
    check("\n".join(lines))


def test_a_place_has_line_column_text_and_length():
    place = Source.of("f.toml", TRICKY).place("list", 1, "inner", 1, "i", key=False)
    assert str(place) == "f.toml:25:5"
    assert (place.text, place.length) == ("i = -3.5e6", 6)


def test_what_is_not_in_the_file_has_the_place_of_what_is_around_it():
    source = Source.of("f.toml", TRICKY)
    assert source.place("list", 1, "absent", 3) == source.place("list", 1)
    assert str(source.place("list", 1)) == "f.toml:20:3"
    assert str(source.place("absent")) == "f.toml"
