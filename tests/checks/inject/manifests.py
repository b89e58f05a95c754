"""The manifests in the forms in which they are installed: as they lie there, built by kustomize, rendered by Helm."""

import json
import pathlib
import subprocess

import helm_python
import kubernetes_validate
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[3]
HERE = ROOT / "examples/kubernetes/inject"
VERSION = "1.37"


def key(manifest):
    return manifest["kind"], manifest["metadata"]["name"]


def by_name(manifests):
    return {key(manifest): manifest for manifest in manifests if manifest}


def plain():
    files = yaml.safe_load((HERE / "base/kustomization.yaml").read_text())["resources"]
    return by_name(yaml.safe_load((HERE / "base" / name).read_text()) for name in files)


def kustomized(folder):
    built = subprocess.run(["kubectl", "kustomize", folder], stdout=subprocess.PIPE, check=True, text=True).stdout
    return by_name(yaml.safe_load_all(built))


def rendered(values, namespace="tcptune"):
    with helm_python.Chart.load(str(HERE)) as chart:
        chart.validate_schema(values)
        texts = chart.render(values, name="tcptune", namespace=namespace).values()
    return by_name(document for text in texts for document in yaml.safe_load_all(text))


def refused(values):
    with helm_python.Chart.load(str(HERE)) as chart:
        try:
            chart.validate_schema(values)
        except helm_python.HelmValuesError:
            return True
    return False


def faults():
    """Where the forms differ in what they should not, or are not what Kubernetes takes."""
    found = []

    def check(good, what):
        if not good:
            found.append(what)

    base = plain()
    listed = {path.name for path in (HERE / "base").glob("*.yaml")} - {"kustomization.yaml"}
    check(listed == set(yaml.safe_load((HERE / "base/kustomization.yaml").read_text())["resources"]), "base: a file is not listed")
    forms = {"base": base, "kustomize base": kustomized(HERE / "base"), "helm": rendered({})}
    for folder in sorted((HERE / "overlays").iterdir()):
        forms[f"overlays/{folder.name}"] = kustomized(folder)
    forms["helm, v1beta1"] = rendered({"apiVersion": "v1beta1"})
    for name, form in forms.items():
        for manifest in form.values():
            try:
                kubernetes_validate.validate(manifest, VERSION, strict=True)
            except (kubernetes_validate.ValidationError, kubernetes_validate.SchemaNotFoundError) as error:
                check(False, f"{name}: {key(manifest)}: {error}")

    parameters, policy = ("ConfigMap", "tcptune-inject"), ("MutatingAdmissionPolicy", "tcptune-inject")
    check(forms["kustomize base"] == base, "kustomize builds something else than what lies in base")
    # Helm makes the namespace itself.
    alone = {name: manifest for name, manifest in base.items() if name[0] != "Namespace"}
    check(forms["helm"] == alone, "Helm renders something else than what lies in base")
    check(differences(forms["overlays/canary"], base) == {parameters, policy}, "overlays/canary changes something else")
    check(differences(forms["overlays/image-volume"], base) == {parameters}, "overlays/image-volume changes something else")
    beta = {name: ({**m, "apiVersion": "admissionregistration.k8s.io/v1beta1"} if name[0].startswith("Mutating") else m)
            for name, m in base.items()}
    check(forms["overlays/v1beta1"] == beta, "overlays/v1beta1 changes something else")
    check(forms["helm, v1beta1"] == {n: m for n, m in beta.items() if n[0] != "Namespace"}, "Helm with v1beta1 is not overlays/v1beta1")
    canary = rendered({"parameters": forms["overlays/canary"][parameters]["data"], "onlyNamespaces": ["shop", "checkout"]})
    check(canary == {n: m for n, m in forms["overlays/canary"].items() if n[0] != "Namespace"}, "Helm cannot render overlays/canary")
    moved = rendered({"excludeNamespaces": ["db"]}, namespace="elsewhere")
    check(moved[parameters]["metadata"]["namespace"] == "elsewhere", "Helm leaves the parameters in another namespace")
    check(all(m["spec"]["paramRef"]["namespace"] == "elsewhere" for n, m in moved.items() if n[0].endswith("Binding")),
          "Helm leaves a binding without its parameters")
    check(moved[policy]["spec"]["matchConstraints"]["namespaceSelector"]["matchExpressions"][-1]["values"] == ["db"],
          "Helm forgets excludeNamespaces")

    schema = json.loads((HERE / "values.schema.json").read_text())["properties"]["parameters"]["properties"]
    check(set(schema) == set(base[parameters]["data"]), "values.schema.json does not know the parameters of base")
    check(not refused({"parameters": base[parameters]["data"]}), "values.schema.json refuses the parameters of base")
    for values in ({"parameters": {"connections": 5}}, {"parameters": {"connections": "101"}}, {"parameters": {"conections": "5"}},
                   {"parameters": {"method": "csi"}}, {"parameters": {"settings": "LD_PRELOAD=x"}}, {"parameter": {}}):
        check(refused(values), f"values.schema.json takes {values}")
    report = helm_python.lint(str(HERE))
    check(not report["errors"] and all(m["severity"] < 2 for m in report["messages"]), f"helm lint: {report}")
    return found


def differences(one, other):
    return {name for name in set(one) | set(other) if one.get(name) != other.get(name)}
