"""The part of `scripts/check inject` that needs no containers.

check.py check [--write]         all that is here; --write puts the table into the page
check.py pod NAME [KEY=VALUE...] the pod of that name in played.yaml as the policy makes it, with parameters

`scripts/check inject` installs what this imports."""

import copy
import pathlib
import random
import re
import sys
import uuid

import jsonpatch
import yaml

import admission
import kinds
import manifests
import outcomes

HERE = pathlib.Path(__file__).resolve().parent
PAGE = manifests.ROOT / "docs/recipes/kubernetes-inject.md"
VERSION = f"{manifests.VERSION}.0"


class Cluster:
    """The policy, its parameters, and a namespace that asks."""

    DEFINITIONS = kinds.schemas(VERSION)

    def __init__(self, text=None):
        objects = manifests.plain()
        self.parameters = objects["ConfigMap", "tcptune-inject"]
        policy = yaml.safe_load(text) if text else objects["MutatingAdmissionPolicy", "tcptune-inject"]
        bindings = [m for (kind, _), m in objects.items() if kind == "MutatingAdmissionPolicyBinding"]
        self.policy = admission.Policy(policy, bindings, self.DEFINITIONS)

    def admit(self, pod, namespace, changes):
        parameters = copy.deepcopy(self.parameters)
        assert set(changes) <= set(parameters["data"]), f"there is no such parameter: {changes}"
        parameters["data"].update(changes)
        labels = {"tcptune.io/inject": "true"} if namespace == "web" else {}
        return self.policy.admit(pod, {"name": namespace, "labels": labels}, parameters)


def whole(part):
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "pod", **part.get("metadata", {})}, "spec": part["spec"]}


def judged(cluster, sample):
    """The sample's line of the table, and what is wrong with what became of it."""
    pod = whole(sample["pod"])
    changes = sample.get("parameters", {})
    after, rule = cluster.admit(pod, sample["namespace"], changes)
    before = admission.stored(pod)
    faults = outcomes.invalid(pod, VERSION) + outcomes.unexpected(sample, before, after, rule) + outcomes.faults(before, after)
    faults += outcomes.invalid(after, VERSION)
    if cluster.admit(after, sample["namespace"], changes)[0] != after:
        faults.append("a second time changes it again")
    return outcomes.row(sample, after, rule), [f"{sample['what']}: {fault}" for fault in faults]


def table(rows):
    return "\n".join(["| a pod | namespace | parameters | becomes | why |", "|---|---|---|---|---|", *rows])


def noticed(text, samples):
    """What is wrong with a policy: that it does not compile, fails while a pod is created, or makes something else of the pods."""
    try:
        cluster = Cluster(text)
        # The first is enough.
        return cluster.policy.faults or next(filter(None, (judged(cluster, sample)[1] for sample in samples)), [])
    except (RuntimeError, ValueError, jsonpatch.JsonPatchException, jsonpatch.JsonPointerException) as error:
        return [str(error)]


def undetected(samples):
    """The mistakes of mistakes.yaml that nothing here notices."""
    text = (manifests.HERE / "base/policy.yaml").read_text()
    missed = noticed(text, samples)
    for mistake in yaml.safe_load((HERE / "mistakes.yaml").read_text()):
        assert mistake["of"] in text, f"mistakes.yaml: the policy has no `{mistake['of']}`"
        if not noticed(text.replace(mistake["of"], mistake["to"]), samples):
            missed.append(f"nobody notices if `{mistake['of']}` becomes `{mistake['to']}`")
    return missed


def share_faults(cluster):
    """Whether `workloads` takes so many of a hundred owners, and a greater share all that a smaller one takes."""
    chance = random.Random(1)
    uids = [str(uuid.UUID(int=chance.getrandbits(128), version=4)) for _ in range(400)]

    def taken(percent):
        def admitted(uid):
            owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "app-5d8f7", "uid": uid, "controller": True}
            pod = whole({"metadata": {"ownerReferences": [owner]}, "spec": {"containers": [{"name": "app", "image": "app"}]}})
            after, _ = cluster.admit(pod, "web", {"workloads": str(percent)})
            return "tcptune.io/injected" in after["metadata"]["annotations"]
        return {uid for uid in uids if admitted(uid)}

    found, before = [], set()
    for percent in (0, 1, 10, 50, 99, 100):
        now = taken(percent)
        # Four standard deviations.
        if abs(len(now) - percent * 4) > 4 * (4 * percent * (1 - percent / 100)) ** 0.5:
            found.append(f"{percent} % took {len(now)} of {len(uids)}")
        if before - now:
            found.append(f"{percent} % leaves out what less takes")
        before = now
    return found


def page_faults(lines, write):
    begin, end = "<!-- table: scripts/check inject --write -->\n", "\n<!-- end of table -->"
    text = PAGE.read_text()
    head, rest = text.split(begin)
    old, tail = rest.split(end)
    if write:
        PAGE.write_text(head + begin + lines + end + tail)
    faults = [] if write or old == lines else [f"{PAGE.name}: the table is not what is true: scripts/check inject --write"]
    commands = re.findall(r"(?:-k|helm (?:install|upgrade --install) \S+) (examples/\S+)", text)
    if not commands:
        faults.append(f"{PAGE.name}: installs nothing")
    for folder in commands:
        if not any((manifests.ROOT / folder / name).exists() for name in ("kustomization.yaml", "Chart.yaml")):
            faults.append(f"{PAGE.name}: there is nothing to install in {folder}")
    for parameter in re.findall(r"--set(?:-string)? parameters\.(\w+)=", text):
        if parameter not in Cluster().parameters["data"]:
            faults.append(f"{PAGE.name}: there is no parameter {parameter}")
    return faults


def check(write):
    failed = False

    def say(what, faults):
        nonlocal failed
        failed |= bool(faults)
        print(f"{'FAIL' if faults else 'ok  '}  {what}", *faults, sep="\n      ", flush=True)

    say("the manifests are the same plain, by kustomize and by Helm, and valid", manifests.faults())
    cluster = Cluster()
    say("the policy compiles, and mixes no types", cluster.policy.faults)
    samples = yaml.safe_load((HERE / "pods.yaml").read_text())
    judgements = [judged(cluster, sample) for sample in samples]
    lines = table([row for row, _ in judgements])
    print(lines)
    say(f"{len(samples)} pods become what they should", [fault for _, faults in judgements for fault in faults])
    say("a share of workloads is that share", share_faults(cluster))
    say("mistakes in the policy are found", undetected(samples))
    say("the page says so", page_faults(lines, write))
    return failed


def main(arguments):
    if arguments[:1] == ["pod"]:
        [pod] = [p for p in yaml.safe_load_all((HERE / "played.yaml").read_text()) if p["metadata"]["name"] == arguments[1]]
        after, rule = Cluster().admit(pod, "web", dict(word.split("=", 1) for word in arguments[2:]))
        if "tcptune.io/injected" not in after["metadata"].get("annotations", {}):
            sys.exit(f"inject: {arguments[1]} was not injected: {rule}, {after['metadata']}")
        yaml.safe_dump(after, sys.stdout, sort_keys=False)
        return 0
    return check("--write" in arguments)


sys.exit(main(sys.argv[1:]))
