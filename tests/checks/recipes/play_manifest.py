"""Does with podman what a cluster does with a pod, or with that of a Deployment: `play_manifest.py FILE` runs its init
containers one after the other to their ends, then starts its containers, named as in the manifest, with the same volumes. What
it does not know in the manifest it refuses, so nothing is left out silently."""

import subprocess
import sys

import yaml

# A limit changes nothing here, and all images are at hand.
PASSED_OVER = {"resources", "imagePullPolicy"}


def arguments(container, volumes):
    """The options and words of `podman run` for a container of the manifest."""
    options, words = [], []
    for key, value in container.items():
        if key == "command":
            options += ["--entrypoint", value[0]]
            words = value[1:]
        elif key == "env":
            for variable in value:
                options += ["--env", f"{variable['name']}={variable['value']}"]
        elif key == "volumeMounts":
            for mount in value:
                if "image" in volumes[mount["name"]]:
                    source = volumes[mount["name"]]["image"]["reference"]
                    options += ["--mount", f"type=image,source={source},destination={mount['mountPath']}"]
                    continue
                mode = "ro" if mount.get("readOnly") else "rw"
                options += ["--volume", f"{mount['name']}:{mount['mountPath']}:{mode}"]
        elif key == "securityContext":
            options += restrictions(value)
        elif key not in PASSED_OVER | {"name", "image"}:
            sys.exit(f"play_manifest: `{key}` is not known")
    return [*options, container["image"], *words]


def restrictions(context):
    options = []
    for key, value in context.items():
        if key == "runAsUser":
            options += ["--user", f"{value}:{value}"]
        elif key == "readOnlyRootFilesystem":
            options += ["--read-only", "--read-only-tmpfs=false"] if value else []
        elif key == "allowPrivilegeEscalation":
            options += [] if value else ["--security-opt", "no-new-privileges"]
        elif key == "capabilities":
            options += [f"--cap-drop={name}" for name in value["drop"]]
        elif (key, value) not in (("runAsNonRoot", True), ("privileged", False), ("seccompProfile", {"type": "RuntimeDefault"})):
            sys.exit(f"play_manifest: `{key}: {value}` is not known")
    return options


with open(sys.argv[1]) as file:
    manifest = yaml.safe_load(file)
pod = manifest["spec"] if manifest["kind"] == "Pod" else manifest["spec"]["template"]["spec"]
volumes = {volume["name"]: volume for volume in pod.get("volumes", [])}
for name, volume in volumes.items():
    assert set(volume) in ({"name", "emptyDir"}, {"name", "image"}), volume
    if "image" in volume:
        continue
    subprocess.run(["podman", "volume", "create", name], check=True, stdout=subprocess.DEVNULL)
    # As an emptyDir: for everybody.
    where = subprocess.run(["podman", "volume", "inspect", "--format", "{{.Mountpoint}}", name],
                           check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    subprocess.run(["chmod", "777", where], check=True)
for container in pod.get("initContainers", []):
    subprocess.run(["podman", "run", "--rm", *arguments(container, volumes)], check=True)
for container in pod["containers"]:
    subprocess.run(["podman", "run", "--detach", "--name", container["name"], *arguments(container, volumes)], check=True)
