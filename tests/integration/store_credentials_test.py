"""Every way to credentials, as a user has it set up: `athanor store stat` on a real Ceph with keys that come from
a fake of the clouds' metadata services, a program, a login, or Ceph's own token service; and, for the ways that
Debian's boto3 and google-auth know without another endpoint, that those clients accept the same fake."""

import hashlib
import json
import subprocess
import time

import servers
import support


class Aws(support.Scenario):
    def setUp(self):
        super().setUp()
        self.ceph = servers.Ceph(self)
        self.port = support.free_port()
        self.metadata = f"http://127.0.0.1:{self.port}"
        servers.Server(self, "cloud-metadata", self.folder, self.port, servers.S3_ID, servers.S3_SECRET)
        self.environment.update(AWS_ENDPOINT_URL_S3=self.ceph.endpoint, AWS_DEFAULT_REGION="us-east-1",
                                AWS_EC2_METADATA_DISABLED="true")
        (self.folder / "home/.aws").mkdir()

    def config(self, text):
        (self.folder / "home/.aws/config").write_text(text)

    def stat(self, expect=0, **variables):
        return self.athanor("store", "stat", "--store", "s3://bucket/env", "--json", expect=expect, env=variables)

    def boto3_finds(self, **variables):
        """The access key id that the vendor's client comes to."""
        script = "import boto3; c = boto3.Session().get_credentials(); print(c.access_key, c.method)"
        done = subprocess.run(["/usr/bin/python3", "-c", script], env=dict(self.environment, **variables),
                              capture_output=True, text=True, check=True)
        return done.stdout.split()

    def test_the_machines_metadata_service(self):
        variables = {"AWS_EC2_METADATA_DISABLED": "false", "AWS_EC2_METADATA_SERVICE_ENDPOINT": self.metadata + "/"}
        self.stat(**variables)
        self.assertEqual(self.boto3_finds(**variables), [servers.S3_ID, "iam-role"])
        requests = (self.folder / "requests").read_text()
        self.assertIn("PUT /latest/api/token 200", requests)

    def test_a_containers_endpoint(self):
        variables = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{self.metadata}/container",
                     "AWS_CONTAINER_AUTHORIZATION_TOKEN": "container-secret"}
        self.stat(**variables)
        self.assertEqual(self.boto3_finds(**variables), [servers.S3_ID, "container-role"])
        refused = self.stat(expect=3, **dict(variables, AWS_CONTAINER_AUTHORIZATION_TOKEN="wrong"))
        self.assertIn("container's endpoint", refused.stderr)

    def test_a_program(self):
        program = self.folder / "credential helper"
        keys = {"Version": 1, "AccessKeyId": servers.S3_ID, "SecretAccessKey": servers.S3_SECRET}
        program.write_text(f"#!/bin/sh\n[ \"$1\" = 'two words' ] && echo '{json.dumps(keys)}'\n")
        program.chmod(0o755)
        self.config(f"[profile p]\ncredential_process = \"{program}\" 'two words'\n")
        self.stat(AWS_PROFILE="p")
        self.assertEqual(self.boto3_finds(AWS_PROFILE="p"), [servers.S3_ID, "custom-process"])
        self.config(f"[profile p]\ncredential_process = \"{program}\" other\n")
        failed = self.stat(expect=3, AWS_PROFILE="p")
        self.assertIn("exited with code 1", failed.stderr)

    def test_a_web_identity(self):
        (self.folder / "token").write_text("web-token\n")
        self.stat(AWS_WEB_IDENTITY_TOKEN_FILE=str(self.folder / "token"), AWS_ROLE_ARN="arn:aws:iam::1:role/r",
                  AWS_ENDPOINT_URL_STS=self.metadata)

    def test_a_login(self):
        self.config("[profile p]\nsso_session = corp\nsso_account_id = 1\nsso_role_name = reader\n"
                    "[sso-session corp]\nsso_region = eu-west-1\nsso_start_url = https://corp.example/start\n")
        cache = self.folder / "home/.aws/sso/cache"
        cache.mkdir(parents=True)
        token = cache / (hashlib.sha1(b"corp").hexdigest() + ".json")

        def log_in(seconds):
            expires = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))
            token.write_text(json.dumps({"accessToken": "sso-token", "expiresAt": expires}))
        log_in(600)
        self.stat(AWS_PROFILE="p", AWS_ENDPOINT_URL_SSO=self.metadata)
        log_in(-600)
        expired = self.stat(expect=3, AWS_PROFILE="p", AWS_ENDPOINT_URL_SSO=self.metadata)
        self.assertIn("aws sso login --profile p", expired.stderr)

    def test_a_role_of_another_profile(self):
        # Ceph's own token service checks the signature and gives real temporary keys.
        self.ceph.admin("role", "create", "--role-name=reader", "--assume-role-policy-doc=" + json.dumps(
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["sts:AssumeRole"], "Principal": {
                "AWS": ["arn:aws:iam:::user/athanor"]}}]}))
        self.ceph.admin("role-policy", "put", "--role-name=reader", "--policy-name=p", "--policy-doc=" + json.dumps(
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["s3:*"],
                                                     "Resource": ["arn:aws:s3:::*"]}]}))
        role = "role_arn = arn:aws:iam:::role/reader\nrole_session_name = night\n"
        self.config(f"[profile p]\n{role}source_profile = base\n"
                    f"[profile base]\naws_access_key_id = {servers.S3_ID}\naws_secret_access_key = {servers.S3_SECRET}\n"
                    f"[profile circle]\n{role}source_profile = other\n[profile other]\n{role}source_profile = circle\n"
                    f"[profile device]\n{role}source_profile = base\nmfa_serial = x\n"
                    f"[profile place]\n{role}credential_source = Environment\n")
        variables = {"AWS_ENDPOINT_URL_STS": self.ceph.endpoint}
        self.stat(AWS_PROFILE="p", **variables)
        self.assertIn("too many source_profiles", self.stat(expect=2, AWS_PROFILE="circle", **variables).stderr)
        self.assertIn("code from a device", self.stat(expect=2, AWS_PROFILE="device", **variables).stderr)

        # A token that was good a moment ago: what Ceph gives for the shortest time.
        keys = servers.boto3_client("sts", self.ceph.endpoint).assume_role(
            RoleArn="arn:aws:iam:::role/reader", RoleSessionName="night", DurationSeconds=900)["Credentials"]
        session = {"AWS_ACCESS_KEY_ID": keys["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"]}
        self.stat(**session, AWS_SESSION_TOKEN=keys["SessionToken"])
        wrong = self.stat(expect=3, **session, AWS_SESSION_TOKEN=keys["SessionToken"][:-4] + "AAA=")
        self.assertNotIn(keys["SessionToken"][:20], wrong.stderr)


