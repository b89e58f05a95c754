"""Holds the document of JSON that comes on standard input against the JSON Schema in a file: `SCHEMA`. Prints each fault in a line."""

import json
import sys

import jsonschema

with open(sys.argv[1]) as file:
    schema = json.load(file)
# Of the draft that the schema itself names.
validator = jsonschema.validators.validator_for(schema, jsonschema.Draft202012Validator)(schema)
validator.check_schema(schema)
for fault in validator.iter_errors(json.load(sys.stdin)):
    place = "/".join(str(step) for step in fault.absolute_path)
    # Of a choice, the fault of each.
    reasons = [fault.message, *(f"{'/'.join(str(s) for s in one.absolute_path)}: {one.message}" for one in fault.context)]
    print(f"{place}: {' | '.join(reasons)[:2000]}")
