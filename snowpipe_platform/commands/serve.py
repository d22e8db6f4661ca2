"""`snowpipe serve`: predictions of the deployed model over HTTP."""

import ipaddress
import json
import shlex
import sys
from collections.abc import Mapping
from contextlib import suppress

from snowpipe_platform.commands.project import Project
from snowpipe_platform.commands.terminal import print_text
from snowpipe_platform.serving.requests import CUSTOMER_KEY
from snowpipe_platform.serving.threads import compute_on_one_thread
from snowpipe_platform.spec.pipeline import Pipeline
from snowpipe_platform.spec.signature import Kind, Signature, SignedFeature, Value

_EXAMPLES: Mapping[Kind, Value] = {Kind.TEXT: "a text", Kind.TRUTH: False}
"""Of a feature without a default; a number is the least seen in training."""


def serve(project: Project, *, host: str, port: int, as_json: bool) -> int:
    """Until the process is told to end. Raises ConfigurationError when it cannot listen there, ServingError when
    another server of the home runs."""
    compute_on_one_thread()
    from snowpipe_platform.serving.answering import OnlineFeatures  # noqa: PLC0415 - as above
    from snowpipe_platform.serving.served import DeployedModel  # noqa: PLC0415 - as above
    from snowpipe_platform.serving.server import listen, serve_deployed, url_of  # noqa: PLC0415 - after the threads are set

    listening = listen(host, port)
    url = url_of(listening)
    if not _is_loopback(host):
        sys.stderr.write(f"note: whoever reaches {url} may ask; nobody is asked who they are\n")

    def ready(served: DeployedModel) -> None:
        model = served.current()
        version = None if model is None else model.version
        signature = None if model is None else model.signature
        if as_json:
            name = None if signature is None else signature.model
            told = {"url": url, "model": name, "version": version, "trouble": served.trouble()}
            sys.stdout.write(json.dumps(told) + "\n")
        else:
            _print(url, signature, version, served.trouble())
        sys.stdout.flush()

    features = OnlineFeatures(project.ground.online, groups_of(project.pipeline))
    with suppress(KeyboardInterrupt):
        serve_deployed(project.settings.endpoint_folder, listening, features=features, ready=ready)
    return 0


def groups_of(pipeline: Pipeline) -> dict[str, str]:
    """Of each model the feature group that its training set takes; a request names customers, so groups of anything
    else are not asked for."""
    found = {model.name: pipeline.feature_group(model.name) for model in pipeline.models}
    return {model: group.name for model, group in found.items() if group.entity == CUSTOMER_KEY}


def _print(url: str, signature: Signature | None, version: int | None, trouble: str | None) -> None:
    if signature is None:
        print_text(f"{url} answers once a version is deployed; Ctrl+C ends it")
    else:
        print_text(f"{signature.model} version {version} answers at {url}; Ctrl+C ends it")
    if trouble is not None:
        sys.stderr.write(f"note: {trouble}\n")
    if signature is not None:
        row = json.dumps({feature.name: _example(feature) for feature in signature.features})
        print_text(f"try: curl {url}/invocations -H 'Content-Type: application/json' -d {shlex.quote(row)}")


def _example(feature: SignedFeature) -> Value:
    value = feature.default
    if value is None:
        value = _EXAMPLES.get(feature.kind, feature.minimum or 0.0)
    if feature.kind is Kind.TRUTH:
        return bool(value)
    return int(value) if feature.kind is Kind.INTEGER and value is not None else value


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
