"""What has to hold of every pod that the policy has seen, whatever was expected of it, and the table of docs."""

import json

import kubernetes_validate

OURS = "tcptune-inject"
STATISTICS = {"name": "tcptune-statistics", "mountPath": "/run/tcptune"}


def containers(pod):
    return pod["spec"].get("initContainers", []) + pod["spec"]["containers"]


def service_class(pod):
    """The QoS class, by the rules of Kubernetes."""
    asked = [c.get("resources", {}) for c in containers(pod)]
    if "resources" in pod["spec"]:
        asked = [pod["spec"]["resources"]]
    sets = [(r.get("limits", {}), {**r.get("limits", {}), **r.get("requests", {})}) for r in asked]
    if not any(limits.get(n) or requests.get(n) for limits, requests in sets for n in ("cpu", "memory")):
        return "BestEffort"
    equal = all(n in limits and limits[n] == requests[n] for limits, requests in sets for n in ("cpu", "memory"))
    return "Guaranteed" if equal else "Burstable"


def unrestricted(pod):
    """What the pod security standard `restricted` forbids in it."""
    faults = []
    of_pod = pod["spec"].get("securityContext", {})
    allowed = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image", "persistentVolumeClaim", "projected", "secret"}
    for volume in pod["spec"].get("volumes", []):
        if not (set(volume) - {"name"}) <= allowed:
            faults.append(f"volume {volume['name']}")
    if any(pod["spec"].get(field) for field in ("hostNetwork", "hostPID", "hostIPC")):
        faults.append("host namespaces")
    for container in containers(pod):
        own = container.get("securityContext", {})
        name = container["name"]
        if own.get("allowPrivilegeEscalation") is not False:
            faults.append(f"{name}: allowPrivilegeEscalation")
        if own.get("privileged"):
            faults.append(f"{name}: privileged")
        if own.get("capabilities", {}).get("drop") != ["ALL"] or set(own["capabilities"].get("add", [])) - {"NET_BIND_SERVICE"}:
            faults.append(f"{name}: capabilities")
        if own.get("runAsNonRoot", of_pod.get("runAsNonRoot")) is not True:
            faults.append(f"{name}: runAsNonRoot")
        if own.get("runAsUser", of_pod.get("runAsUser")) == 0:
            faults.append(f"{name}: runAsUser 0")
        if own.get("seccompProfile", of_pod.get("seccompProfile", {})).get("type") not in ("RuntimeDefault", "Localhost"):
            faults.append(f"{name}: seccompProfile")
    return faults


def invalid(pod, version):
    try:
        kubernetes_validate.validate(pod, version, strict=True)
    except kubernetes_validate.ValidationError as error:
        return [f"not a valid pod: {error.message}"]
    return []


def faults(before, after):
    """What the policy has broken."""
    found = []
    notes = after["metadata"].get("annotations", {})
    chosen = notes["tcptune.io/injected"].split(",") if "tcptune.io/injected" in notes and "tcptune.io/skipped" not in notes else []
    if before == after:
        chosen = []
    if service_class(before) != service_class(after):
        found.append(f"the class of service was {service_class(before)}, is {service_class(after)}")
    if not unrestricted(before) and unrestricted(after):
        found.append(f"no longer restricted: {unrestricted(after)}")
    ours = [c for c in after["spec"].get("initContainers", []) if c["name"] == OURS]
    if chosen and ours:
        alone = {"spec": {"containers": ours, "securityContext": before["spec"].get("securityContext", {})}}
        found += [f"{fault} is not restricted" for fault in unrestricted(alone)]
    kept = [c for c in containers(after) if not (chosen and c["name"] == OURS)]
    if [c["name"] for c in kept] != [c["name"] for c in containers(before)]:
        found.append("containers were lost, or their order")
    if chosen and ours and after["spec"]["initContainers"][0] != ours[0]:
        found.append("the library's container is not the first")
    for old, new in zip(containers(before), kept):
        found += [f"{old['name']}: {fault}" for fault in changes(old, new, old["name"] in chosen)]
    for field in set(before["spec"]) | set(after["spec"]):
        if field not in ("containers", "initContainers", "volumes") and before["spec"].get(field) != after["spec"].get(field):
            found.append(f"spec.{field} was changed")
    volumes = before["spec"].get("volumes", [])
    if after["spec"].get("volumes", [])[:len(volumes)] != volumes:
        found.append("volumes were changed")
    names = [volume["name"] for volume in after["spec"].get("volumes", [])]
    there = set(names)
    if len(names) != len(there):
        found.append(f"a volume is there twice: {names}")
    mounted = {mount["name"] for c in containers(after) for mount in c.get("volumeMounts", [])}
    if mounted - there or (there - mounted) & {OURS, "tcptune-statistics"}:
        found.append(f"volumes are {there}, mounted are {mounted}")
    return found