class Google(support.Scenario):
    """Against fakes of ours alone: no service of Google's was contacted."""

    def setUp(self):
        super().setUp()
        store, self.port = support.free_port(), support.free_port()
        servers.Server(self, "gcs-fake", self.folder, store)
        servers.Server(self, "cloud-metadata", self.folder, self.port, "id", "secret")
        self.metadata = f"http://127.0.0.1:{self.port}"
        self.url = f"gs://bucket-1/env?endpoint=http://127.0.0.1:{store}"

    def stat(self, expect=0, **variables):
        return self.athanor("store", "stat", "--store", self.url, expect=expect, env=variables)

    def test_the_metadata_server(self):
        self.stat(GCE_METADATA_HOST=f"127.0.0.1:{self.port}")
        self.assertIn("/token 200", (self.folder / "requests").read_text())

    def test_googles_own_client_accepts_the_metadata_server(self):
        script = ("import google.auth.compute_engine._metadata as m, google.auth.transport.requests as t; "
                  "print(m.get_service_account_token(t.Request())[0])")
        # The client reads where its server is when it is loaded.
        done = subprocess.run(["/usr/bin/python3", "-c", script], capture_output=True, text=True, check=True,
                              env=dict(self.environment, GCE_METADATA_ROOT=f"127.0.0.1:{self.port}"))
        self.assertEqual(done.stdout, "token-of-the-fake\n")

    def test_a_federated_workload(self):
        (self.folder / "subject").write_text("subject-token\n")
        federation = {"type": "external_account", "audience": "//iam.googleapis.com/projects/1/x",
                      "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
                      "token_url": f"{self.metadata}/exchange",
                      "service_account_impersonation_url": f"{self.metadata}/impersonate",
                      "credential_source": {"file": str(self.folder / "subject")}}
        file = self.folder / "federation.json"

        def use(**changes):
            file.write_text(json.dumps(dict(federation, **changes)))
            return {"GOOGLE_APPLICATION_CREDENTIALS": str(file)}
        self.stat(**use())
        (self.folder / "subject").write_text(json.dumps({"id_token": "subject-token"}))
        self.stat(**use(credential_source={"file": str(self.folder / "subject"), "format": {
            "type": "json", "subject_token_field_name": "id_token"}}))
        (self.folder / "subject").write_text("another")
        self.stat(expect=3, **use())
        self.assertIn("neither a file nor a URL", self.stat(expect=2, **use(credential_source={
            "executable": {"command": "/bin/true"}})).stderr)


if __name__ == "__main__":
    support.main()
