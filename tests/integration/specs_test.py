#!/usr/bin/python3
"""From what people write to environments in a store: specs, manifests and settings files over made
channels, a made pypi index with the real pip, and the real files where there is real data."""

import bz2
import csv
import hashlib
import io
import json
import shutil
import tarfile
import unittest
import zipfile

import support
from support import DATA, Nginx, Scenario


def conda_package(name, version, depends=(), subdir="linux-64"):
    """(file name, bytes, record) of the smallest package there is."""
    record = {"name": name, "version": version, "build": "0", "build_number": 0, "depends": list(depends),
              "subdir": subdir}
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for path, data in (("info/index.json", json.dumps(record).encode()), ("info/files", b""),
                           (f"share/{name}", f"{name} {version} {subdir}\n".encode())):
            member = tarfile.TarInfo(path)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    data = bz2.compress(buffer.getvalue())
    record.update(md5=hashlib.md5(data).hexdigest(), sha256=hashlib.sha256(data).hexdigest(), size=len(data))
    return f"{name}-{version}-0.tar.bz2", data, record


def write_channel(folder, packages):
    """packages: [(name, version, depends, subdir)]; every subdir gets an index."""
    subdirs = {}
    for name, version, depends, subdir in packages:
        file, data, record = conda_package(name, version, depends, subdir)
        (folder / subdir).mkdir(parents=True, exist_ok=True)
        (folder / subdir / file).write_bytes(data)
        subdirs.setdefault(subdir, {})[file] = record
    for subdir in {"noarch", *subdirs}:
        (folder / subdir).mkdir(parents=True, exist_ok=True)
        index = {"info": {"subdir": subdir}, "packages": subdirs.get(subdir, {}), "packages.conda": {}}
        (folder / subdir / "repodata.json").write_text(json.dumps(index))


def wheel(folder, name, version, requires=()):
    buffer = io.BytesIO()
    info = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    metadata += "".join(f"Requires-Dist: {each}\n" for each in requires)
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(f"{name}.py", f"VERSION = '{version}'\n")
        archive.writestr(f"{info}/METADATA", metadata)
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: made\nRoot-Is-Purelib: true\n"
                                          "Tag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    file = f"{name}-{version}-py3-none-any.whl"
    (folder / "files").mkdir(parents=True, exist_ok=True)
    (folder / "files" / file).write_bytes(buffer.getvalue())
    return file, hashlib.sha256(buffer.getvalue()).hexdigest()


def write_index(folder, files):
    """files: {name: [(file, sha256)]}: a simple index (PEP 503)."""
    for name, entries in files.items():
        page = folder / "simple" / name
        page.mkdir(parents=True)
        links = "".join(f'<a href="/pypi/files/{file}#sha256={digest}">{file}</a>\n' for file, digest in entries)
        (page / "index.html").write_text(f"<!DOCTYPE html><html><body>\n{links}</body></html>\n")


