"""What a target block says of pods, held to what Kubernetes takes. Light: `check` reads it too."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable

from mlopsc.target.capability import Option

# Of every target whose steps are pods.
OPTIONS = (
    Option("volumes", "list:string", 'Volume claims to mount: "CLAIM:/path".'),
    Option("secret", "string", "Kubernetes secret with a key for each secret(…); else PIPELINE-secrets."),
    Option("config_map", "string", "Kubernetes config map with a key for each env(…); else PIPELINE-env."),
    Option("image_pull_secrets", "list:string", "Kubernetes secrets to pull the image with."),
    Option("node_selector", "list:string", 'Labels that nodes must have: "KEY=VALUE".'),
    Option("tolerations", "list:string", 'Taints that pods bear: "KEY[=VALUE]:EFFECT".'),
    Option("labels", "list:string", 'Labels of the pods: "KEY=VALUE".'),
    Option("accelerator", "string", "Resource name of a GPU.", "nvidia.com/gpu"),
)
_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_LABEL_KEY = re.compile(r"([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_LABEL = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
_IMAGE = re.compile(
    r"((localhost|[a-z0-9]([a-z0-9-]*[a-z0-9])?|[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+)(:[0-9]{1,5})?/)?"
    r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*"
    r"(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(@[A-Za-z0-9]+:[0-9a-f]{32,128})?"
)
_KEY = re.compile(r"[-._A-Za-z0-9]{1,253}")
_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")


class BadValue(ValueError):  # noqa: N818 - told to the user with a code by who asks
    """`text` of the option is not `wanted`."""

    def __init__(self, option: str, text: str, wanted: str) -> None:
        super().__init__(f"{option}: {text!r} is not {wanted}")
        self.option = option
        self.text = text
        self.wanted = wanted


def named(option: str, text: str) -> str:
    """The name of an object."""
    if not _NAME.fullmatch(text):
        raise BadValue(option, text, "a name that Kubernetes takes")
    return text


def is_key(text: str) -> bool:
    """Whether a secret or a config map can hold a key of that name."""
    return _KEY.fullmatch(text) is not None


def image(option: str, text: str) -> str:
    """An image's reference, as registries read it: [HOST[:PORT]/]NAME[:TAG][@DIGEST], its name in lower case."""
    if not _IMAGE.fullmatch(text):
        raise BadValue(option, text, "the name of an image")
    return text


def resource(option: str, text: str) -> str:
    if not _LABEL_KEY.fullmatch(text):
        raise BadValue(option, text, "the name of a resource, such as nvidia.com/gpu")
    return text


def absolute(option: str, path: str) -> str:
    """A path that is the same wherever it is read: nothing in it is replaced, nothing leads up."""
    if not posixpath.isabs(path) or ".." in path.split("/") or "{{" in path or not path.isprintable():
        raise BadValue(option, path, "an absolute path in the pod")
    return path


def volumes(option: str, texts: Iterable[str], taken: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """(claim, path) of each CLAIM:/path, no two at one path. `taken`: folders of the pod that nothing may hide."""
    places = {place: f"at no path of the pod's own, as {place} is" for place in taken}
    found = []
    for text in texts:
        claim, sign, path = text.partition(":")
        if not sign or not posixpath.isabs(path) or ":" in path:
            raise BadValue(option, text, "CLAIM:/path")
        place = posixpath.normpath(absolute(option, path))
        for other, wanted in places.items():
            if place == other or (other in taken and _inside(place, other)):
                raise BadValue(option, text, wanted)
        places[place] = "each at a path of its own"
        found.append((named(option, claim), path))
    return tuple(found)


def _inside(one: str, other: str) -> bool:
    """Whether one of the two folders is inside the other."""
    return f"{one.rstrip('/')}/".startswith(f"{other}/") or f"{other}/".startswith(f"{one.rstrip('/')}/")


def label(option: str, text: str) -> tuple[str, str]:
    key, sign, value = text.partition("=")
    if not sign or not _LABEL_KEY.fullmatch(key) or not _LABEL.fullmatch(value):
        raise BadValue(option, text, "KEY=VALUE as Kubernetes takes it")
    return key, value


def toleration(option: str, text: str) -> dict[str, str]:
    """A manifest's toleration, of KEY[=VALUE]:EFFECT."""
    what, _, effect = text.rpartition(":")
    key, sign, value = what.partition("=")
    if effect not in _EFFECTS or not _LABEL_KEY.fullmatch(key) or not _LABEL.fullmatch(value):
        raise BadValue(option, text, f"KEY[=VALUE]:EFFECT with an effect of {', '.join(_EFFECTS)}")
    found = {"key": key, "operator": "Equal" if sign else "Exists"}
    return {**found, "value": value, "effect": effect} if sign else {**found, "effect": effect}
