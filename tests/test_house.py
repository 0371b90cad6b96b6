"""The documents and files around the code say what the code does."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts import healthcheck

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ["requirements.lock", "requirements-dev.lock", "requirements-bench.lock"]


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def canonical(requirement: str) -> str:
    """A package's name without extras and ranges, as registries compare it."""
    match = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert match, requirement
    return re.sub(r"[-_.]+", "-", match.group()).lower()


def project() -> dict[str, Any]:
    return tomllib.loads(text_of("pyproject.toml"))["project"]


def table_rows(document: str) -> list[list[str]]:
    """The cells of every table row of a Markdown document."""
    lines = [line for line in text_of(document).splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def tracked_files() -> list[str]:
    """Files that git tracks, or would if they were added."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if found.returncode:
        pytest.skip("not a git checkout")
    return [name for name in found.stdout.splitlines() if (ROOT / name).is_file()]


# --- Dependencies ---------------------------------------------------------------------------------


def test_the_readme_says_what_every_runtime_dependency_is_for() -> None:
    section = text_of("README.md").split("## Dependencies", 1)[1].split("\n## ", 1)[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line[:1] == "|"]
    named = {canonical(cell) for row in rows[2:] for cell in re.findall(r"`([^`]+)`", row[0])}
    assert named == {canonical(requirement) for requirement in project()["dependencies"]}
    assert all(len(row) >= 2 and row[1] for row in rows)


@pytest.mark.parametrize("name", LOCKS)
def test_every_package_of_a_lock_is_pinned_with_hashes(name: str) -> None:
    entries = re.findall(
        r"^([a-zA-Z0-9][^\s]*)( \\)?\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)*)", text_of(name), re.M
    )
    assert len(entries) > 50
    for requirement, _, hashes in entries:
        assert re.fullmatch(r"[A-Za-z0-9._-]+==[^\s=]+", requirement), requirement
        assert hashes, requirement


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_names_no_package_index(name: str) -> None:
    assert not re.findall(
        r"^\s*(?:-i\b|-f\b|--(?:extra-)?index-url|--find-links|--trusted-host).*", text_of(name), re.M
    )
    assert "://" not in text_of(name)


def test_the_locks_hold_every_dependency_and_agree_with_each_other() -> None:
    pins = {name: dict(re.findall(r"^([A-Za-z0-9._-]+)==(\S+)", text_of(name), re.M)) for name in LOCKS}
    runtime, development, benchmarks = ({canonical(each): pin for each, pin in pins[name].items()} for name in LOCKS)
    assert {canonical(requirement) for requirement in project()["dependencies"]} <= set(runtime)
    for extra, lock in (("dev", development), ("bench", benchmarks)):
        assert {canonical(requirement) for requirement in project()["optional-dependencies"][extra]} <= set(lock)
        assert runtime.items() <= lock.items()
    shared = development.keys() & benchmarks.keys()
    assert {name: development[name] for name in shared} == {name: benchmarks[name] for name in shared}


# --- Settings -------------------------------------------------------------------------------------


def settings_read() -> dict[str, ast.expr | None]:
    """Every environment variable that config/settings.py reads, with the expression of its default."""
    found: dict[str, ast.expr | None] = {}
    for node in ast.walk(ast.parse(text_of("config/settings.py"))):
        if not (isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant)):
            continue
        function = ast.unparse(node.func)
        if re.fullmatch(r"env\.\w+|json_setting", function):
            defaults = [keyword.value for keyword in node.keywords if keyword.arg == "default"] or node.args[1:2]
            found[str(node.args[0].value)] = defaults[0] if defaults else None
    return found


def shown_default(default: ast.expr | None) -> str | None:
    """How a plain default is written in the table; None for one that is computed or empty."""
    try:
        value = eval(compile(ast.Expression(default), "default", "eval"), {"__builtins__": {}}) if default else None
    except (NameError, TypeError):
        return None
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, int) or (isinstance(value, str) and value):
        return f"`{value}`"
    return None


def test_the_configuration_page_lists_every_setting_with_its_default() -> None:
    documented = {row[0].strip("`"): row for row in table_rows("docs/configuration.md") if row[0].startswith("`")}
    read = settings_read()
    assert len(read) > 80
    assert sorted(set(read) - set(documented)) == []
    wrong = {
        name: (shown, documented[name][2])
        for name, default in read.items()
        if (shown := shown_default(default)) and not documented[name][2].startswith(shown)
    }
    assert wrong == {}
    assert [name for name, row in documented.items() if len(row) != 4 or not row[3]] == []


def test_the_configuration_page_lists_nothing_that_is_not_read() -> None:
    documented = {row[0].strip("`") for row in table_rows("docs/configuration.md") if row[0].startswith("`")}
    readers = (
        "config/gunicorn.py",
        "scripts/run",
        "scripts/prepare.py",
        "scripts/healthcheck.py",
        "docker-compose.yml",
    )
    server = "".join(map(text_of, readers))
    # gunicorn itself reads FORWARDED_ALLOW_IPS; the others of its section are read by the files above.
    unknown = {name for name in documented - set(settings_read()) if not re.search(rf"\b{name}\b", server)}
    assert unknown == set()


def test_the_example_environment_names_only_variables_that_something_reads() -> None:
    named = set(re.findall(r"^#?([A-Z][A-Z0-9_]+)=", text_of(".env.example"), re.M))
    composed = set(re.findall(r"\$\{([A-Z0-9_]+)", text_of("docker-compose.yml")))
    documented = {row[0].strip("`") for row in table_rows("docs/configuration.md")}
    assert named - composed - documented == set()
    assert composed - {"MATRICULA_TAG"} <= named


# --- Ways to run ----------------------------------------------------------------------------------


def test_make_help_lists_every_target() -> None:
    targets = set(re.findall(r"^([a-z][a-z-]*):", text_of("Makefile"), re.M))
    shown = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert set(re.findall(r"^ +make ([a-z-]+) ", shown, re.M)) == targets
    assert {
        "run",
        "test",
        "test-services",
        "lint",
        "types",
        "check",
        "bench",
        "bench-oulad",
        "lock",
        "clean",
    } <= targets


def test_every_make_target_that_the_documents_name_exists() -> None:
    targets = set(re.findall(r"^([a-z][a-z-]*):", text_of("Makefile"), re.M))
    documents = ["README.md", "CONTRIBUTING.md", ".ci/run", *(f"docs/{page.name}" for page in ROOT.glob("docs/*.md"))]
    command = re.compile(r"(?:`|^|\")make ([a-z][a-z-]+)", re.M)
    named = {name for document in documents for name in command.findall(text_of(document))}
    assert named <= targets


def test_compose_runs_every_part_with_a_health_check_and_no_secret_of_its_own() -> None:
    compose = yaml.safe_load(text_of("docker-compose.yml"))
    services = compose["services"]
    assert set(services) == {"postgres", "redis", "migrate", "web", "worker", "beat"}
    for name, service in services.items():
        if name == "migrate":
            assert service["restart"] == "no"
            continue
        assert service["healthcheck"]["test"], name
        assert service["volumes"], name
    for name in ["web", "worker", "beat"]:
        needs = services[name]["depends_on"]
        assert needs["migrate"]["condition"] == "service_completed_successfully"
        assert needs["postgres"]["condition"] == needs["redis"]["condition"] == "service_healthy"
        for secret in ["SECRET_KEY", "JWT_PRIVATE_KEY"]:
            assert services[name]["environment"][secret].startswith(f"${{{secret}:?")
    assert services["postgres"]["environment"]["POSTGRES_PASSWORD"].startswith("${POSTGRES_PASSWORD:?")
    mounted = {volume.split(":")[0] for service in services.values() for volume in service.get("volumes", [])}
    assert mounted == set(compose["volumes"])


def test_every_variable_of_the_containers_is_documented() -> None:
    compose = yaml.safe_load(text_of("docker-compose.yml"))
    given = {name for service in compose["services"].values() for name in service.get("environment", {})}
    given |= set(re.findall(r"\$\{([A-Z0-9_]+)", text_of("docker-compose.yml")))
    built = " ".join(re.findall(r"^ENV (.*(?:\\\n.*)*)", text_of("Dockerfile"), re.M))
    given |= set(re.findall(r"\b([A-Z_]+)=", built))
    foreign = {name for name in given if name == "PATH" or name.startswith(("PYTHON", "PIP_", "POSTGRES_"))}
    documented = {row[0].strip("`") for row in table_rows("docs/configuration.md")}
    assert len(given) > 15
    assert given - foreign - documented == set()


def test_what_the_containers_run_exists_in_the_image() -> None:
    compose = yaml.safe_load(text_of("docker-compose.yml"))
    started = [
        service["command"] for name, service in compose["services"].items() if name in {"migrate", "worker", "beat"}
    ]
    checked = [service["healthcheck"].get("test", []) for service in compose["services"].values()]
    modules = {words[words.index("-m") + 1] for words in checked if "-m" in words}
    assert modules == {"scripts.healthcheck"}
    roles = {words[-1] for words in checked if "scripts.healthcheck" in words}
    assert roles == set(healthcheck.ROLES)
    assert {words[0] for words in started} == {"python", "celery"}
    assert {words[words.index("--app") + 1] for words in started if "--app" in words} == {"config.celery"}
    schedule = next(words[words.index("--schedule") + 1] for words in started if "--schedule" in words)
    assert schedule == str(healthcheck.BEAT_SCHEDULE)
    owned = re.search(
        r"install --directory --owner=matricula --group=matricula (.+?) *(?:\\\\)?$", text_of("Dockerfile"), re.M
    )
    assert owned
    assert {"/srv/data", str(Path(schedule).parent)} <= set(owned[1].split())


def test_the_image_holds_what_its_commands_need() -> None:
    kept = set(re.findall(r"^!(.+)$", text_of(".dockerignore"), re.M))
    packages = project_packages()
    assert packages <= kept
    assert {"scripts", "demo", "manage.py"} <= kept
    dockerfile = text_of("Dockerfile")
    assert "--require-hashes" in dockerfile
    assert re.search(r"^USER (?!root)", dockerfile, re.M)
    assert "HEALTHCHECK" in dockerfile


def project_packages() -> set[str]:
    return {path.parent.name for path in ROOT.glob("*/apps.py")} | {"config"}


# --- The checkout ---------------------------------------------------------------------------------


def test_no_tracked_file_names_a_machine_path_or_a_package_registry() -> None:
    # The registries' names are written in pieces, so that this file does not name them either.
    registries = [re.escape(name + ".org") for name in ("pypi", "pythonhosted", "npmjs")]
    forbidden = re.compile("|".join([re.escape(f"{ROOT}/"), r"/(?:root|home/\w+)/\.", *registries]))
    offenders = []
    for name in tracked_files():
        try:
            content = text_of(name)
        except UnicodeDecodeError:
            continue
        offenders += [f"{name}: {found.group()}" for found in forbidden.finditer(content)]
    assert offenders == []


def test_the_project_carries_its_licence() -> None:
    assert project()["license"] == "Apache-2.0"
    licence = text_of("LICENSE")
    assert "Apache License" in licence
    assert "END OF TERMS AND CONDITIONS" in licence


def test_every_relative_link_of_the_documents_leads_somewhere() -> None:
    link = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")
    documents = [name for name in tracked_files() if name.endswith(".md")]
    links = [(name, target) for name in documents for target in link.findall(text_of(name))]
    dead = [pair for pair in links if not (ROOT / pair[0]).parent.joinpath(pair[1]).exists()]
    assert dead == []


# --- Commands -------------------------------------------------------------------------------------


def test_the_operations_page_lists_every_command_for_enterprise_customers_and_programs() -> None:
    apps = ("enterprise", "saml_admin", "program_enrollments")
    commands = {path.stem for app in apps for path in (ROOT / app / "management/commands").glob("[!_]*.py")}
    listed = [re.fullmatch(r"`(\w+)`", row[0]) for row in table_rows("docs/operations.md") if len(row) == 2]
    names = [match[1] for match in listed if match]
    assert names == sorted(commands)
