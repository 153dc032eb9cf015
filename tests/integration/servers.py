"""Real servers of tests/support/servers, and what the scenarios on stores share."""

import subprocess

import support

SERVERS = support.SOURCE / "tests/support/servers"
S3_ID, S3_SECRET = "AKIAATHANOR", "secret+key/="


class Server:
    """A script of tests/support/servers. One that can't start is a failure, not a skip."""

    def __init__(self, scenario, script, *arguments):
        self.process = subprocess.Popen([SERVERS / script, *map(str, arguments)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        scenario.addCleanup(self.stop)
        if self.process.stdout.readline() != "READY\n":
            raise AssertionError(f"{script} did not start")

    def stop(self):
        self.process.stdin.close()
        self.process.wait(timeout=60)
        self.process.stdout.close()


def boto3_client(service, endpoint, key_id=S3_ID, secret=S3_SECRET, **options):
    import boto3  # Debian's
    return boto3.client(service, endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id=key_id,
                        aws_secret_access_key=secret, **options)


class Ceph(Server):
    """A gateway with one empty bucket, "bucket", owned by S3_ID."""

    def __init__(self, scenario):
        port = support.free_port()
        self.folder = scenario.folder / "ceph"
        super().__init__(scenario, "ceph-rgw", self.folder, port, support.free_port())
        self.endpoint = f"http://localhost:{port}"
        self.s3 = boto3_client("s3", self.endpoint)
        self.s3.create_bucket(Bucket="bucket")

        scenario.addCleanup(self.s3.close)

    def admin(self, *arguments):
        return subprocess.run(["radosgw-admin", "-c", self.folder / "ceph.conf", *arguments], check=True,
                              capture_output=True, text=True).stdout