class Specs(Scenario):
    def setUp(self):
        super().setUp()
        self.www = self.folder / "www"
        both = [(name, version, depends, subdir) for subdir in ("linux-64", "osx-arm64")
                for name, version, depends in (("python", "3.11.5", ["zlib >=1.2"]), ("python", "3.10.9", []),
                                               ("zlib", "1.3", []), ("zlib", "1.1", []))]
        write_channel(self.www / "main", [*both, ("only-linux", "1.0", [], "linux-64"),
                                          ("needs-new", "1.0", ["python >=3.12", "zlib"], "noarch")])
        write_channel(self.www / "other", [("tool", "2.0", ["python"], "noarch")])
        self.origin = Nginx(self, self.www)
        (self.folder / "home" / ".condarc").write_text(f"channel_alias: {self.origin.url}\n"
                                                       "channels: [main]\n")
        self.manifest = self.folder / "environment.yml"
        self.manifest.write_text("name: train\nplatforms: [linux-64, osx-arm64]\n"
                                 "dependencies:\n  - python=3.11\n  - other::tool\n")

    def run_specs(self, *arguments, expect=0):
        return self.athanor("run", *arguments, "--store", self.store, expect=expect)

    def envs(self):
        return {key: json.loads(data) for key, data in self.objects("envs").items() if key.endswith("/env")}

    def test_a_manifest_becomes_environments_that_start_from_the_store(self):
        self.run_specs(self.manifest, "--alias", "team/train:v1")
        self.assert_store_is_whole()
        envs = self.envs()
        self.assertEqual(len(envs), 2)
        ids = {tuple(key.split("/")[2:4]) for key in envs}
        self.assertEqual(len(ids), 1, "platforms share requirement and full id")
        for env in envs.values():
            self.assertIn("conda::python==3.11", env["deps"])
            self.assertIn("conda::other::tool", env["deps"])
            self.assertIn("sys::__glibc==2.27=0", env["deps"])
            names = [package["filename"].split("-")[0] for package in env["packages"]]
            self.assertEqual(names, ["zlib", "python", "tool"])
            self.assertEqual(env["resolved_archs"], ["linux-64", "osx-arm64"])
        check = self.athanor("check", self.manifest, "--store", self.store, expect=0)
        self.assertIn("2 of 2 environments start", check.stdout)

        # Again: the store knows it, so nobody looks at an index or solves anything.
        before = len(self.origin.requests())
        objects = self.objects()
        self.run_specs(self.manifest)
        self.assertEqual(len(self.origin.requests()), before)
        self.assertEqual(self.objects(), objects)
        resolved = self.athanor("resolve", self.manifest, "--store", self.store, "--json", expect=0).json
        self.assertEqual(resolved["environments"][0]["reused"], ids.pop()[1])
        fresh = self.athanor("resolve", self.manifest, "--store", self.store, "--json", "--force", expect=0).json
        self.assertEqual(fresh["environments"][0]["reused"], "")

    def test_a_run_on_the_lock_file_gives_the_same_environments(self):
        self.run_specs(self.manifest)
        wanted = {key for key in self.objects() if key.startswith(("envs", "packages"))}
        for name in ("conda-lock.yml", "{environment}-{platform}.lock"):
            self.athanor("resolve", self.manifest, "--lock-out", name, expect=0)
            shutil.rmtree(self.store)
            files = sorted(self.folder.glob("conda-lock.yml" if name.endswith("yml") else "*.lock"))
            self.run_specs(*files)
            self.assertEqual({key for key in self.objects() if key.startswith(("envs", "packages"))}, wanted)

    def test_one_platform_without_a_solution_leaves_the_environment_unpublished(self):
        outcome = self.run_specs("only-linux", "zlib", "--platform", "linux-64", "--platform", "osx-arm64", expect=1)
        self.assertIn("not solved: default for osx-arm64", outcome.stderr)
        self.assertIn("only-linux", outcome.stderr)
        self.assertIn("nothing of it is published", outcome.stderr)
        self.assertFalse(self.store.exists() and self.envs())
        self.run_specs("only-linux", "zlib", "--platform", "linux-64")
        self.assertEqual(len(self.envs()), 1)

    def test_contradictions_are_told_in_words(self):
        outcome = self.athanor("resolve", "needs-new", "python=3.11", "--platform", "linux-64", expect=1)
        for word in ("needs-new", "python >=3.12"):
            self.assertIn(word, outcome.stderr)

    def test_missing_channels_and_subdirs_are_named(self):
        outcome = self.athanor("resolve", "zlib", "-c", "nowhere", "--platform", "linux-64")
        self.assertEqual(outcome.code, 1, outcome)
        self.assertIn("nowhere", outcome.stderr)
        outcome = self.athanor("resolve", "zlib", "--platform", "linux-aarch64", expect=1)
        self.assertIn("zlib", outcome.stderr)

    def test_what_is_wrong_in_a_file_is_named_with_its_line(self):
        for text, begins in (("dependencies:\n  - numpy\n  - 'a >>1'\n", "environment.yml:3:"),
                             ("dependencies:\n - a: &x [*x]\n", "environment.yml:2:"),
                             ("dependencies: [[[[\n", "environment.yml:"),
                             ("dependencies:\n- a\nplatforms: [linux-65]\n", "environment.yml:3:")):
            self.manifest.write_text(text)
            outcome = self.athanor("resolve", "environment.yml", expect=2)
            self.assertIn(begins, outcome.stderr)

    def test_extending_a_named_environment_keeps_its_packages(self):
        self.run_specs("python=3.10", "--platform", "linux-64", "--alias", "team/base:v1")
        outcome = self.athanor("resolve", "other::tool", "--using", "team/base:v1", "--platform", "linux-64",
                               "--store", self.store, "--json", expect=0).json
        platform = outcome["environments"][0]["platforms"][0]
        names = [package["url"].rsplit("/", 1)[1] for package in platform["packages"]]
        self.assertEqual(names, ["python-3.10.9-0.tar.bz2", "tool-2.0-0.tar.bz2"])
        self.assertEqual(platform["deps"]["conda"], ["other::tool", "python==3.10"])

    def test_settings_with_bindings_make_one_environment_each(self):
        (self.folder / "env.yaml").write_text("python: '3.11.*'\narchs: [linux-64]\nconda: {zlib: '>=1.2'}\n")
        (self.folder / "env.a.yaml").write_text("aliases: [team/a]\n")
        (self.folder / "env.b.yaml").write_text("conda: {zlib: '1.3', other::tool: ''}\n")
        shown = self.athanor("config", "show", "--environments", "env.yaml", expect=0).stdout
        self.assertRegex(shown, r'b\.conda\.zlib = "1\.3" +-> defined in env\.b\.yaml:1  '
                                r'\(overrides env\.yaml:3 = ">=1\.2"\)')
        self.run_specs("env.yaml")
        deps = sorted(tuple(env["deps"]) for env in self.envs().values())
        self.assertEqual([len(each) for each in deps], [4, 3])
        self.assertIn("envs/aliases/generic/team/a/latest", self.objects())

    def test_aliases_say_which_environment_they_mean(self):
        (self.folder / "one.yml").write_text("name: one\nplatforms: [linux-64]\ndependencies: [zlib]\n")
        (self.folder / "two.yml").write_text("name: two\nplatforms: [linux-64]\ndependencies: [python]\n")
        outcome = self.run_specs("one.yml", "two.yml", "--alias", "team/x", expect=2)
        self.assertIn("one, two", outcome.stderr)
        outcome = self.run_specs("one.yml", "two.yml", "--alias", "two=team/x")
        self.assertIn("envs/aliases/generic/team/x/latest", self.objects())
        self.assertIn("ready: linux-64 one of one.yml", outcome.stderr)

    @unittest.skipUnless(shutil.which("pip3", path="/usr/bin"), "python3-pip is not installed")
    def test_pypi_requirements_are_solved_by_pip(self):
        index = self.www / "pypi"
        write_index(index, {"alpha": [wheel(index, "alpha", "1.0", ["beta>=1"]), wheel(index, "alpha", "2.0")],
                            "beta": [wheel(index, "beta", "1.5")], "built": [("built-1.0.tar.gz", "0" * 64)]})
        arguments = ("--platform", "linux-64", "--index", f"{self.origin.url}/pypi/simple/")
        # Without a program nothing can be solved, and the person hears what to install.
        self.environment["PATH"] = str(self.folder)
        outcome = self.athanor("resolve", "python=3.11", "pypi::alpha<2", *arguments, expect=1)
        self.assertIn("install uv", outcome.stderr)
        self.environment["PATH"] = "/usr/bin:/bin"
        if shutil.which("uv", path="/usr/bin:/bin"):
            self.skipTest("uv is there, so pip isn't asked")
        self.manifest.write_text("dependencies:\n  - python=3.11\n  - pip:\n    - alpha<2\n"
                                 "    - beta; sys_platform == 'win32'\n")
        self.run_specs(self.manifest, *arguments)
        (env,) = self.envs().values()
        self.assertEqual([package["filename"] for package in env["packages"] if package["_type"] == "pypi"],
                         ["beta-1.5-py3-none-any", "alpha-1.0-py3-none-any"])
        self.assertEqual(env["env_type"], "pypi-only")
        self.athanor("check", self.manifest, "--store", self.store, *arguments, expect=0)
        outcome = self.athanor("resolve", "python=3.11", "pypi::built", *arguments, expect=1)
        self.assertIn("sdist", outcome.stderr)


