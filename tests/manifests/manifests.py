"""What the manifests promise, held against what kustomize and helm render.

    checks/manifests.sh

runs it with what it needs. Each test goes through k8s/, every overlay and the chart.
"""

import json
import pathlib
import re
import shutil
import subprocess
import tempfile
import time
import unittest
import urllib.error
import urllib.request

import kubernetes_validate
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHART = ROOT / "helm" / "inference-service"
BINARY = ROOT / "target" / "release" / "inference-service"

# The oldest that has preStop.sleep, and the newest whose schemas there are.
VERSIONS = ["1.30", kubernetes_validate.latest_version()]

# Of others; their schemas are in none of Kubernetes' versions.
FOREIGN = {"ScaledObject", "ServiceMonitor", "PodMonitor", "PrometheusRule"}

# Variables that the service reads beside its table of settings: the model hub's (README).
HUB_VARIABLES = {
    "HF_HOME", "HF_HUB_CACHE", "HF_ENDPOINT", "HF_TOKEN", "HF_HUB_OFFLINE", "HTTPS_PROXY", "NO_PROXY",
    "SSL_CERT_FILE",
}


def run(*command):
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout


def kustomize(folder):
    if shutil.which("kustomize"):
        return load(run("kustomize", "build", folder))
    return load(run("kubectl", "kustomize", folder))


def helm(*flags, hooks=False):
    command = ["helm", "template", "inference", str(CHART), "--kube-version", VERSIONS[0] + ".0"]
    if not hooks:
        command.append("--no-hooks")
    return load(run(*command, *flags))


def load(text):
    return [document for document in yaml.safe_load_all(text) if document]


def rendered():
    """Each way to deploy, by name: its objects."""
    ways = {"k8s": kustomize("k8s")}
    for overlay in sorted((ROOT / "overlays").iterdir()):
        ways[f"overlays/{overlay.name}"] = kustomize(f"overlays/{overlay.name}")
    values = ["-f", str(CHART / "values.yaml")]
    ways["chart"] = helm(*values)
    ways["chart, tests"] = helm(*values, hooks=True)
    ways["chart, gpu"] = helm(*values, "-f", str(CHART / "values-gpu.yaml"))
    ways["chart, random"] = helm("--set", "config.MODEL_PRETRAINED=random,networkPolicy.allowModelHub=false")
    ways["chart, fixed"] = helm("--set", "autoscaling.enabled=false,service.type=ClusterIP")
    return ways


WAYS = rendered()


def of(objects, kind, name=None):
    found = [o for o in objects if o["kind"] == kind and name in (None, o["metadata"]["name"])]
    return found[0] if len(found) == 1 else found


def container(objects):
    return of(objects, "Deployment")["spec"]["template"]["spec"]["containers"][0]


def quantity(text):
    """A number of Kubernetes: CPUs, bytes or pieces."""
    number, unit = re.fullmatch(r"([0-9.]+)([a-zA-Z]*)", str(text)).groups()
    units = {"": 1, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}
    return float(number) * units[unit]


def every_way(test):
    """Runs a test that takes the objects of one way for each of them."""

    def each(self):
        for way, objects in WAYS.items():
            with self.subTest(way):
                test(self, objects)

    return each


