"""OpenStack Swift's S3 interface, an S3 that is not quite one: it answers 501 to conditional requests, so Athanor
looks first and says so. A whole run, read back by boto3, and the store's upkeep. Not part of the usual suite: it
takes long to start. Packages: swift-proxy swift-account swift-container swift-object python3-swift memcached."""

import hashlib
import random

import servers
import support

KEY_ID, SECRET = "test:tester", "swift-secret+/="


class Swift(support.Scenario):
    def setUp(self):
        super().setUp()
        port = support.free_port()
        servers.Server(self, "swift", self.folder / "swift", port)
        self.endpoint = f"http://127.0.0.1:{port}"
        self.environment.update(AWS_ACCESS_KEY_ID=KEY_ID, AWS_SECRET_ACCESS_KEY=SECRET,
                                AWS_ENDPOINT_URL_S3=self.endpoint, AWS_DEFAULT_REGION="us-east-1",
                                AWS_EC2_METADATA_DISABLED="true")
        self.s3 = servers.boto3_client("s3", self.endpoint, KEY_ID, SECRET)
        self.s3.create_bucket(Bucket="bucket")
        self.url = "s3://bucket/env?multipart_from=6000000&part_size=5242880"

    def by_boto3(self):
        found = {}
        for item in self.s3.list_objects_v2(Bucket="bucket", Prefix="env/").get("Contents", []):
            key = item["Key"].removeprefix("env/")
            if not key.startswith(".athanor/"):
                found[key] = self.s3.get_object(Bucket="bucket", Key=item["Key"])["Body"].read()
        return found

    def test_a_run_warns_writes_and_is_read_by_another_client(self):
        nginx = support.Nginx(self, self.folder / "www")
        channel = self.make_channel("team", "--packages", 12, "--base-url", f"{nginx.url}/team")
        locks = sorted((channel / "locks").glob("team-*.conda-lock.yml"))
        stamp = ["--resolved-on", "2026-01-02T03:04:05", "--resolved-by", "test"]
        self.run_json(*locks, *stamp, expect=0)
        first = self.athanor("run", *locks, *stamp, "--store", self.url, "--json", expect=0)
        self.assertIn("can't create objects conditionally", first.stderr)
        self.assertEqual(self.by_boto3(), self.objects())
        second = self.athanor("run", *locks, *stamp, "--store", self.url, "--json", expect=0)
        self.assertEqual(second.json["packages"]["new"], 0)
        wrong = self.athanor("store", "stat", "--store", self.url, expect=3, env={"AWS_SECRET_ACCESS_KEY": "wrong"})
        self.assertIn("SignatureDoesNotMatch", wrong.stderr)

    def test_upkeep_with_a_big_object(self):
        data = random.Random(1).randbytes(12_000_000) + b"PK\5\6" + bytes(18)
        key = f"packages/conda/host/ch/linux-64/big+1-1-0.conda/big+1-1-0.conda/{hashlib.md5(data).hexdigest()}" \
              "/big+1-1-0.conda"
        (self.store / key).parent.mkdir(parents=True)
        (self.store / key).write_bytes(data)
        self.athanor("store", "copy", self.store, self.url, expect=0)
        self.athanor("store", "copy", self.store, self.url, expect=0)
        self.assertEqual(self.by_boto3(), {key: data})
        self.athanor("store", "verify", "--store", self.url, expect=0)
        self.athanor("store", "gc", "--although-nothing-is-described", "--grace", "0s", "--plan", "gc.plan",
                     "--store", self.url, expect=0)
        applied = self.athanor("store", "gc", "apply", "gc.plan", "--yes", "--json", "--store", self.url, expect=0).json
        self.assertEqual(self.by_boto3(), {})
        self.athanor("store", "gc", "undo", applied["id"], "--store", self.url, expect=0)
        self.assertEqual(self.by_boto3(), {key: data})


if __name__ == "__main__":
    support.main()
