"""YAML as people write it: one meaning a line, and no key twice.

PyYAML follows YAML 1.1, where `off` is false and `1e-4` is a string: two of the most natural
lines of a configuration would be refused. Here booleans and floats are those of YAML 1.2.
"""

import re
from typing import Any

import yaml

BOOLEAN = re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$")
FLOAT = re.compile(
    r"^(?:[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)[eE][-+]?[0-9]+"
    r"|[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+)"
    r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$"
)
TAG = "tag:yaml.org,2002:"


class _Loader(yaml.SafeLoader):
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value]
        for key, _ in node.value:
            if keys.count(key.value) > 1:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key '{key.value}' stands twice", key.start_mark
                )
        return super().construct_mapping(node, deep)


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in pairs if tag not in (f"{TAG}bool", f"{TAG}float")]
    for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(f"{TAG}bool", BOOLEAN, list("tTfF"))
_Loader.add_implicit_resolver(f"{TAG}float", FLOAT, list("-+0123456789."))


def parse_yaml(text: str) -> Any:
    """Return the plain value that a YAML document holds.

    Raises:
        yaml.YAMLError: The text is not YAML, or a mapping has a key twice.

    Example:
        >>> parse_yaml("{cache: off, learning_rate: 1e-4}")
        {'cache': 'off', 'learning_rate': 0.0001}
    """
    return yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader


def dump_yaml(value: Any) -> str:
    """Return a plain value as a YAML document, keys in their given order."""
    return str(yaml.safe_dump(value, sort_keys=False, allow_unicode=True))
