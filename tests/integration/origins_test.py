"""Origins as companies have them, and networks as they are: passwords, tokens, limits, redirects, TLS, proxies, and
transfers that break in every way. Each case ends in the right bytes or in the right error."""

import base64
import contextlib
import email.utils
import shutil
import subprocess
import time

import support

SECRET = "s3cr3t-of-the-test"


class Origins(support.Scenario):
    """A channel of three packages at an origin; `run` wants them all from some base URL."""

    def setUp(self):
        super().setUp()
        self.origin = support.Origin(self, self.folder / "www")
        self.make_channel("c", "--packages", 3, "--formats", "conda", "--base-url", "http://origin.invalid/c")
        text = (self.folder / "www/c/locks/linux-64.explicit.txt").read_text()
        self.lines = [line for line in text.splitlines() if "://" in line]
        self.victim = self.lines[0].split("#")[0].rsplit("/", 1)[1]

    def run_from(self, base, *arguments, expect=0, **options):
        """Fills the store from `base`, which stands for the channel's folder."""
        lock = self.folder / "lock.txt"
        lock.write_text("@EXPLICIT\n" + "".join(
            line.replace("http://origin.invalid/c", base) + "\n" for line in self.lines))
        outcome = self.athanor("run", lock, "--store", self.store, "--format", "source", *arguments, expect=expect,
                               **options)
        self.assert_store_is_whole()
        if expect == 0:
            stored = {path.rsplit("/", 1)[1]: data for path, data in self.objects("packages").items()}
            for line in self.lines:
                path = line.split("#")[0].removeprefix("http://origin.invalid/")
                self.assertEqual(stored[path.rsplit("/", 1)[1]], (self.folder / "www" / path).read_bytes())
        else:
            self.assertFalse([key for key in self.objects("packages") if self.victim in key])
        return outcome

    def assert_secret_is_nowhere(self, outcome, secret=SECRET):
        spellings = [secret, base64.b64encode(f"user:{secret}".encode()).decode()]
        for folder in (self.store, self.folder / "state"):
            for path in folder.rglob("*"):
                for spelling in spellings:
                    self.assertNotIn(spelling, str(path))
                    if path.is_file():
                        self.assertNotIn(spelling.encode(), path.read_bytes(), path)
        for spelling in spellings:
            self.assertNotIn(spelling, outcome.stdout + outcome.stderr)

    # Passwords, tokens, redirects.

    def test_basic_auth(self):
        password = subprocess.run(["openssl", "passwd", "-apr1", SECRET], check=True, capture_output=True, text=True)
        (self.folder / "htpasswd").write_text(f"user:{password.stdout}")
        nginx = support.Nginx(self, self.folder / "www",
                              f'location / {{ auth_basic "c"; auth_basic_user_file {self.folder}/htpasswd; }}')
        outcome = self.run_from(f"{nginx.url}/c", expect=3)
        self.assertIn("401", outcome.stderr + outcome.stdout)
        self.assertIn("redentials", outcome.stderr + outcome.stdout)
        url = nginx.url.replace("http://", f"http://user:{SECRET}@")
        self.assert_secret_is_nowhere(self.run_from(f"{url}/c", "-vv"))

    def test_a_token_in_the_path(self):
        nginx = support.Nginx(self, self.folder / "www", f"""
            location ~ ^/t/(?<token>[^/]+)/(?<rest>.*)$ {{
              if ($token != "{SECRET}") {{ return 403; }} try_files /$rest =404; }}""")
        self.assertIn("403", self.run_from(f"{nginx.url}/t/wrong/c", expect=3).stderr)
        self.assert_secret_is_nowhere(self.run_from(f"{nginx.url}/t/{SECRET}/c", "-vv"))

    def test_a_redirect_to_another_host_takes_no_password_along(self):
        seen = []

        def note(handler):
            seen.append(handler.headers.get("Authorization"))
            self.origin.serve(handler)
        self.origin.rules[".conda"] = note
        port = self.origin.url.rsplit(":", 1)[1]
        nginx = support.Nginx(self, self.folder / "www",
                              f"location /moved/ {{ rewrite ^/moved/(.*)$ http://localhost:{port}/$1 redirect; }}")
        url = nginx.url.replace("http://", f"http://user:{SECRET}@")
        self.assert_secret_is_nowhere(self.run_from(f"{url}/moved/c"))
        self.assertEqual(set(seen), {None})

    # Limits.

    def test_retry_after_in_both_forms(self):
        for form in (lambda: "1", lambda: email.utils.formatdate(time.time() + 4, usegmt=True)):
            after, began = form(), time.monotonic()
            self.origin.rules[self.victim] = [self.origin.status(429, Retry_After=after)]
            self.run_from(f"{self.origin.url}/c")
            self.assertGreater(time.monotonic() - began, 0.9, after)
            shutil.rmtree(self.store)

    def test_an_origin_that_allows_few_requests_gives_all_in_the_end(self):
        nginx = support.Nginx(self, self.folder / "www", """
            location / { limit_req zone=few burst=1 nodelay; limit_req_status 429; error_page 429 @later; }
            location @later { add_header Retry-After 1 always; return 429; }""",
            http="limit_req_zone $server_name zone=few:1m rate=3r/s;")
        self.run_from(f"{nginx.url}/c")

    # Transfers that break.

    def ranged(self, handler, data=None, cut=None, stall=None, drip=None):
        """Serves a file with ETag and ranges, and may stop after so many bytes."""
        data = self.origin.bytes_of(handler) if data is None else data
        start = int(handler.headers.get("Range", "bytes=0-")[6:-1])
        self.ranges.append(start)
        handler.send_response(206 if start else 200)
        if start:
            handler.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        handler.send_header("ETag", '"1"')
        handler.send_header("Content-Length", str(len(data) - start))
        handler.end_headers()
        if cut is not None:
            handler.wfile.write(data[start:start + cut])
            handler.close_connection = True
        elif stall is not None:
            handler.wfile.write(data[start:start + stall])
            self.released.wait(20)
            handler.close_connection = True
        elif drip:
            with contextlib.suppress(OSError):
                for at in range(start, len(data)):
                    handler.wfile.write(data[at:at + 1])
                    if self.released.wait(0.05):
                        break
            handler.close_connection = True
        else:
            handler.wfile.write(data[start:])

    def with_fault(self, **fault):
        self.ranges, self.released = [], support.threading.Event()
        self.addCleanup(self.released.set)
        self.origin.rules[self.victim] = [lambda h: self.ranged(h, **fault), self.ranged]

    def size(self):
        return (self.folder / "www/c" / self.lines[0].split("#")[0].split("/c/", 1)[1]).stat().st_size

    def test_a_cut_at_every_tenth_is_gone_on_with(self):
        for tenth in range(1, 10):
            cut = self.size() * tenth // 10
            self.with_fault(cut=cut)
            self.run_from(f"{self.origin.url}/c")
            self.assertEqual(self.ranges, [0, cut])
            shutil.rmtree(self.store)

    def test_a_stall_and_a_drip_are_given_up_and_gone_on_with(self):
        for fault in ({"stall": self.size() // 2}, {"drip": True}):
            self.with_fault(**fault)
            began = time.monotonic()
            self.run_from(f"{self.origin.url}/c", env={"ATHANOR_STALL_TIMEOUT": "700ms"})
            self.assertLess(time.monotonic() - began, 15, fault)
            self.assertEqual(self.ranges[0], 0)
            self.assertGreater(self.ranges[1], 0)
            self.released.set()
            shutil.rmtree(self.store)

    def test_a_flipped_bit_is_fetched_elsewhere(self):
        self.origin.rules[self.victim] = self.origin.altered
        outcome = self.run_from(f"{self.origin.url}/c", expect=3)
        self.assertIn(self.lines[0].split("#")[1], outcome.stdout + outcome.stderr)
        nginx = support.Nginx(self, self.folder / "www")
        base = f"{self.origin.url}/c"
        outcome = self.run_from(base, "--mirror", f"{base}={base} {nginx.url}/c", "--output", "jsonl")
        events = [support.json.loads(line) for line in outcome.stdout.splitlines()]
        ends = [[attempt["end"] for attempt in event["attempts"]] for event in events
                if event["event"] == "job_done" and self.victim in event["source"]]
        self.assertEqual(ends, [["altered", "done"]])

    def test_a_mirror_is_asked_first_and_keys_keep_the_source(self):
        nginx = support.Nginx(self, self.folder / "www")
        base = f"{self.origin.url}/c"
        self.run_from(base, "--mirror", f"{base}={nginx.url}/c")
        self.assertEqual(self.origin.seen, [])
        host = self.origin.url.removeprefix("http://")
        self.assertTrue(all(host in key for key in self.objects("packages")))

    def test_a_directory_is_a_mirror(self):
        base = f"{self.origin.url}/c"
        mirror = f"{base}=file://{self.folder}/www/c"
        self.assertIn("local file", self.run_from(base, "--mirror", mirror, expect=2).stderr)
        self.run_from(base, "--mirror", mirror, "--allow-file-urls")
        self.assertEqual(self.origin.seen, [])

    def test_an_answer_that_never_ends_is_cut(self):
        self.origin.rules[self.victim] = self.origin.endless
        outcome = self.run_from(f"{self.origin.url}/c", expect=3, env={"ATHANOR_MAX_PACKAGE_SIZE": "1MiB"})
        self.assertIn("max_package_size", outcome.stdout + outcome.stderr)

    def test_who_asks_is_told(self):
        nginx = support.Nginx(self, self.folder / "www", f"access_log {self.folder}/agents.log combined;")
        self.run_from(f"{nginx.url}/c", env={"ATHANOR_CONTACT": "ops@example.com"})
        agents = (self.folder / "agents.log").read_text().splitlines()
        self.assertTrue(agents and all("athanor/" in line and "(+ops@example.com)" in line for line in agents))


class Tls(Origins):
    """The same channel over TLS with an authority of one's own."""

    def certificate(self, name):
        run = lambda *a: subprocess.run(["openssl", *map(str, a)], check=True, capture_output=True)  # noqa: E731
        ca, key = self.folder / "ca.pem", self.folder / "ca.key"
        if not ca.exists():
            run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", 2, "-subj",
                "/CN=test authority", "-keyout", key, "-out", ca)
        pem = self.folder / f"{name}.pem"
        run("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}", "-keyout",
            f"{pem}.key", "-out", f"{pem}.csr")
        (self.folder / "san").write_text(f"subjectAltName=DNS:{name}")
        run("x509", "-req", "-in", f"{pem}.csr", "-CA", ca, "-CAkey", key, "-CAcreateserial", "-days", 2, "-extfile",
            self.folder / "san", "-out", pem)
        return pem

    def serve_tls(self, name, version=" http2"):
        pem, port = self.certificate(name), support.free_port()
        support.Nginx(self, self.folder / "www", f"""
            listen 127.0.0.1:{port} ssl{version}; ssl_certificate {pem}; ssl_certificate_key {pem}.key;
            access_log {self.folder}/tls.log combined;""")
        return f"https://localhost:{port}/c"

    def test_a_private_authority_is_trusted_when_it_is_named_and_never_otherwise(self):
        for version, spoken in ((" http2", "HTTP/2.0"), ("", "HTTP/1.1")):
            url = self.serve_tls("localhost", version)
            outcome = self.run_from(url, expect=3)
            self.assertIn("certificate", outcome.stdout + outcome.stderr)
            self.run_from(url, env={"SSL_CERT_FILE": str(self.folder / "ca.pem")})
            self.assertIn(spoken, (self.folder / "tls.log").read_text())
            shutil.rmtree(self.store)

    def test_a_certificate_for_another_name_is_refused(self):
        url = self.serve_tls("other.example")
        outcome = self.run_from(url, expect=3, env={"SSL_CERT_FILE": str(self.folder / "ca.pem")})
        self.assertIn("name", outcome.stdout + outcome.stderr)

    def proxy(self, *settings):
        port = support.free_port()
        conf = self.folder / f"proxy-{port}.conf"
        conf.write_text("\n".join([f"Port {port}", "Listen 127.0.0.1", "Timeout 30", "Allow 127.0.0.1", "MaxClients 50",
                                   f'LogFile "{self.folder}/proxy-{port}.log"', "LogLevel Connect", *settings]) + "\n")
        process = subprocess.Popen(["tinyproxy", "-d", "-c", conf], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)

        def answers():
            with contextlib.suppress(OSError), support.socket.create_connection(("127.0.0.1", port), 1):
                return True
        support.wait_for(answers, "the proxy answers")
        return port, self.folder / f"proxy-{port}.log"

    def test_a_proxy_with_and_without_a_password(self):
        tls = self.serve_tls("localhost")
        trust = {"SSL_CERT_FILE": str(self.folder / "ca.pem")}
        open_port, log = self.proxy()
        closed_port, _ = self.proxy(f"BasicAuth user {SECRET}")
        for url in (f"{self.origin.url}/c", tls):
            through = lambda proxy: dict(trust, http_proxy=proxy, https_proxy=proxy)  # noqa: E731
            self.run_from(url, env=through(f"http://127.0.0.1:{open_port}"))
            self.assertIn("Connect", log.read_text())
            shutil.rmtree(self.store)
            outcome = self.run_from(url, expect=3, env=through(f"http://127.0.0.1:{closed_port}"))
            self.assertIn("407", outcome.stdout + outcome.stderr)
            proxy = f"http://user:{SECRET}@127.0.0.1:{closed_port}"
            self.assert_secret_is_nowhere(self.run_from(url, "-vv", env=through(proxy)))
            shutil.rmtree(self.store)


# The cases of the base class are run once, as its own.
for name in [name for name in dir(Origins) if name.startswith("test_")]:
    setattr(Tls, name, None)


if __name__ == "__main__":
    support.main()
