"""The intrinsic functions of CloudFormation, worked out without AWS.

Parameters get the stack's values, resources their physical names. What is not known here is an
error that names the place: a guess would run something else than AWS does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

_SUBSTITUTION = re.compile(r"\$\{(!?)([^}]+)\}")
NO_VALUE = object()


class TemplateError(Exception):
    """A template says something that has no meaning here; the text names the place."""


@dataclass
class Evaluator:
    """Gives intrinsic functions their values: parameters, pseudo parameters, resources."""

    template: dict[str, Any]
    parameters: dict[str, Any]
    account: str
    region: str
    endpoint: str
    _names: dict[str, str] = field(default_factory=dict)

    def value(self, node: Any, where: str) -> Any:
        """Return a node with every intrinsic function in it worked out."""
        if isinstance(node, list):
            return [v for item in node if (v := self.value(item, where)) is not NO_VALUE]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            name, argument = next(iter(node.items()))
            if name == "Ref":
                return self._ref(argument, where)
            if name == "Condition" or name.startswith("Fn::"):
                return self._intrinsic(name, argument, where)
        return {k: v for k, item in node.items() if (v := self.value(item, where)) is not NO_VALUE}

    def _intrinsic(self, name: str, argument: Any, where: str) -> Any:
        if name == "Fn::Sub":
            return self._sub(argument, where)
        if name == "Fn::GetAtt":
            logical, attribute = argument if isinstance(argument, list) else argument.split(".", 1)
            return self.attribute(logical, attribute, where)
        if name == "Fn::Join":
            separator, parts = argument
            return separator.join(str(self.value(part, where)) for part in parts)
        if name == "Fn::If":
            condition, yes, no = argument
            return self.value(yes if self.holds(condition, where) else no, where)
        if name == "Fn::Equals":
            left, right = (self.value(side, where) for side in argument)
            return str(left) == str(right)
        if name == "Fn::Not":
            return not self.value(argument[0], where)
        if name == "Fn::And":
            return all(self.value(part, where) for part in argument)
        if name == "Fn::Or":
            return any(self.value(part, where) for part in argument)
        if name == "Condition":
            return self.holds(argument, where)
        raise TemplateError(f"{where}: {name} is not known here.")

    def holds(self, condition: str, where: str) -> bool:
        """Say whether a condition of the template holds."""
        conditions = self.template.get("Conditions", {})
        if condition not in conditions:
            raise TemplateError(f"{where}: there is no condition {condition}.")
        return bool(self.value(conditions[condition], f"Conditions.{condition}"))

    def _ref(self, name: str, where: str) -> Any:
        pseudo = {
            "AWS::Region": self.region,
            "AWS::AccountId": self.account,
            "AWS::Partition": "aws",
            "AWS::StackName": "rollcall",
            "AWS::URLSuffix": "amazonaws.com",
            "AWS::NoValue": NO_VALUE,
        }
        if name in pseudo:
            return pseudo[name]
        if name in self.parameters:
            return self.parameters[name]
        declared = self.template.get("Parameters", {}).get(name)
        if declared is not None:
            if "Default" not in declared:
                raise TemplateError(f"{where}: the parameter {name} has no value here.")
            default = declared["Default"]
            if declared.get("Type") == "CommaDelimitedList":
                return [part.strip() for part in str(default).split(",")]
            return default
        resource = self._resource(name, where)
        if resource["Type"] == "AWS::SQS::Queue":
            return f"{self.endpoint}/{self.account}/{self.name_of(name)}"
        if resource["Type"] == "AWS::SNS::Topic":
            return self.attribute(name, "TopicArn", where)
        return self.name_of(name)

    def _resource(self, logical: str, where: str) -> dict[str, Any]:
        resource: dict[str, Any] | None = self.template.get("Resources", {}).get(logical)
        if resource is None:
            raise TemplateError(f"{where}: there is no parameter or resource {logical}.")
        return resource

    def name_of(self, logical: str) -> str:
        """Return the physical name of a resource."""
        if logical not in self._names:
            resource = self._resource(logical, logical)
            key = {
                "AWS::SQS::Queue": "QueueName",
                "AWS::S3::Bucket": "BucketName",
                "AWS::SNS::Topic": "TopicName",
                "AWS::Serverless::Function": "FunctionName",
                "AWS::Logs::LogGroup": "LogGroupName",
            }.get(resource["Type"], "Name")
            given = resource.get("Properties", {}).get(key)
            self._names[logical] = logical if given is None else str(self.value(given, logical))
        return self._names[logical]

    def attribute(self, logical: str, attribute: str, where: str) -> str:
        """Return what Fn::GetAtt gives for a resource."""
        kind = self._resource(logical, where)["Type"]
        name = self.name_of(logical)
        owner = f"{self.region}:{self.account}"
        known = {
            ("AWS::SQS::Queue", "Arn"): f"arn:aws:sqs:{owner}:{name}",
            ("AWS::SQS::Queue", "QueueName"): name,
            ("AWS::SQS::Queue", "QueueUrl"): f"{self.endpoint}/{self.account}/{name}",
            ("AWS::S3::Bucket", "Arn"): f"arn:aws:s3:::{name}",
            ("AWS::SNS::Topic", "TopicArn"): f"arn:aws:sns:{owner}:{name}",
            ("AWS::Serverless::Function", "Arn"): f"arn:aws:lambda:{owner}:function:{name}",
            ("AWS::Logs::LogGroup", "Arn"): f"arn:aws:logs:{owner}:log-group:{name}:*",
            ("AWS::IAM::Role", "Arn"): f"arn:aws:iam::{self.account}:role/{name}",
        }
        if (kind, attribute) not in known:
            raise TemplateError(f"{where}: {attribute} of {logical} ({kind}) is not known here.")
        return known[kind, attribute]

    def _sub(self, argument: Any, where: str) -> str:
        text, given = argument if isinstance(argument, list) else (argument, {})

        def replaced(match: re.Match[str]) -> str:
            literal, name = match.groups()
            if literal:
                return f"${{{name}}}"
            if name in given:
                return str(self.value(given[name], where))
            if "." in name:
                logical, attribute = name.split(".", 1)
                return self.attribute(logical, attribute, where)
            return str(self._ref(name, where))

        return _SUBSTITUTION.sub(replaced, text)
