"""What can go wrong between athanor and a real store (Ceph): each with the right exit code and words, and with
a store that is whole afterwards. Connections are reset by a TCP proxy of ours in front of the gateway."""

import hashlib
import json
import random

import servers
import support


class StoreFaults(support.Scenario):
    def setUp(self):
        super().setUp()
        self.ceph = servers.Ceph(self)
        port = support.free_port()
        self.proxy = servers.Server(self, "fault-proxy", port, self.ceph.endpoint.rsplit(":", 1)[1])
        self.environment.update(AWS_ACCESS_KEY_ID=servers.S3_ID, AWS_SECRET_ACCESS_KEY=servers.S3_SECRET,
                                AWS_ENDPOINT_URL_S3=f"http://127.0.0.1:{port}", AWS_DEFAULT_REGION="us-east-1",
                                AWS_EC2_METADATA_DISABLED="true")
        self.url = "s3://bucket/env?multipart_from=6000000&part_size=5242880"

    def break_connections(self, **fault):
        """Arms the proxy; returns how many connections it has broken so far."""
        if self.proxy.process.poll() is not None:
            raise AssertionError("the proxy has ended")
        self.proxy.process.stdin.write(json.dumps(fault) + "\n")
        self.proxy.process.stdin.flush()
        return int(self.proxy.process.stdout.readline())

    def add_package(self, size):
        """An object in the directory store, which a copy brings to the other one."""
        data = random.Random(size).randbytes(size) + b"PK\5\6" + bytes(18)
        key = f"packages/conda/host/ch/linux-64/p{size}-1-0.conda/p{size}-1-0.conda/{hashlib.md5(data).hexdigest()}" \
              f"/p{size}-1-0.conda"
        (self.store / key).parent.mkdir(parents=True)
        (self.store / key).write_bytes(data)
        return key, data

    def copy(self, expect=0):
        return self.athanor("store", "copy", self.store, self.url, "--json", expect=expect)

    def stored(self, key):
        return self.ceph.s3.get_object(Bucket="bucket", Key=f"env/{key}")["Body"].read()

    def test_parts_that_break_in_the_middle_are_sent_again(self):
        key, data = self.add_package(12_000_000)
        self.break_connections(match="PUT /bucket/env/packages", direction="up", after=2_000_000, times=3)
        self.copy()
        self.assertEqual(self.break_connections(), 3)
        self.assertEqual(self.stored(key), data)
        self.assertNotIn("Uploads", self.ceph.s3.list_multipart_uploads(Bucket="bucket"))

    def test_an_answer_that_is_lost_after_the_bytes_arrived_is_resolved_by_looking(self):
        key, data = self.add_package(5_000)
        self.break_connections(match="PUT /bucket/env/packages", direction="down", after=0, times=1)
        # On a connection that was used before, libcurl itself may send the request again: then our own object is
        # met, and adopted.
        packages = self.copy().json["packages"]
        self.assertEqual((packages["copied"] + packages["had"], packages["failed"]), (1, 0))
        self.assertEqual(self.break_connections(), 1)
        self.assertEqual(self.stored(key), data)

    def test_listings_and_objects_that_break_off_are_asked_for_again(self):
        for size in range(1_000, 1_040):
            self.add_package(size)
        big, _ = self.add_package(3_000_000)
        self.copy()
        whole = self.athanor("store", "stat", "--store", self.url, "--json", expect=0).json["packages"]
        self.break_connections(match="list-type=2", direction="down", after=5_000, times=2)
        again = self.athanor("store", "stat", "--store", self.url, "--json", expect=0).json["packages"]
        self.assertEqual(self.break_connections(match=f"GET /bucket/env/{big[:40]}", direction="down",
                                                after=1_000_000, times=2), 2)
        self.assertEqual(again, whole)
        self.athanor("store", "verify", "--store", self.url, expect=0)
        self.assertEqual(self.break_connections(), 4)

    def test_who_may_not_is_told_so_and_nothing_is_fetched(self):
        wrong = self.athanor("store", "stat", "--store", self.url, expect=3,
                             env={"AWS_SECRET_ACCESS_KEY": "wrong-secret"})
        self.assertRegex(wrong.stderr, "SignatureDoesNotMatch|AccessDenied")
        self.assertRegex(wrong.stderr, "secret( access key)? is wrong")
        self.assertNotIn("wrong-secret", wrong.stderr)
        missing = self.athanor("store", "stat", "--store", "s3://no-such-bucket/env", expect=2)
        self.assertIn("no-such-bucket", missing.stderr)

        # Credentials that may only read: everything that only reads works, a run ends before it fetches.
        nginx = support.Nginx(self, self.folder / "www")
        channel = self.make_channel("team", "--packages", 3, "--base-url", f"{nginx.url}/team")
        lock = sorted((channel / "locks").glob("team-*.conda-lock.yml"))[0]
        self.ceph.s3.put_bucket_policy(Bucket="bucket", Policy=json.dumps({
            "Version": "2012-10-17", "Statement": [{
                "Effect": "Allow", "Principal": {"AWS": ["arn:aws:iam:::user/reader"]},
                "Action": ["s3:ListBucket", "s3:GetObject"],
                "Resource": ["arn:aws:s3:::bucket", "arn:aws:s3:::bucket/*"]}]}))
        reader = {"AWS_ACCESS_KEY_ID": "AKIAREADER", "AWS_SECRET_ACCESS_KEY": "reader-secret"}
        self.athanor("store", "verify", "--store", self.url, expect=0, env=reader)
        refused = self.athanor("run", lock, "--store", self.url, expect=3, env=reader)
        self.assertIn("AccessDenied", refused.stderr)
        self.assertEqual(nginx.requests(), [])

    def test_a_token_that_has_expired_is_refused_in_words(self):
        import botocore.config
        self.ceph.admin("role", "create", "--role-name=short", "--assume-role-policy-doc=" + json.dumps(
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["sts:AssumeRole"], "Principal": {
                "AWS": ["arn:aws:iam:::user/athanor"]}}]}))
        self.ceph.admin("role-policy", "put", "--role-name=short", "--policy-name=p", "--policy-doc=" + json.dumps(
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["s3:*"],
                                                     "Resource": ["arn:aws:s3:::*"]}]}))
        sts = servers.boto3_client("sts", self.ceph.endpoint, config=botocore.config.Config(parameter_validation=False))
        keys = sts.assume_role(RoleArn="arn:aws:iam:::role/short", RoleSessionName="night",
                               DurationSeconds=3)["Credentials"]
        session = {"AWS_ACCESS_KEY_ID": keys["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
                   "AWS_SESSION_TOKEN": keys["SessionToken"]}

        def refused():
            outcome = self.athanor("store", "stat", "--store", self.url, env=session)
            return outcome if outcome.code else None
        outcome = support.wait_for(refused, "the token expires", 30)
        self.assertEqual(outcome.code, 3, outcome)
        self.assertRegex(outcome.stderr, "AccessDenied|ExpiredToken")
        self.assertNotIn(keys["SessionToken"][:20], outcome.stderr)


if __name__ == "__main__":
    support.main()
