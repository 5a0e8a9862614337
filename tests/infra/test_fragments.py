"""The templates: clean for cfn-lint, and with the properties that the rest relies on."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from chalicelib.channels import claims as channel_claims
from chalicelib.core.batches import PAUSES_SECONDS
from chalicelib.core.settings import Settings
from chalicelib.mail.claims import CLAIM_SECONDS
from chalicelib.mail.pace import LONGEST_WAIT_SECONDS
from chalicelib.outbox.service import QUEUES
from functions.send_mail.handler import RESERVE_MILLISECONDS
from infra.fragments import FOLDER, DuplicateName, read_fragment, read_template

TEMPLATE = read_template()
RESOURCES: dict[str, Any] = TEMPLATE["Resources"]
FRAGMENTS = sorted(FOLDER.glob("*.yaml"))


def of_type(kind: str) -> dict[str, dict[str, Any]]:
    return {name: r["Properties"] for name, r in RESOURCES.items() if r["Type"] == kind}


FUNCTIONS = of_type("AWS::Serverless::Function")
ALL_QUEUES = of_type("AWS::SQS::Queue")
QUEUES_WITH_WORK = {name: queue for name, queue in ALL_QUEUES.items() if "RedrivePolicy" in queue}
POLICIES = of_type("AWS::SQS::QueuePolicy")
SETTINGS = {
    name.removeprefix("queue_").removesuffix("_url")
    for name in Settings.model_fields
    if name.startswith("queue_")
}


SECRETS = ("DB_SECRET_ARN", "SMTP_URL_ARN", "CHANNEL_KEY_ARN")


def chosen(statement: dict[str, Any]) -> dict[str, Any]:
    """Return a statement of a policy, also of one that stands under a condition."""
    if "Fn::If" in statement:
        _, statement, otherwise = statement["Fn::If"]
        assert otherwise == {"Ref": "AWS::NoValue"}
    return statement


def lint(folder: Path, template: dict[str, Any]) -> list[dict[str, Any]]:
    path = folder / "template.json"
    path.write_text(json.dumps(template))
    linter = Path(sys.executable).parent / "cfn-lint"
    command = [str(linter), "--format", "json", "--template", str(path)]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    findings: list[dict[str, Any]] = json.loads(found.stdout)
    return findings


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    return lint(tmp_path_factory.mktemp("lint"), TEMPLATE)


class TestFiles:
    @pytest.mark.parametrize("path", FRAGMENTS, ids=lambda path: path.name)
    def test_the_linter_finds_nothing(self, path: Path, findings: list[dict[str, Any]]) -> None:
        declared = {
            (section, name)
            for section, content in read_fragment(path).items()
            if isinstance(content, dict)
            for name in content
        }
        own = [f for f in findings if tuple(f["Location"]["Path"][:2]) in declared]
        assert own == []

    def test_the_linter_finds_nothing_in_the_whole(self, findings: list[dict[str, Any]]) -> None:
        assert findings == []

    def test_the_linter_looks_into_serverless_functions(self, tmp_path: Path) -> None:
        broken = json.loads(json.dumps(TEMPLATE))
        broken["Resources"]["MigrateFunction"]["Properties"]["MemorySize"] = "plenty"
        broken["Resources"]["SweepFunction"]["Properties"]["Role"] = {"Ref": "NobodysRole"}
        places = {tuple(f["Location"]["Path"][:2]) for f in lint(tmp_path, broken)}
        assert places == {("Resources", "MigrateFunction"), ("Resources", "SweepFunction")}

    def test_a_name_is_declared_once(self, tmp_path: Path) -> None:
        for path in FRAGMENTS:
            (tmp_path / path.name).write_bytes(path.read_bytes())
        (tmp_path / "zz.yaml").write_text("Resources:\n  Bucket:\n    Type: AWS::S3::Bucket\n")
        with pytest.raises(DuplicateName, match=r"zz\.yaml declares Resources \['Bucket'\]"):
            read_template(tmp_path)


class TestQueues:
    def test_each_queue_has_a_setting(self) -> None:
        names = {queue["QueueName"]["Fn::Sub"] for queue in QUEUES_WITH_WORK.values()}
        assert names == {f"rollcall-${{Stage}}-{name.replace('_', '-')}" for name in SETTINGS}

    def test_each_queue_of_the_outbox_is_there_and_the_relay_may_send_to_it(self) -> None:
        assert set(QUEUES) <= SETTINGS
        variables = FUNCTIONS["RelayOutboxFunction"]["Environment"]["Variables"]
        assert set(variables) == {f"QUEUE_{queue.upper()}_URL" for queue in QUEUES}
        (policy,) = RESOURCES["RelayOutboxRole"]["Properties"]["Policies"]
        (allowed,) = [
            statement["Resource"]
            for statement in policy["PolicyDocument"]["Statement"]
            if statement["Action"] == "sqs:SendMessage"
        ]
        assert [resource["Fn::GetAtt"][0] for resource in allowed] == [
            url["Ref"] for url in variables.values()
        ]

    @pytest.mark.parametrize("name", QUEUES_WITH_WORK)
    def test_five_receives_then_its_own_dead_letters(self, name: str) -> None:
        queue = QUEUES_WITH_WORK[name]
        assert queue["RedrivePolicy"]["maxReceiveCount"] == 5
        dead = queue["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0]
        assert dead == name.removesuffix("Queue") + "DeadLetterQueue"
        letters = ALL_QUEUES[dead]
        assert letters["QueueName"]["Fn::Sub"] == queue["QueueName"]["Fn::Sub"] + "-dlq"
        (source,) = letters["RedriveAllowPolicy"]["sourceQueueArns"]
        assert source["Fn::Sub"].endswith(":" + queue["QueueName"]["Fn::Sub"])
        assert letters["MessageRetentionPeriod"] > queue["MessageRetentionPeriod"]

    @pytest.mark.parametrize("name", ALL_QUEUES)
    def test_messages_are_encrypted(self, name: str) -> None:
        assert ALL_QUEUES[name]["SqsManagedSseEnabled"] is True

    @pytest.mark.parametrize("name", ALL_QUEUES)
    def test_plain_http_is_refused(self, name: str) -> None:
        covered = {
            statement["Resource"]["Fn::GetAtt"][0]
            for policy in POLICIES.values()
            for statement in policy["PolicyDocument"]["Statement"]
            if statement["Effect"] == "Deny"
            and statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        }
        assert name in covered

    def test_only_the_bucket_of_this_account_may_send_to_the_imports(self) -> None:
        statements = POLICIES["ImportsQueuePolicy"]["PolicyDocument"]["Statement"]
        (allow,) = [s for s in statements if s["Effect"] == "Allow"]
        assert allow["Principal"] == {"Service": "s3.amazonaws.com"}
        assert allow["Condition"]["StringEquals"] == {
            "aws:SourceAccount": {"Ref": "AWS::AccountId"}
        }
        source = allow["Condition"]["ArnEquals"]["aws:SourceArn"]["Fn::Sub"]
        named = RESOURCES["Bucket"]["Properties"]["BucketName"]["Fn::Sub"]
        assert source == "arn:${AWS::Partition}:s3:::" + named


class TestFunctions:
    @pytest.mark.parametrize("name", FUNCTIONS)
    def test_its_handler_is_a_folder_of_functions(self, name: str) -> None:
        module, _, function = FUNCTIONS[name]["Handler"].rpartition(".")
        assert module == f"functions.{module.split('.')[1]}.handler"
        assert callable(getattr(importlib.import_module(module), function))

    def test_each_folder_of_functions_is_deployed(self) -> None:
        folders = {p.parent.name for p in (FOLDER.parent / "functions").glob("*/handler.py")}
        assert folders == {f["Handler"].split(".")[1] for f in FUNCTIONS.values()}

    @pytest.mark.parametrize("name", FUNCTIONS)
    def test_each_setting_that_it_gets_exists(self, name: str) -> None:
        variables = set(FUNCTIONS[name].get("Environment", {}).get("Variables", {}))
        variables |= set(TEMPLATE["Globals"]["Function"]["Environment"]["Variables"])
        assert {v.lower() for v in variables} <= set(Settings.model_fields)

    @pytest.mark.parametrize("name", FUNCTIONS)
    def test_a_queue_gives_it_six_times_its_timeout(self, name: str) -> None:
        for event in FUNCTIONS[name].get("Events", {}).values():
            if event["Type"] != "SQS":
                continue
            queue = ALL_QUEUES[event["Properties"]["Queue"]["Fn::GetAtt"][0]]
            assert queue["VisibilityTimeout"] >= 6 * FUNCTIONS[name]["Timeout"]
            assert event["Properties"]["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
            assert event["Properties"]["ScalingConfig"]["MaximumConcurrency"] >= 2

    def test_the_relay_ends_before_its_next_minute(self) -> None:
        relay = FUNCTIONS["RelayOutboxFunction"]
        assert relay["Events"]["Schedule"]["Properties"]["ScheduleExpression"] == "rate(1 minute)"
        assert relay["Timeout"] < 60

    @pytest.mark.parametrize("name", FUNCTIONS)
    def test_it_logs_to_a_group_of_its_own_that_forgets(self, name: str) -> None:
        function = FUNCTIONS[name]
        group = function["LoggingConfig"]["LogGroup"]["Ref"]
        logs = of_type("AWS::Logs::LogGroup")[group]
        expected = f"/aws/lambda/{function['FunctionName']['Fn::Sub']}"
        assert logs["LogGroupName"]["Fn::Sub"] == expected
        assert logs["RetentionInDays"] == {"Ref": "LogRetentionDays"}

    @pytest.mark.parametrize("name", FUNCTIONS)
    def test_its_rights_name_actions_and_resources(self, name: str) -> None:
        role = RESOURCES[FUNCTIONS[name]["Role"]["Fn::GetAtt"][0]]["Properties"]
        assert "ManagedPolicyArns" not in role
        (policy,) = role["Policies"]
        for statement in map(chosen, policy["PolicyDocument"]["Statement"]):
            actions = statement["Action"]
            assert "*" not in "".join([actions] if isinstance(actions, str) else actions)
            assert statement["Resource"] != "*"

    @pytest.mark.parametrize("name", FUNCTIONS)
    def test_it_may_read_only_the_secrets_that_it_is_told_of(self, name: str) -> None:
        function = FUNCTIONS[name]
        variables = {
            **TEMPLATE["Globals"]["Function"]["Environment"]["Variables"],
            **function.get("Environment", {}).get("Variables", {}),
        }
        role = RESOURCES[function["Role"]["Fn::GetAtt"][0]]["Properties"]
        allowed = [
            statement["Resource"]
            for statement in map(chosen, role["Policies"][0]["PolicyDocument"]["Statement"])
            if statement["Action"] == "secretsmanager:GetSecretValue"
        ]
        told = [variables[secret] for secret in SECRETS if secret in variables]
        assert allowed == told


class TestMail:
    def statement(self, role: str, action: str) -> dict[str, Any]:
        (policy,) = RESOURCES[role]["Properties"]["Policies"]
        statements = policy["PolicyDocument"]["Statement"]
        (found,) = [s for s in map(chosen, statements) if s["Action"] == action]
        return dict(found)

    def test_a_claim_outlives_the_function_and_ends_before_the_next_delivery(self) -> None:
        timeout = FUNCTIONS["SendMailFunction"]["Timeout"]
        assert timeout < CLAIM_SECONDS < ALL_QUEUES["MailQueue"]["VisibilityTimeout"]

    def test_a_mail_is_begun_only_where_the_function_can_end_it(self) -> None:
        reserve_seconds = RESERVE_MILLISECONDS / 1000
        ses_seconds = 12
        assert LONGEST_WAIT_SECONDS + ses_seconds + sum(PAUSES_SECONDS) < reserve_seconds
        assert reserve_seconds < FUNCTIONS["SendMailFunction"]["Timeout"]

    def test_the_last_of_as_many_workers_as_there_may_be_gets_a_slot_at_any_rate(self) -> None:
        event = FUNCTIONS["SendMailFunction"]["Events"]["Queue"]["Properties"]
        workers = event["ScalingConfig"]["MaximumConcurrency"]
        least_rate = TEMPLATE["Parameters"]["MailRatePerSecond"]["MinValue"]
        assert workers / least_rate < LONGEST_WAIT_SECONDS

    def test_a_mail_that_nobody_can_send_any_more_is_deleted(self) -> None:
        days = ALL_QUEUES["MailDeadLetterQueue"]["MessageRetentionPeriod"] / 86_400
        assert days < 30

    def test_mails_leave_under_one_address_only(self) -> None:
        allowed = self.statement("SendMailRole", "ses:SendRawEmail")
        assert allowed["Condition"] == {"StringEquals": {"ses:FromAddress": {"Ref": "MailAddress"}}}
        identity, configuration_set = (r["Fn::Sub"] for r in allowed["Resource"])
        assert identity.endswith(":identity/${MailIdentity}")
        named = RESOURCES["MailConfigurationSet"]["Properties"]["Name"]["Fn::Sub"]
        assert configuration_set.endswith(":configuration-set/" + named)
        variables = FUNCTIONS["SendMailFunction"]["Environment"]["Variables"]
        assert variables["MAIL_FROM"] == {"Fn::Sub": "Rollcall <${MailAddress}>"}
        assert variables["MAIL_CONFIGURATION_SET"] == {"Ref": "MailConfigurationSet"}

    def test_what_comes_back_goes_from_ses_by_one_topic_into_one_queue(self) -> None:
        destination = RESOURCES["MailEventDestination"]["Properties"]
        assert destination["ConfigurationSetName"] == {"Ref": "MailConfigurationSet"}
        event = destination["EventDestination"]
        assert set(event["MatchingEventTypes"]) == {"bounce", "complaint", "delivery"}
        assert event["SnsDestination"] == {"TopicARN": {"Ref": "MailEventsTopic"}}
        subscription = RESOURCES["MailEventsSubscription"]["Properties"]
        assert subscription["TopicArn"] == {"Ref": "MailEventsTopic"}
        assert subscription["Endpoint"] == {"Fn::GetAtt": ["MailEventsQueue", "Arn"]}
        assert subscription["RawMessageDelivery"] is False

    def test_only_the_topic_may_send_to_the_queue_and_only_ses_to_the_topic(self) -> None:
        statements = POLICIES["MailEventsQueuePolicy"]["PolicyDocument"]["Statement"]
        (allow,) = [s for s in statements if s["Effect"] == "Allow"]
        assert allow["Principal"] == {"Service": "sns.amazonaws.com"}
        assert allow["Condition"]["ArnEquals"] == {"aws:SourceArn": {"Ref": "MailEventsTopic"}}
        topic = RESOURCES["MailEventsTopicPolicy"]["Properties"]["PolicyDocument"]["Statement"]
        assert [s["Principal"] for s in topic] == [{"Service": "ses.amazonaws.com"}]
        source = topic[0]["Condition"]["ArnEquals"]["aws:SourceArn"]["Fn::Sub"]
        named = RESOURCES["MailConfigurationSet"]["Properties"]["Name"]["Fn::Sub"]
        assert source.endswith(":configuration-set/" + named)


class TestChannels:
    def test_a_claim_outlives_the_function_and_ends_before_the_next_delivery(self) -> None:
        timeout = FUNCTIONS["PostToChannelsFunction"]["Timeout"]
        hidden = ALL_QUEUES["ChannelsQueue"]["VisibilityTimeout"]
        assert timeout < channel_claims.CLAIM_SECONDS < hidden

    def test_what_seals_their_secrets_outlives_the_stack(self) -> None:
        assert RESOURCES["ChannelsSecret"]["DeletionPolicy"] == "Retain"
        assert RESOURCES["ChannelsSecret"]["UpdateReplacePolicy"] == "Retain"


class TestBucket:
    BUCKET: dict[str, Any] = RESOURCES["Bucket"]["Properties"]

    def test_it_is_private_and_encrypted(self) -> None:
        assert set(self.BUCKET["PublicAccessBlockConfiguration"].values()) == {True}
        assert len(self.BUCKET["PublicAccessBlockConfiguration"]) == 4
        assert self.BUCKET["OwnershipControls"]["Rules"] == [
            {"ObjectOwnership": "BucketOwnerEnforced"}
        ]
        assert "BucketEncryption" in self.BUCKET

    def test_plain_http_is_refused(self) -> None:
        (statement,) = RESOURCES["BucketPolicy"]["Properties"]["PolicyDocument"]["Statement"]
        assert statement["Effect"] == "Deny"
        assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}

    def test_only_uploads_of_imports_wake_the_import(self) -> None:
        (rule,) = self.BUCKET["NotificationConfiguration"]["QueueConfigurations"]
        assert rule["Filter"]["S3Key"]["Rules"] == [{"Name": "prefix", "Value": "imports/"}]
        assert rule["Queue"] == {"Fn::GetAtt": ["ImportsQueue", "Arn"]}
        assert RESOURCES["Bucket"]["DependsOn"] == "ImportsQueuePolicy"

    def test_files_do_not_stay_for_ever(self) -> None:
        rules = self.BUCKET["LifecycleConfiguration"]["Rules"]
        days = {r["Prefix"]: r["ExpirationInDays"] for r in rules if "Prefix" in r}
        assert days == {"imports/": 32, "bodies/": 32, "results/": 32, "uploads/": 3}
        (unfinished,) = [r for r in rules if "Prefix" not in r]
        assert unfinished["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 1}

    def test_browsers_may_send_parts_and_read_their_tags(self) -> None:
        (rule,) = self.BUCKET["CorsConfiguration"]["CorsRules"]
        assert set(rule["AllowedMethods"]) == {"GET", "POST", "PUT"}
        assert rule["AllowedOrigins"] == {"Ref": "CorsOrigins"}
        assert "ETag" in rule["ExposedHeaders"]

    def test_data_outlives_the_stack(self) -> None:
        assert RESOURCES["Bucket"]["DeletionPolicy"] == "Retain"
        assert RESOURCES["Bucket"]["UpdateReplacePolicy"] == "Retain"