class EveryWay(unittest.TestCase):
    @every_way
    def test_schemas_are_kept_to_the_letter(self, objects):
        for document in objects:
            if document["kind"] in FOREIGN:
                continue
            for version in VERSIONS:
                kubernetes_validate.validate(document, version, strict=True)

    @every_way
    def test_names_and_numbers_of_the_plan(self, objects):
        self.assertEqual(of(objects, "Namespace")["metadata"]["name"], "inference")
        for document in objects:
            if document["kind"] != "Namespace" and document["metadata"].get("namespace") != "monitoring":
                self.assertEqual(document["metadata"]["namespace"], "inference", document["kind"])
        deployment = of(objects, "Deployment", "inference-deploy")
        labels = deployment["spec"]["template"]["metadata"]["labels"]
        self.assertEqual(labels["app"], "inference-service")
        self.assertEqual(deployment["spec"]["selector"]["matchLabels"], {"app": "inference-service"})
        config = [o for o in objects if o["kind"] == "ConfigMap" and "MODEL_NAME" in o.get("data", {})]
        self.assertEqual(len(config), 1)
        self.assertTrue({"MODEL_NAME", "MODEL_PRETRAINED", "LOG_LEVEL"} <= set(config[0]["data"]))
        self.assertEqual(container(objects)["envFrom"][0]["configMapRef"]["name"], config[0]["metadata"]["name"])
        resources = container(objects)["resources"]
        self.assertEqual(resources["requests"], {"cpu": "500m", "memory": "1Gi"})
        self.assertEqual(resources["limits"]["cpu"], "2000m")
        if "nvidia.com/gpu" not in resources["limits"]:
            self.assertEqual(resources["limits"]["memory"], "3Gi")
        self.assertEqual(of(objects, "PodDisruptionBudget", "inference-pdb")["spec"]["minAvailable"], 1)
        ports = {port["name"]: port["containerPort"] for port in container(objects)["ports"]}
        self.assertEqual(ports, {"http": 8002, "admin": 9090})

    @every_way
    def test_the_node_port_is_the_one_that_kind_forwards(self, objects):
        kind = yaml.safe_load((ROOT / "kind-config.yaml").read_text())
        self.assertEqual(kind["name"], "inference-cluster")
        mapping = kind["nodes"][0]["extraPortMappings"][0]
        self.assertEqual((mapping["containerPort"], mapping["hostPort"]), (30092, 8092))
        service = of(objects, "Service", "inference-service")
        port = service["spec"]["ports"][0]
        self.assertEqual((port["port"], port["targetPort"]), (8002, "http"))
        if service["spec"]["type"] == "NodePort":
            self.assertEqual(port["nodePort"], 30092)

    @every_way
    def test_the_autoscaler_and_nobody_else_says_how_many(self, objects):
        scalers = of(objects, "HorizontalPodAutoscaler"), of(objects, "ScaledObject")
        deployment = of(objects, "Deployment")["spec"]
        self.assertEqual("replicas" in deployment, scalers == ([], []))
        if scalers[0]:
            spec = scalers[0]["spec"]
            self.assertEqual(scalers[0]["metadata"]["name"], "inference-hpa")
            self.assertEqual((spec["minReplicas"], spec["maxReplicas"]), (2, 6))
            self.assertEqual(spec["metrics"][0]["resource"]["target"]["averageUtilization"], 60)
            self.assertEqual(spec["behavior"]["scaleUp"]["stabilizationWindowSeconds"], 30)
            self.assertEqual(spec["behavior"]["scaleDown"]["stabilizationWindowSeconds"], 180)

    @every_way
    def test_the_quota_admits_the_autoscalers_most_a_rollout_and_one_that_ends(self, objects):
        scaler, keda = of(objects, "HorizontalPodAutoscaler"), of(objects, "ScaledObject")
        most = scaler["spec"]["maxReplicas"] if scaler else (
            keda["spec"]["maxReplicaCount"] if keda else of(objects, "Deployment")["spec"]["replicas"])
        strategy = of(objects, "Deployment")["spec"]["strategy"]["rollingUpdate"]
        self.assertEqual(strategy, {"maxSurge": 1, "maxUnavailable": 0})
        pods = most + strategy["maxSurge"] + 1
        hard = of(objects, "ResourceQuota", "inference-quota")["spec"]["hard"]
        self.assertGreaterEqual(quantity(hard["pods"]), pods)
        spec = of(objects, "Deployment")["spec"]["template"]["spec"]
        for which in ["requests", "limits"]:
            for resource in ["cpu", "memory"]:
                # An init container's demand counts where it is above that of the others.
                need = max(
                    sum(quantity(c["resources"][which][resource]) for c in containers)
                    for containers in [spec["containers"], *([c] for c in spec.get("initContainers", []))])
                allowed = quantity(hard[f"{which}.{resource}"])
                self.assertGreaterEqual(allowed, pods * need, f"{which}.{resource} for {pods} pods")

    @every_way
    def test_every_field_of_the_restricted_standard(self, objects):
        labels = of(objects, "Namespace")["metadata"]["labels"]
        self.assertEqual(labels["pod-security.kubernetes.io/enforce"], "restricted")
        pods = [o["spec"] for o in objects if o["kind"] == "Pod"]
        for pod in [of(objects, "Deployment")["spec"]["template"]["spec"], *pods]:
            for field in ["hostNetwork", "hostPID", "hostIPC"]:
                self.assertNotIn(field, pod)
            self.assertIs(pod["automountServiceAccountToken"], False)
            security = pod["securityContext"]
            self.assertIs(security["runAsNonRoot"], True)
            self.assertEqual(security["runAsUser"], 65532)
            self.assertEqual(security["seccompProfile"], {"type": "RuntimeDefault"})
            allowed = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim",
                       "projected", "secret"}
            for volume in pod.get("volumes", []):
                self.assertTrue(set(volume) - {"name"} <= allowed, volume)
            for part in pod["containers"] + pod.get("initContainers", []):
                security = part["securityContext"]
                self.assertIs(security["allowPrivilegeEscalation"], False)
                self.assertFalse(security.get("privileged", False))
                self.assertIs(security["readOnlyRootFilesystem"], True)
                self.assertEqual(security["capabilities"], {"drop": ["ALL"]})
                self.assertFalse(any("hostPort" in port for port in part.get("ports", [])))
                self.assertIn("limits", part["resources"])
                for probe in ["startupProbe", "readinessProbe", "livenessProbe"]:
                    self.assertNotIn("host", part.get(probe, {}).get("httpGet", {}))

    @every_way
    def test_the_stop_fits_into_the_grace_period(self, objects):
        pod = of(objects, "Deployment")["spec"]["template"]["spec"]
        environment = {e["name"]: e.get("value") for e in container(objects)["env"]}
        seconds = sum(int(environment[name].removesuffix("s")) for name in ["DRAIN_DELAY", "DRAIN_TIMEOUT"])
        sleep = container(objects)["lifecycle"]["preStop"]["sleep"]["seconds"]
        self.assertGreaterEqual(pod["terminationGracePeriodSeconds"], sleep + seconds + 5)

    @every_way
    def test_variables_are_settings_that_exist(self, objects):
        table = re.findall(r"^\| `--[a-z0-9-]+` \| `([A-Z0-9_]+)` \|", (ROOT / "README.md").read_text(), re.M)
        self.assertGreater(len(table), 20)
        names = {e["name"] for e in container(objects)["env"]}
        for config in [o for o in objects if o["kind"] == "ConfigMap" and "MODEL_NAME" in o.get("data", {})]:
            names |= set(config["data"])
        self.assertLessEqual(names, set(table) | HUB_VARIABLES)

    @every_way
    def test_everything_is_closed_but_what_is_named(self, objects):
        deny = of(objects, "NetworkPolicy", "inference-deny")["spec"]
        self.assertEqual((deny["podSelector"], deny["policyTypes"]), ({}, ["Ingress", "Egress"]))
        allow = of(objects, "NetworkPolicy", "inference-allow")["spec"]
        admin = [rule for rule in allow["ingress"] if rule["ports"][0]["port"] == "admin"]
        self.assertTrue(all(rule["from"] for rule in admin))
        seeded = any(o.get("data", {}).get("MODEL_PRETRAINED") == "random" for o in objects)
        self.assertEqual(allow["egress"] == [], seeded)


    @every_way
    def test_no_volume_hides_the_weights_of_the_image(self, objects):
        dockerfile = (ROOT / "Dockerfile").read_text()
        weights = re.search(r"HF_HUB_CACHE=\$\{PRETRAINED:\+(\S+)\}", dockerfile)[1]
        self.assertIn(f"HF_HUB_CACHE=/out{weights} ", dockerfile)
        cache = re.search(r"HF_HOME=(\S+)", dockerfile)[1]
        mounts = [mount["mountPath"] for mount in container(objects)["volumeMounts"]]
        self.assertIn(cache, mounts)
        for mount in mounts:
            self.assertFalse(pathlib.PurePath(weights).is_relative_to(mount), mount)