def changes(old, new, chosen):
    """Of a container, apart from what is added at the end of two lists."""
    if not chosen:
        return [] if old == new else ["was changed, though it was not chosen"]
    found = []
    for field in set(old) | set(new):
        if field in ("env", "volumeMounts"):
            if new.get(field, [])[:len(old.get(field, []))] != old.get(field, []):
                found.append(f"its {field} was changed")
        elif old.get(field) != new.get(field):
            found.append(f"its {field} was changed")
    mounts = new.get("volumeMounts", [])[len(old.get("volumeMounts", [])):]
    if mounts[:1] != [{"name": OURS, "mountPath": "/tcptune", "readOnly": True}] or mounts[1:] not in ([], [STATISTICS]):
        found.append(f"its mounts are {new.get('volumeMounts')}")
    names = [variable["name"] for variable in new.get("env", [])]
    if mounts[1:] and {"name": "TCPTUNE_STATS", "value": "/run/tcptune"} not in new["env"]:
        found.append("a volume is mounted for nothing")
    if names.count("LD_PRELOAD") != 1:
        found.append("it has no LD_PRELOAD")
    if len(names) != len(set(names)):
        found.append(f"a variable is there twice: {names}")
    return found


def added(before, after):
    """The variables that each container has got."""
    old = {c["name"]: [v["name"] for v in c.get("env", [])] for c in containers(before)}
    return {c["name"]: {v["name"]: v.get("value") for v in c.get("env", []) if v["name"] not in old[c["name"]]}
            for c in containers(after) if c["name"] in old}


def within(part, whole):
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(within(value, whole.get(key)) for key, value in part.items())
    return part == whole


def unexpected(sample, before, after, rule):
    """Where a sample has not become what it had to."""
    notes = after["metadata"].get("annotations", {})
    found = []
    if "untouched" in sample:
        if rule != sample["untouched"] or before != after:
            found.append(f"expected to be untouched ({sample['untouched']}), but: {rule}, {notes}")
        return found
    for key in ("injected", "skipped"):
        if notes.get(f"tcptune.io/{key}") != sample.get(key):
            found.append(f"{key}: expected {sample.get(key)!r}, is {notes.get(f'tcptune.io/{key}')!r}")
    for name, variables in sample.get("added", {}).items():
        if added(before, after).get(name) != variables:
            found.append(f"{name} got {json.dumps(added(before, after).get(name))} instead of {json.dumps(variables)}")
    ours = [c for c in after["spec"].get("initContainers", []) if c["name"] == OURS]
    if "init" in sample and not (ours and within(sample["init"], ours[0])):
        found.append(f"the init container is {json.dumps(ours)}")
    return found


def row(sample, after, rule):
    notes = after["metadata"].get("annotations", {})
    settings = ", ".join(f"`{key}: {value.splitlines()[0]}`" for key, value in sample.get("parameters", {}).items())
    words = {"not asked": "nobody asks, or its label declines, or the namespace is excluded", "not-injected": "it has the library already",
             "not-a-mirror": "a change would not reach it"}
    if rule != "asked":
        outcome, why = "as it was", words[rule]
    elif "tcptune.io/skipped" in notes:
        outcome, why = "skipped", notes["tcptune.io/skipped"]
    else:
        outcome, why = "injected", "in " + notes["tcptune.io/injected"].replace(",", ", ")
    return f"| {sample['what']} | `{sample['namespace']}` | {settings} | {outcome} | {why} |"
