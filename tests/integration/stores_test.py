"""Whole runs into real servers that the test starts itself, read back by clients that aren't ours: awscli,
boto3, s3cmd and rclone from Debian for S3 (Ceph), rclone for Azure Blob (Azurite). Then the store's upkeep on
Ceph: stat, verify, repair, gc and its undo, and copies between stores of different kinds."""

import base64
import hashlib
import hmac
import subprocess
import time
import urllib.parse

import servers
import support

AZURE_ACCOUNT = "athanortest"
AZURE_KEY = base64.b64encode(b"not a real key, only long enough").decode()
# Names that break clients which encode once too often or too seldom.
HARD_NAMES = ["plus+plus", "per%cent%2F", "equals=~!", "blank blank'(a)&b", "ümlaut-漢字", "k" * 200]


class Stores(support.Scenario):
    def setUp(self):
        super().setUp()
        self.nginx = support.Nginx(self, self.folder / "www")
        channel = self.make_channel("team", "--packages", 12, "--base-url", f"{self.nginx.url}/team")
        self.locks = sorted((channel / "locks").glob("team-*.conda-lock.yml"))

    def tool(self, *command, **variables):
        done = subprocess.run(list(map(str, command)), env=dict(self.environment, **variables), cwd=self.folder,
                              capture_output=True, timeout=120)
        self.assertEqual(done.returncode, 0, f"{command[:2]}: {done.stderr.decode(errors='replace')}")
        return done.stdout

    def fill_directory(self):
        """What a run into a directory makes: what every other store has to hold, too."""
        self.run_json(*self.locks, "--resolved-on", "2026-01-02T03:04:05", "--resolved-by", "test", expect=0)
        return self.objects()

    def fill(self, url):
        arguments = [*self.locks, "--resolved-on", "2026-01-02T03:04:05", "--resolved-by", "test",
                     "--store", url, "--json"]
        first = self.athanor("run", *arguments, expect=0).json
        self.assertEqual(first["environments"]["ready"], first["environments"]["total"], first)
        requests = len(self.nginx.requests())
        second = self.athanor("run", *arguments, expect=0).json
        self.assertEqual(second["packages"]["new"], 0)
        self.assertEqual(len(self.nginx.requests()), requests)
        self.athanor("check", "--all", "--store", url, expect=0)

    def files(self, folder):
        root = self.folder / folder
        return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*")
                if path.is_file() and ".athanor" not in path.relative_to(root).parts}


