"""Private channels behind nginx: every kind of credential fetches, and none of them is told to anybody."""

import base64
import json

import support

SECRET = "hush-4711"  # part of every password and token here


class Credentials(support.Scenario):
    def setUp(self):
        super().setUp()
        (self.folder / "users").write_text(f"ann:{{PLAIN}}pw-{SECRET}\n")
        self.stranger = support.Nginx(self, self.folder / "www", logged="$http_authorization")
        self.nginx = support.Nginx(self, self.folder / "www", extra=f"""
            location /basic/ {{ auth_basic "private"; auth_basic_user_file {self.folder}/users; }}
            location /bearer/ {{ if ($http_authorization != "Bearer bear-{SECRET}") {{ return 401; }} }}
            location /token/ {{ return 403; }}
            location /t/tk-{SECRET}/ {{ alias {self.folder}/www/; }}
            location /t/tk-{SECRET}/basic/ {{ return 403; }}
            location /moved/ {{ auth_basic "private"; auth_basic_user_file {self.folder}/users;
                                rewrite ^/moved/(.*)$ {self.stranger.url}/open/$1 redirect; }}""")
        self.host = self.nginx.url.removeprefix("http://")
        self.locks = {}
        for name in ("basic", "bearer", "token", "open"):
            channel = self.make_channel(name, "--packages", 3, "--base-url", f"{self.nginx.url}/{name}")
            self.locks[name] = channel / "locks" / "urls.txt"

    def home(self, name, text, mode=0o600):
        file = self.folder / "home" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(mode)
        return file

    def lock_with(self, name, **changes):
        """The lock file with the URLs' beginning changed: {"before": …, "after": …}."""
        text = self.locks[name].read_text().replace(changes["before"], changes["after"])
        file = self.folder / "changed.txt"
        file.write_text(text)
        return file

    def places(self):
        """Each place that can know a secret: what it is called, the lock file it opens, how it is set up, and
        the variables that it needs."""
        basic, bearer, token = (self.locks[name] for name in ("basic", "bearer", "token"))
        password = f"pw-{SECRET}"
        encoded = base64.b64encode(password.encode()).decode()
        quoted = self.nginx.url.replace(":", "%3A").replace("/", "%2F")
        config = "home/.config/athanor/credentials.toml"
        return [
            ("settings, password", basic, lambda: self.home(config[5:], (
                f'["{self.host}/basic"]\nuser = "ann"\npassword = "{password}"\n')), {}),
            ("settings, bearer", bearer, lambda: self.home(config[5:], (
                f'["http://{self.host}"]\nbearer_variable = "MY_BEARER"\n')), {"MY_BEARER": f"bear-{SECRET}"}),
            ("rattler, password", basic, lambda: self.home(".rattler/credentials.json", json.dumps(
                {"127.0.0.1": {"BasicHTTP": {"username": "ann", "password": password}}})), {}),
            ("rattler, bearer", bearer, lambda: self.home("own.json", json.dumps(
                {"127.0.0.1": {"BearerToken": f"bear-{SECRET}"}})),
             {"RATTLER_AUTH_FILE": str(self.folder / "home/own.json")}),
            ("rattler, token", token, lambda: self.home(".rattler/credentials.json", json.dumps(
                {"127.0.0.1": {"CondaToken": f"tk-{SECRET}"}})), {}),
            ("mamba, password", basic, lambda: self.home(".mamba/auth/authentication.json", json.dumps(
                {self.host: {"type": "BasicHTTPAuthentication", "user": "ann", "password": encoded}})), {}),
            ("url, token", self.lock_with("token", before="/token/", after=f"/t/tk-{SECRET}/token/"),
             lambda: None, {}),
            ("condarc", basic, lambda: self.home(".condarc", (
                f"custom_channels:\n  basic: http://ann:{password}@{self.host}\n")), {}),
            ("anaconda", token, lambda: self.home(f".local/share/binstar/{quoted}.token", f"tk-{SECRET}\n"), {}),
            ("metaflow", basic, lambda: None,
             {"METAFLOW_CONDA_SRCS_AUTH_INFO": json.dumps({"127.0.0.1": ["ann", password]})}),
            ("netrc", basic, lambda: self.home(".netrc", f"machine 127.0.0.1 login ann password {password}\n"), {}),
        ]

    def told(self, *outcomes):
        """Everything that athanor has said or written down, as (what, bytes)."""
        for outcome in outcomes:
            yield "stdout", outcome.stdout.encode()
            yield "stderr", outcome.stderr.encode()
        for folder in ("store", "state", "tmp"):
            for path in (self.folder / folder).rglob("*"):
                yield "a name", str(path.relative_to(self.folder)).encode()
                if path.is_file():
                    yield str(path), path.read_bytes()

    def assert_nobody_was_told(self, *outcomes):
        encoded = [base64.b64encode(f"ann:pw-{SECRET}".encode()), base64.b64encode(f"pw-{SECRET}".encode())]
        for what, data in self.told(*outcomes):
            for secret in (SECRET.encode(), *encoded):
                self.assertNotIn(secret, data, f"{secret} in {what}")

    def forget(self):
        for folder in ("home", "store", "state", "tmp"):
            support.shutil.rmtree(self.folder / folder, ignore_errors=True)
            (self.folder / folder).mkdir()
        support.shutil.rmtree(self.store)

    def test_every_place_opens_its_channel_and_tells_nobody(self):
        for name, lock, prepare, variables in self.places():
            with self.subTest(name):
                self.forget()
                prepare()
                ran = self.run_json(lock, "-vv", "--workers", 1, env=variables, expect=0)
                self.assertEqual(ran.json["packages"]["failed"], 0)
                self.assertGreater(ran.json["packages"]["new"], 0)
                self.assert_nobody_was_told(ran)

    def test_the_other_commands_tell_nobody_either(self):
        self.home(".netrc", f"machine 127.0.0.1 login ann password pw-{SECRET}\n")
        self.home(".condarc", f"""
channel_alias: http://ann:pw-{SECRET}@{self.host}/t/tk-{SECRET}
proxy_servers: {{https: 'ann:pw-{SECRET}@127.0.0.1:1'}}
""")
        url = f"http://ann:pw-{SECRET}@{self.host}/t/tk-{SECRET}/token/noarch/repodata.json?key={SECRET}"
        lock = self.lock_with("basic", before="http://", after=f"http://ann:pw-{SECRET}@")
        outcomes = [self.athanor(*command) for command in (
            ("plan", lock, "--store", self.store), ("plan", lock, "--store", self.store, "--json"),
            ("check", lock, "--store", self.store, "--json"),
            ("config", "show", "-v", "--proxy", f"http://ann:pw-{SECRET}@127.0.0.1:1"),
            ("config", "show", "--json", "--proxy", f"ann:pw-{SECRET}@127.0.0.1:1"),
            ("auth", "test", url), ("auth", "test", url, "--json"), ("auth", "test", "basic"),
            ("doctor", "basic", url, "--store", self.store), ("doctor", "basic", "--json"))]
        for outcome in outcomes:
            self.assertNotIn(outcome.code, (130, 143), outcome)
        self.assertIn("***", outcomes[3].stdout)
        self.assert_nobody_was_told(*outcomes)

    def test_wrong_credentials_are_refused_with_a_way_on_and_without_the_secret(self):
        self.home(".netrc", f"machine 127.0.0.1 login ann password wrong-{SECRET}\n")
        ran = self.run_json(self.locks["basic"], "--workers", 1)
        self.assertEqual(ran.code, 3, ran)
        self.assertIn("401", ran.stdout + ran.stderr)
        tested = self.athanor("auth", "test", f"{self.nginx.url}/basic/noarch/repodata.json", expect=3)
        self.assertRegex(tested.stdout, r"netrc +used +Authorization: Basic \*\*\*  <- .*\.netrc:1")
        self.assert_nobody_was_told(ran, tested)

    def test_auth_test_says_who_knew_it_and_what_the_server_answers(self):
        self.home(".netrc", f"machine 127.0.0.1 login ann password pw-{SECRET}\n")
        url = f"{self.nginx.url}/basic/{self.locks['basic'].read_text().split('/basic/', 1)[1].split()[0].split('#')[0]}"
        report = self.athanor("auth", "test", url, "--json", expect=0).json
        self.assertTrue(report["ok"])
        tested, = report["tests"]
        self.assertEqual(tested["answer"]["status"], 200)
        self.assertEqual([link["name"] for link in tested["links"] if link["used"]], ["netrc"])
        absent, = self.athanor("auth", "test", url + "x", "--json", expect=2).json["tests"]
        self.assertEqual(absent["error"]["kind"], "not_found")
        unknown = self.athanor("auth", "test", f"{self.nginx.url}/bearer/x", expect=3)
        self.assertIn("auth test", unknown.stdout)

    def test_a_redirect_to_another_host_gets_no_credentials(self):
        self.home(".netrc", f"machine 127.0.0.1 login ann password pw-{SECRET}\n")
        lock = self.lock_with("open", before=f"{self.nginx.url}/open/", after=f"{self.nginx.url}/moved/")
        self.run_json(lock, "--workers", 1, expect=0)
        seen = [fields for fields in self.stranger.requests() if "/open/" in fields[1]]
        self.assertGreater(len(seen), 0)
        self.assertEqual({fields[2] for fields in seen}, {"-"})


if __name__ == "__main__":
    support.main()
