"""Company certificates and proxies, from wherever people have set them up; TLS is never off silently."""

import subprocess

import support


class NetworkSettings(support.Scenario):
    def setUp(self):
        super().setUp()
        self.port = support.free_port()
        self.make_certificates()
        folder = self.folder
        self.nginx = support.Nginx(self, folder / "www", extra=f"""
            listen 127.0.0.1:{self.port} ssl;
            ssl_certificate {folder}/server.pem; ssl_certificate_key {folder}/server.key;
            ssl_client_certificate {folder}/ca.pem; ssl_verify_client optional;
            location /closed/ {{ if ($ssl_client_verify != SUCCESS) {{ return 403; }} }}""")
        self.url = f"https://127.0.0.1:{self.port}"
        self.locks = {}
        for name in ("team", "closed"):
            channel = self.make_channel(name, "--packages", 3, "--base-url", f"{self.url}/{name}")
            self.locks[name] = channel / "locks" / "urls.txt"

    def make_certificates(self):
        def openssl(*arguments):
            subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, capture_output=True)
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-days", "2",
                "-subj", "/CN=a company's authority")
        (self.folder / "names").write_text("subjectAltName=IP:127.0.0.1\n")
        for name in ("server", "client"):
            openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr",
                    "-subj", f"/CN={name}")
            openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                    "-days", "2", "-extfile", "names", "-out", f"{name}.pem")

    def run_lock(self, name="team", *arguments, condarc="", **variables):
        (self.folder / "home" / ".condarc").write_text(condarc)
        support.shutil.rmtree(self.store, ignore_errors=True)
        return self.athanor("run", self.locks[name], "--store", self.store, "--workers", 1, *arguments, env=variables)

    def test_a_company_authority_is_trusted_wherever_it_is_named(self):
        ca = self.folder / "ca.pem"
        for name, arguments, condarc, variables in (
                ("flag", ("--ca-bundle", "ca.pem"), "", {}),
                ("variable of ours", (), "", {"ATHANOR_CA_BUNDLE": str(ca)}),
                ("REQUESTS_CA_BUNDLE", (), "", {"REQUESTS_CA_BUNDLE": str(ca)}),
                ("SSL_CERT_FILE", (), "", {"SSL_CERT_FILE": str(ca)}),
                ("condarc", (), f"ssl_verify: {ca}\n", {})):
            with self.subTest(name):
                ran = self.run_lock("team", *arguments, condarc=condarc, **variables)
                self.assertEqual(ran.code, 0, ran)
                self.assertNotIn("VERIFIED", ran.stderr)

    def test_tls_is_never_off_silently(self):
        for condarc in ("", "ssl_verify: false\n"):
            ran = self.run_lock(condarc=condarc)
            self.assertEqual(ran.code, 3, ran)
            self.assertRegex(ran.stderr, "(?i)certificate")
            self.assertEqual("not obeyed" in ran.stderr, bool(condarc), ran)
        (self.folder / "athanor.toml").write_text("[network]\ntls_verification = 'off'\n")
        ran = self.run_lock()
        self.assertEqual(ran.code, 2, ran)
        self.assertIn("can't be set by a project's file", ran.stderr)
        (self.folder / "athanor.toml").unlink()
        ran = self.run_lock(ATHANOR_TLS_VERIFICATION="off")
        self.assertEqual(ran.code, 0, ran)
        self.assertEqual(ran.stderr.count("NOT VERIFIED"), 1, ran)

    def test_a_client_certificate_opens_what_wants_one(self):
        ca = f"ssl_verify: {self.folder}/ca.pem\n"
        ran = self.run_lock("closed", condarc=ca)
        self.assertEqual(ran.code, 3, ran)
        ran = self.run_lock("closed", condarc=f"{ca}client_ssl_cert: {self.folder}/client.pem\n"
                                              f"client_ssl_cert_key: {self.folder}/client.key\n")
        self.assertEqual(ran.code, 0, ran)

    def test_condas_proxy_leads_to_origins_and_to_nothing_else(self):
        proxied = []
        proxy = support.Origin(self, self.folder / "www")

        def forward(handler):
            proxied.append(handler.path)
            handler.path = handler.path.removeprefix("http://channels.example.invalid")
            proxy.serve(handler)

        proxy.rules[".conda"] = proxy.rules[".tar.bz2"] = forward
        lock = self.locks["team"]
        lock.write_text(lock.read_text().replace(self.url, "http://channels.example.invalid"))
        ran = self.run_lock(condarc=f"proxy_servers:\n  http: {proxy.url}\n")
        self.assertEqual(ran.code, 0, ran)
        self.assertEqual(len(proxied), 3)
        ran = self.run_lock(condarc=f"proxy_servers:\n  http: {proxy.url}\n", no_proxy=".example.invalid")
        self.assertNotEqual(ran.code, 0, ran)
        self.assertEqual(len(proxied), 3)

    def test_offline_asks_nobody(self):
        before = len(self.nginx.requests())
        ran = self.run_lock("team", "--offline", "--ca-bundle", "ca.pem")
        self.assertEqual(ran.code, 3, ran)
        self.assertIn("the network is off", ran.stderr)
        self.assertEqual(len(self.nginx.requests()), before)


if __name__ == "__main__":
    support.main()