class Ceph(Stores):
    def setUp(self):
        super().setUp()
        ceph = servers.Ceph(self)
        self.s3, self.endpoint = ceph.s3, ceph.endpoint
        self.environment.update(AWS_ACCESS_KEY_ID=servers.S3_ID, AWS_SECRET_ACCESS_KEY=servers.S3_SECRET,
                                AWS_ENDPOINT_URL_S3=self.endpoint, AWS_DEFAULT_REGION="us-east-1",
                                AWS_EC2_METADATA_DISABLED="true")
        self.store_url = "s3://bucket/team/conda_env"

    def by_boto3(self):
        found = {}
        for page in self.s3.get_paginator("list_objects_v2").paginate(Bucket="bucket", Prefix="team/conda_env/"):
            for item in page.get("Contents", []):
                key = item["Key"].removeprefix("team/conda_env/")
                if not key.startswith(".athanor/"):
                    found[key] = self.s3.get_object(Bucket="bucket", Key=item["Key"])["Body"].read()
        return found

    def by_awscli(self):
        self.tool("/usr/bin/aws", "--endpoint-url", self.endpoint, "s3", "sync", "--quiet",
                  "s3://bucket/team/conda_env", "by-awscli")
        return self.files("by-awscli")

    def by_s3cmd(self):
        (self.folder / "s3cfg").write_text(f"""[default]
access_key = {servers.S3_ID}
secret_key = {servers.S3_SECRET}
host_base = {self.endpoint.removeprefix("http://")}
host_bucket = {self.endpoint.removeprefix("http://")}
use_https = False
""")
        (self.folder / "by-s3cmd").mkdir()
        self.tool("/usr/bin/s3cmd", "-c", "s3cfg", "--quiet", "sync", "s3://bucket/team/conda_env/", "by-s3cmd/")
        return self.files("by-s3cmd")

    def by_rclone(self):
        self.tool("/usr/bin/rclone", "copy", "ceph:bucket/team/conda_env", "by-rclone",
                  RCLONE_CONFIG_CEPH_TYPE="s3", RCLONE_CONFIG_CEPH_PROVIDER="Ceph", RCLONE_CONFIG_CEPH_ENV_AUTH="true",
                  RCLONE_CONFIG_CEPH_ENDPOINT=self.endpoint)
        return self.files("by-rclone")

    def test_what_a_run_writes_is_what_four_other_clients_read(self):
        expected = self.fill_directory()
        self.fill(self.store_url)
        for reader in (self.by_boto3, self.by_awscli, self.by_s3cmd, self.by_rclone):
            self.assertEqual(reader(), expected, reader.__name__)

    def test_hard_keys_copied_to_ceph_are_read_by_the_others_and_theirs_by_us(self):
        # A copy takes packages under any source: the hard names are folders of the source's path.
        expected = {}
        for name in HARD_NAMES:
            data = f"at {name}".encode() + b"PK\5\6" + bytes(18)
            key = f"packages/conda/host/{name}/x-1-0.conda/x-1-0.conda/{hashlib.md5(data).hexdigest()}/x-1-0.conda"
            expected[key] = data
            (self.store / key).parent.mkdir(parents=True)
            (self.store / key).write_bytes(data)
        self.athanor("store", "copy", self.store, self.store_url, expect=0)
        for reader in (self.by_boto3, self.by_awscli, self.by_s3cmd, self.by_rclone):
            self.assertEqual(reader(), expected, reader.__name__)
        # Written by another client, verified and copied home by us.
        for key in expected:
            self.s3.delete_object(Bucket="bucket", Key=f"team/conda_env/{key}")
            self.s3.put_object(Bucket="bucket", Key=f"team/conda_env/{key}", Body=expected[key])
        self.athanor("store", "verify", "--store", self.store_url, expect=0)
        self.athanor("store", "copy", self.store_url, self.folder / "home-again", expect=0)
        self.assertEqual(self.files("home-again"), expected)

    def test_upkeep_finds_mends_collects_and_takes_back(self):
        expected = self.fill_directory()
        self.athanor("store", "copy", self.store, self.store_url, expect=0)
        self.assertEqual(self.by_boto3(), expected)
        stat = self.athanor("store", "stat", "--store", self.store_url, "--json", expect=0).json
        packages = {key: data for key, data in expected.items() if key.startswith("packages/")}
        self.assertEqual(stat["packages"], {"objects": len(packages), "bytes": sum(map(len, packages.values()))})
        self.assertGreater(stat["requests"]["list"]["calls"], 0)
        self.athanor("store", "verify", "--store", self.store_url, expect=0)

        # Somebody else's second hash, a cut object that nobody names, and one that somebody does.
        named = next(key for key in packages if key.endswith(".conda"))
        folder, _, filename = named.rsplit("/", 2)
        second = f"{folder}/{'0' * 32}/{filename}"
        stray = f"packages/conda/host/ch/noarch/old-1-0.conda/old-1-0.conda/{'1' * 32}/old-1-0.conda"
        for key in (second, stray):
            self.s3.put_object(Bucket="bucket", Key=f"team/conda_env/{key}", Body=b"cut")
        found = self.athanor("store", "verify", "--store", self.store_url, "--json", expect=3).json
        self.assertEqual(found["counts"], {"slot_conflict": 2, "truncated": 2}, found)
        self.athanor("store", "stat", "--store", self.store_url, expect=3)
        self.athanor("store", "repair", "--store", self.store_url, expect=1)
        self.assertIn(second, self.by_boto3())  # a plan changes nothing
        done = self.athanor("store", "repair", "--store", self.store_url, "--yes", "--json", expect=0).json
        self.assertEqual(done["taken_away"], 2)
        self.assertEqual(self.by_boto3(), expected)
        self.athanor("store", "gc", "undo", done["id"], "--store", self.store_url, expect=1)  # a slot is taken again
        self.assertIn(stray, self.by_boto3())

        # Without its environments nothing is needed but what a lock file says.
        for key in expected:
            if key.startswith("envs/"):
                self.s3.delete_object(Bucket="bucket", Key=f"team/conda_env/{key}")
        self.athanor("store", "gc", "--store", self.store_url, expect=2)
        plan = self.athanor("store", "gc", *self.locks, "--store", self.store_url, "--grace", "0s", "--plan", "gc.plan",
                            "--json", expect=0).json
        self.assertEqual((plan["unneeded"], plan["kept_by_lists"]), (1, len(packages)), plan)
        self.athanor("store", "gc", "apply", "gc.plan", "--store", self.store_url, expect=2)
        applied = self.athanor("store", "gc", "apply", "gc.plan", "--store", self.store_url, "--yes", "--json",
                               expect=0).json
        self.assertEqual(applied["taken_away"], 1)
        self.assertEqual(set(self.by_boto3()), set(packages))
        self.athanor("store", "gc", "undo", applied["id"], "--store", self.store_url, expect=0)
        self.assertIn(stray, self.by_boto3())


