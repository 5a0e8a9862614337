"""The templates, worked out for this machine: references, substitutions, and what has no value."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infra.fragments import read_template
from infra.intrinsics import TemplateError
from infra.templates import Declared, declared_in

PARAMETERS = {
    "Stage": "local",
    "CorsOrigins": ["http://127.0.0.1:8000"],
    "DatabaseHost": "127.0.0.1",
    "DatabasePort": 6432,
    "DatabaseSecretArn": "a-secret",
    "DatabaseOwnerHost": "127.0.0.1",
    "DatabaseOwnerPort": 5433,
    "DatabaseOwnerSecretArn": "an-owner-secret",
}


def declared(template: dict[str, Any], **parameters: Any) -> Declared:
    return declared_in(
        template,
        {**PARAMETERS, **parameters},
        account="000000000000",
        region="eu-central-1",
        endpoint="http://127.0.0.1:4566",
    )


def with_function(**properties: Any) -> dict[str, Any]:
    return {
        "Resources": {
            "Job": {
                "Type": "AWS::Serverless::Function",
                "Properties": {"Handler": "functions.job.handler.handler", **properties},
            },
            "Work": {
                "Type": "AWS::SQS::Queue",
                "Properties": {"QueueName": {"Fn::Sub": "${Stage}-work"}},
            },
            "News": {
                "Type": "AWS::SNS::Topic",
                "Properties": {"TopicName": {"Fn::Sub": "${Stage}-news"}},
            },
        }
    }


def environment_of(template: dict[str, Any], **parameters: Any) -> dict[str, str]:
    return declared(template, **parameters).functions[0].environment


@pytest.fixture(scope="module")
def ours() -> Declared:
    return declared(read_template())


def test_every_function_of_the_fragments_exists_as_a_handler(ours: Declared) -> None:
    assert {f.job for f in ours.functions} >= {
        "import_rows",
        "export_rows",
        "send_mail",
        "record_mail_events",
        "relay_outbox",
        "sweep",
        "migrate",
    }
    assert {f.handler for f in ours.functions} == {
        f"functions.{f.job}.handler.handler" for f in ours.functions
    }


def test_each_queue_has_dead_letters_after_five_receives_and_patience(ours: Declared) -> None:
    by_name = {q.name: q for q in ours.queues}
    for function in ours.functions:
        for source in function.queues:
            queue = by_name[source.queue_name]
            redrive = json.loads(queue.attributes["RedrivePolicy"])
            assert redrive["maxReceiveCount"] == 5
            assert redrive["deadLetterTargetArn"] in {q.arn for q in ours.queues}
            assert int(queue.attributes["VisibilityTimeout"]) >= 6 * function.timeout_seconds
            assert source.reports_item_failures
            assert source.maximum_concurrency >= 2


def test_dead_letter_queues_come_before_the_queues_that_name_them(ours: Declared) -> None:
    names = [q.name for q in ours.queues]
    for queue in ours.queues:
        if queue.dead_letter_of is not None:
            assert names.index(queue.name) < names.index(queue.dead_letter_of)


def test_the_bucket_tells_the_imports_queue_of_imports_only(ours: Declared) -> None:
    (bucket,) = ours.buckets
    (notification,) = bucket.notifications
    assert notification.queue_arn.endswith(":rollcall-local-imports")
    assert notification.rules == (("prefix", "imports/"),)
    assert bucket.cors_rules[0]["AllowedOrigins"] == ["http://127.0.0.1:8000"]


def test_rules_that_only_refuse_plain_http_stay_behind(ours: Declared) -> None:
    policies = [json.loads(q.attributes["Policy"]) for q in ours.queues if "Policy" in q.attributes]
    statements = [statement for policy in policies for statement in policy["Statement"]]
    assert all(statement["Effect"] == "Allow" for statement in statements)
    assert any(s["Principal"] == {"Service": "s3.amazonaws.com"} for s in statements)


def test_only_the_topic_may_send_mail_events(ours: Declared) -> None:
    (queue,) = [q for q in ours.queues if q.name == "rollcall-local-mail-events"]
    (statement,) = json.loads(queue.attributes["Policy"])["Statement"]
    topic = "arn:aws:sns:eu-central-1:000000000000:rollcall-local-mail-events"
    assert statement["Condition"]["ArnEquals"] == {"aws:SourceArn": topic}


def test_what_ses_tells_goes_by_the_topic_into_the_queue(ours: Declared) -> None:
    (topic,) = ours.topics
    assert topic.name == "rollcall-local-mail-events"
    assert topic.queue_arns == ("arn:aws:sqs:eu-central-1:000000000000:rollcall-local-mail-events",)
    assert topic.mail_events == ("Bounce", "Complaint", "Delivery")


@pytest.mark.parametrize(
    "change", [{"Protocol": "email", "Endpoint": "a@b.example"}, {"RawMessageDelivery": True}]
)
def test_a_subscription_that_does_not_run_here_is_an_error(change: dict[str, Any]) -> None:
    template = with_function()
    template["Resources"]["Readers"] = {
        "Type": "AWS::SNS::Subscription",
        "Properties": {
            "TopicArn": {"Ref": "News"},
            "Protocol": "sqs",
            "Endpoint": {"Fn::GetAtt": ["Work", "Arn"]},
            **change,
        },
    }
    with pytest.raises(TemplateError, match="Readers"):
        declared(template)


def test_the_function_that_sends_mail_is_told_who_from_and_where_links_lead() -> None:
    function = declared(
        read_template(), WebOrigin="http://127.0.0.1:8123", MailAddress="office@school.example"
    ).function("send_mail")
    assert function is not None
    wanted = {
        "WEB_ORIGIN": "http://127.0.0.1:8123",
        "MAIL_FROM": "Rollcall <office@school.example>",
        "MAIL_CONFIGURATION_SET": "rollcall-local",
    }
    assert wanted.items() <= function.environment.items()


def test_schedules_carry_their_expression(ours: Declared) -> None:
    found = {function.job: schedule.expression for function, schedule in ours.scheduled()}
    assert found["relay_outbox"] == "rate(1 minute)"
    assert found["sweep"].startswith("cron(")


def test_a_function_inherits_the_globals_and_wins_over_them() -> None:
    template = with_function(Timeout=7, Environment={"Variables": {"A": "own"}})
    template["Globals"] = {
        "Function": {"Timeout": 99, "Environment": {"Variables": {"A": "shared", "B": "shared"}}}
    }
    function = declared(template).functions[0]
    assert function.timeout_seconds == 7
    assert function.environment == {"A": "own", "B": "shared"}


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        ({"Ref": "Stage"}, "local"),
        ({"Ref": "AWS::Region"}, "eu-central-1"),
        ({"Ref": "Work"}, "http://127.0.0.1:4566/000000000000/local-work"),
        ({"Fn::GetAtt": ["Work", "Arn"]}, "arn:aws:sqs:eu-central-1:000000000000:local-work"),
        ({"Fn::GetAtt": "Work.QueueName"}, "local-work"),
        ({"Ref": "News"}, "arn:aws:sns:eu-central-1:000000000000:local-news"),
        ({"Fn::GetAtt": "News.TopicArn"}, "arn:aws:sns:eu-central-1:000000000000:local-news"),
        (
            {"Fn::Sub": "${Work.Arn}/${Stage}/${!Literal}"},
            "arn:aws:sqs:eu-central-1:000000000000:local-work/local/${Literal}",
        ),
        ({"Fn::Sub": ["${x}-${Stage}", {"x": {"Ref": "DatabasePort"}}]}, "6432-local"),
        ({"Fn::Join": ["-", ["a", {"Ref": "Stage"}]]}, "a-local"),
        ({"Fn::If": ["IsProd", "many", "few"]}, "few"),
    ],
)
def test_an_intrinsic_function_gets_its_value(node: Any, expected: str) -> None:
    template = with_function(Environment={"Variables": {"V": node}})
    template["Conditions"] = {"IsProd": {"Fn::Equals": [{"Ref": "Stage"}, "prod"]}}
    assert environment_of(template) == {"V": expected}


def test_a_variable_without_a_value_is_left_out() -> None:
    node = {"Fn::If": ["IsProd", "yes", {"Ref": "AWS::NoValue"}]}
    template = with_function(Environment={"Variables": {"A": node, "B": "b"}})
    template["Conditions"] = {"IsProd": {"Fn::Equals": [{"Ref": "Stage"}, "prod"]}}
    assert environment_of(template) == {"B": "b"}


def test_a_resource_whose_condition_does_not_hold_is_not_declared() -> None:
    template = with_function()
    template["Resources"]["Work"]["Condition"] = "IsProd"
    template["Conditions"] = {"IsProd": {"Fn::Equals": [{"Ref": "Stage"}, "prod"]}}
    assert declared(template).queues == ()
    assert len(declared(template, Stage="prod").queues) == 1


@pytest.mark.parametrize(
    ("node", "told"),
    [
        ({"Ref": "Nobody"}, "Nobody"),
        ({"Fn::GetAtt": ["Work", "Colour"]}, "Colour"),
        ({"Fn::ImportValue": "x"}, "Fn::ImportValue"),
        ({"Fn::Sub": "${Missing}"}, "Missing"),
    ],
)
def test_what_cannot_be_worked_out_names_the_place(node: Any, told: str) -> None:
    with pytest.raises(TemplateError, match="Job") as refusal:
        declared(with_function(Environment={"Variables": {"V": node}}))
    assert told in str(refusal.value)


def test_a_parameter_without_value_or_default_is_an_error() -> None:
    template = with_function(Environment={"Variables": {"V": {"Ref": "Colour"}}})
    template["Parameters"] = {"Colour": {"Type": "String"}}
    with pytest.raises(TemplateError, match="Colour has no value"):
        declared(template)


def test_an_event_that_does_not_run_here_is_an_error() -> None:
    template = with_function(Events={"Table": {"Type": "DynamoDB", "Properties": {}}})
    with pytest.raises(TemplateError, match="DynamoDB"):
        declared(template)