class Image(unittest.TestCase):
    def test_what_is_copied_is_not_ignored(self):
        kept = set(re.findall(r"^!(\S+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE))
        copies = re.findall(r"^COPY (?!--from)(.+) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
        self.assertTrue(copies)
        for source in {source for copy in copies for source in copy.split()}:
            self.assertIn(source, kept)
            self.assertTrue((ROOT / source).exists(), source)


class Kustomize(unittest.TestCase):
    def test_a_changed_setting_rolls_the_pods(self):
        with tempfile.TemporaryDirectory() as folder:
            shutil.copytree(ROOT / "k8s", pathlib.Path(folder) / "k8s")
            settings = pathlib.Path(folder) / "k8s" / "configmap.env"
            settings.write_text(settings.read_text().replace("LOG_LEVEL=info", "LOG_LEVEL=debug"))
            changed = kustomize(str(pathlib.Path(folder) / "k8s"))
        name = lambda objects: container(objects)["envFrom"][0]["configMapRef"]["name"]
        self.assertNotEqual(name(changed), name(WAYS["k8s"]))


class Chart(unittest.TestCase):
    def test_default_values_are_the_objects_of_k8s(self):
        def plain(objects):
            text = json.dumps(objects)
            objects = json.loads(re.sub(r"inference-config-[a-z0-9]{10}", "inference-config", text))
            for document in objects:
                # kustomize rolls the pods by a name, the chart by an annotation.
                template = document.get("spec", {}).get("template", {})
                template.get("metadata", {}).get("annotations", {}).pop("checksum/config", None)
            return {(o["kind"], o["metadata"]["name"]): o for o in objects}

        chart, k8s = plain(WAYS["chart"]), plain(WAYS["k8s"])
        self.assertEqual(sorted(chart), sorted(k8s))
        self.maxDiff = None
        for key in k8s:
            self.assertEqual(chart[key], k8s[key], key)

    def test_a_changed_setting_rolls_the_pods(self):
        checksum = lambda objects: of(objects, "Deployment")["spec"]["template"]["metadata"]["annotations"]["checksum/config"]
        self.assertNotEqual(checksum(helm("--set", "config.LOG_LEVEL=debug")), checksum(WAYS["chart"]))

    def test_a_misspelt_value_is_refused(self):
        for value in ["image.tga=1", "autoscaling.maxReplica=3", "resources.limit.cpu=1", "config.log_level=debug"]:
            with self.assertRaises(subprocess.CalledProcessError) as refusal:
                helm("--set", value)
            self.assertIn("schema", refusal.exception.stderr)

    def test_a_quota_that_stops_a_rollout_is_refused(self):
        for value in ["autoscaling.maxReplicas=9", "quota.limitsMemory=12Gi", "quota.limitsCPU=8"]:
            with self.assertRaises(subprocess.CalledProcessError) as refusal:
                helm("--set-string" if "quota" in value else "--set", value)
            self.assertIn("quota.", refusal.exception.stderr)


class Service(unittest.TestCase):
    """Against the binary: routes that the probes and the annotations name."""

    def test_probes_ask_routes_that_exist(self):
        flags = ["--pretrained", "random", "--port", "0", "--admin-port", "39090"]
        process = subprocess.Popen([BINARY, *flags], stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        for objects in WAYS.values():
            paths = [container(objects)[probe]["httpGet"] for probe in
                     ["startupProbe", "readinessProbe", "livenessProbe"]]
            self.assertEqual([path["port"] for path in paths], ["admin"] * 3)
            annotations = of(objects, "Deployment")["spec"]["template"]["metadata"]["annotations"]
            self.assertEqual(annotations["prometheus.io/port"], "9090")
            for path in [*(path["path"] for path in paths), annotations["prometheus.io/path"]]:
                self.assertEqual(self.status(path), 200, path)

    def status(self, path):
        for _ in range(600):
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:39090{path}", timeout=5) as answer:
                    return answer.status
            except urllib.error.HTTPError as error:
                if error.code != 503:
                    return error.code
            except OSError:
                pass
            time.sleep(0.1)
        return None


if __name__ == "__main__":
    unittest.main()
