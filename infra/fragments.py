"""Read the fragments of this folder as one template.

Short tags become their long form (`!Ref X` is `{"Ref": "X"}`), so that the result is plain JSON:
what cfn-lint checks, what the package merges and what the local cloud starts its workers from.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent


class DuplicateName(Exception):
    """Two fragments declare the same name in one section."""


class _TemplateLoader(yaml.SafeLoader):
    """YAML with CloudFormation's short tags; dates stay the strings that they are in AWS."""


def _long_form(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.MappingNode):
        value = loader.construct_mapping(node, deep=True)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = node.value.split(".", 1) if suffix == "GetAtt" else node.value
    return {suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}": value}


_TemplateLoader.add_multi_constructor("!", _long_form)
_TemplateLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in rules if tag != "tag:yaml.org,2002:timestamp"]
    for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read_fragment(path: Path) -> dict[str, Any]:
    """Return one fragment with every short tag in its long form."""
    with path.open(encoding="utf-8") as file:
        # The loader is a SafeLoader.
        fragment: dict[str, Any] = yaml.load(file, Loader=_TemplateLoader)  # noqa: S506
    return fragment


def read_template(folder: Path = FOLDER) -> dict[str, Any]:
    """Return all fragments as one template.

    Raises:
        DuplicateName: two fragments declare one name in the same section.
    """
    template: dict[str, Any] = {}
    for path in sorted(folder.glob("*.yaml")):
        for section, content in read_fragment(path).items():
            if not isinstance(content, dict):
                if section in template:
                    raise DuplicateName(f"{path.name} declares {section} again.")
                template[section] = content
                continue
            merged = template.setdefault(section, {})
            if again := merged.keys() & content.keys():
                raise DuplicateName(f"{path.name} declares {section} {sorted(again)} again.")
            merged.update(content)
    return template
