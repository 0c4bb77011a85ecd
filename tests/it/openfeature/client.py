"""Asks a server for flags with the Python provider: cases as a JSON list in, answers as a JSON list out."""

import json
import os
import sys

from openfeature import api
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext

headers = {"Authorization": f"Bearer {os.environ['OFREP_TOKEN']}"}
api.set_provider(OFREPProvider(os.environ["OFREP_URL"], headers_factory=lambda: headers))
client = api.get_client()
ask = {
    "boolean": client.get_boolean_details,
    "string": client.get_string_details,
    "integer": client.get_integer_details,
    "float": client.get_float_details,
    "object": client.get_object_details,
}

answers = []
for case in json.load(sys.stdin):
    attributes = dict(case["context"])
    context = EvaluationContext(attributes.pop("targetingKey", None), attributes)
    details = ask[case["type"]](case["flag"], case["default"], context)
    answers.append(
        {
            "value": details.value,
            "variant": details.variant,
            "reason": details.reason and str(details.reason.value if hasattr(details.reason, "value") else details.reason),
            "error": details.error_code and details.error_code.value,
            "metadata": dict(details.flag_metadata or {}),
        }
    )
json.dump(answers, sys.stdout)