@unittest.skipUnless((DATA / "index_specs.csv").is_file(), "no real-world data here: set ATHANOR_TEST_DATA")
class RealSpecs(Scenario):
    def test_those_that_the_rebuilt_channels_can_satisfy_are_solved(self):
        origin = Nginx(self, DATA / "repodata" / "_rebuilt_from_locks")
        (self.folder / "home" / ".condarc").write_text(
            f"channel_alias: {origin.url}\ndefault_channels: [{origin.url}/pkgs/main]\nchannels: [conda-forge]\n")
        with open(DATA / "index_specs.csv", newline="") as index:
            files = [DATA / row["file"] for row in csv.DictReader(index) if row["kind"] == "environment-yml"
                     and row["pip"] == row["dcolon"] == "0" and row["channels"] in ("conda-forge", "")]
        self.assertGreater(len(files), 50)
        outcome = self.athanor("resolve", *files, "--platform", "linux-64", "--json", "-qq")
        solved = [environment for environment in outcome.json["environments"] if environment["whole"]]
        failed = [failure for environment in outcome.json["environments"] for failure in environment["failures"]]
        print(f"{len(solved)} of {len(files)} real environment.yml files are solved")
        self.assertGreaterEqual(len(solved), 25)
        for environment in solved:
            self.assertTrue(environment["platforms"][0]["packages"] or environment["req_id"])
        for failure in failed:
            self.assertIn(failure["kind"], ("invalid", "not_found"), failure)


if __name__ == "__main__":
    support.main()
