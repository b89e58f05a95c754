"""Does what the API server does with a MutatingAdmissionPolicy and its bindings when a pod is created. The expressions are run
by Google's CEL (cel-expr-python), with the libraries that Kubernetes gives them; the patch is applied by jsonpatch."""

import copy

import jsonpatch
from cel_expr_python import cel

import kinds
import literals

# Kubernetes: apiserver/pkg/cel/environment/base.go. All of these are there since 1.32.
LIBRARIES = """
extensions:
  - {name: strings, version: 2}
  - {name: optional}
  - {name: two-var-comprehensions}
  - {name: sets}
"""
ESCAPE = cel.FunctionDecl("jsonpatch.escapeKey", [cel.Overload(
    "escapeKey", return_type=cel.Type.STRING, parameters=[cel.Type.STRING],
    impl=lambda key: key.replace("~", "~0").replace("/", "~1"))])


def selected(selector, labels):
    """Whether a LabelSelector takes what has these labels."""
    for key, value in (selector or {}).get("matchLabels", {}).items():
        if labels.get(key) != value:
            return False
    for rule in (selector or {}).get("matchExpressions", []):
        key, operator, values = rule["key"], rule["operator"], rule.get("values", [])
        holds = {"In": labels.get(key) in values, "NotIn": labels.get(key) not in values,
                 "Exists": key in labels, "DoesNotExist": key not in labels}[operator]
        if not holds:
            return False
    return True


def stored(value):
    """As the API server passes an object on: what is empty is not there, unless it means something (emptyDir: {})."""
    if isinstance(value, dict):
        return {name: stored(item) for name, item in value.items()
                if item is not None and not (item in ({}, []) and name not in ("emptyDir", "securityContext", "resources"))}
    return [stored(item) for item in value] if isinstance(value, list) else value


class Policy:
    """A policy, compiled. `faults` says what Kubernetes would refuse in it."""

    def __init__(self, policy, bindings, definitions):
        self.spec = policy["spec"]
        self.bindings = [binding for binding in bindings if binding["spec"]["policyName"] == policy["metadata"]["name"]]
        self.faults = []
        [mutation] = self.spec["mutations"]
        texts = [v["expression"] for v in self.spec["variables"]] + [mutation["jsonPatch"]["expression"]]
        self.pool = kinds.declare(texts, definitions)
        known = {"object": cel.Type.DYN, "oldObject": cel.Type.DYN, "request": cel.Type.DYN, "params": cel.Type.DYN}
        self.conditions = [(c["name"], self.compiled(c["name"], c["expression"], known)) for c in self.spec["matchConditions"]]
        known["namespaceObject"] = cel.Type.DYN
        self.variables = []
        for variable in self.spec["variables"]:
            name = "variables." + variable["name"]
            program = self.compiled(variable["name"], variable["expression"], known)
            self.variables.append((name, program))
            # A variable has the type of its expression, and may use those before it.
            known = {**known, name: program.return_type()}
        self.mutation = self.compiled("jsonPatch", mutation["jsonPatch"]["expression"], known)

    def compiled(self, name, text, known):
        environment = cel.NewEnv(self.pool, config=cel.NewEnvConfigFromYaml(LIBRARIES), variables=known, functions=[ESCAPE])
        program = environment.compile(kinds.flattened(text))
        self.faults += [f"{name}: {fault}" for fault in literals.mixed(program.serialize())]
        return program

    def binding_for(self, pod, namespace):
        """The binding that makes the policy look at a pod in a namespace."""
        labels = pod["metadata"].get("labels", {})
        within = {"kubernetes.io/metadata.name": namespace["name"], **namespace.get("labels", {})}
        found = []
        for binding in self.bindings:
            for rule in (self.spec["matchConstraints"], binding["spec"].get("matchResources", {})):
                if not selected(rule.get("namespaceSelector"), within) or not selected(rule.get("objectSelector"), labels):
                    break
            else:
                found.append(binding)
        assert len(found) <= 1, f"two bindings take {pod['metadata']}"
        return found[0] if found else None

    def evaluate(self, program, data):
        result = program.eval(data=data)
        if result.type() == cel.Type.ERROR:
            raise ValueError(result.value())
        return result.plain_value()

    def admit(self, pod, namespace, parameters):
        """The pod as it is stored, and why: `not asked`, the name of a condition, or `asked`."""
        pod = stored(copy.deepcopy(pod))
        if self.binding_for(pod, namespace) is None:
            return pod, "not asked"
        data = {"object": pod, "params": parameters}
        for name, program in self.conditions:
            if self.evaluate(program, data) is not True:
                return pod, name
        for name, program in self.variables:
            data[name] = self.evaluate(program, data)
        patch = [kinds.plain(operation) for operation in self.evaluate(self.mutation, data)]
        return stored(jsonpatch.apply_patch(pod, patch)), "asked"