class Azurite(Stores):
    def setUp(self):
        super().setUp()
        self.port = support.free_port()
        servers.Server(self, "azurite", self.folder / "azurite", self.port, AZURE_ACCOUNT, AZURE_KEY)
        self.endpoint = f"http://127.0.0.1:{self.port}/{AZURE_ACCOUNT}"
        self.environment["AZURE_STORAGE_CONNECTION_STRING"] = \
            f"AccountName={AZURE_ACCOUNT};AccountKey={AZURE_KEY};BlobEndpoint={self.endpoint}"
        subprocess.run(["curl", "-sS", "--fail", "-o", "/dev/null", "-X", "PUT", "-H", "Content-Length: 0",
                        "-H", "x-ms-version: 2021-12-02",
                        f"{self.endpoint}/container?restype=container&{self.account_signature()}"], check=True)

    @staticmethod
    def account_signature():
        """A shared access signature of the whole account, made with nothing of ours."""
        expires = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
        fields = {"sv": "2021-12-02", "ss": "b", "srt": "sco", "sp": "rwdlac", "se": expires}
        text = "\n".join([AZURE_ACCOUNT, fields["sp"], fields["ss"], fields["srt"], "", expires, "", "", fields["sv"],
                          "", ""])
        digest = hmac.new(base64.b64decode(AZURE_KEY), text.encode(), hashlib.sha256).digest()
        return urllib.parse.urlencode(dict(fields, sig=base64.b64encode(digest).decode()))

    def test_what_a_run_writes_is_what_rclone_reads(self):
        expected = self.fill_directory()
        self.fill("az://container/team/conda_env")
        self.tool("/usr/bin/rclone", "copy", "azure:container/team/conda_env", "by-rclone",
                  RCLONE_CONFIG_AZURE_TYPE="azureblob",
                  RCLONE_CONFIG_AZURE_SAS_URL=f"{self.endpoint}/container?{self.account_signature()}")
        self.assertEqual(self.files("by-rclone"), expected)
        # And from cloud to cloud kind, by way of a directory that it must equal.
        self.athanor("store", "copy", "az://container/team/conda_env", self.folder / "home-again", expect=0)
        self.assertEqual(self.files("home-again"), expected)


class Gcs(Stores):
    """Against a fake of ours: no emulator that keeps conditions can be installed from a package archive."""

    def test_a_run_and_a_copy(self):
        expected = self.fill_directory()
        port = support.free_port()
        (self.folder / "gcs").mkdir()
        servers.Server(self, "gcs-fake", self.folder / "gcs", port)
        self.environment["GOOGLE_APPLICATION_CREDENTIALS"] = str(self.folder / "gcs" / "account.json")
        url = f"gs://bucket-1/team/conda_env?endpoint=http://127.0.0.1:{port}"
        self.fill(url)
        self.athanor("store", "copy", url, self.folder / "home-again", expect=0)
        self.assertEqual(self.files("home-again"), expected)


if __name__ == "__main__":
    support.main()
