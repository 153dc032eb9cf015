"""athanor doctor finds what was broken on purpose, says how to mend it, and leaves nothing behind."""

import email.utils
import json
import time

import support


class Doctor(support.Scenario):
    def look(self, *arguments, expect, **options):
        outcome = self.athanor("doctor", *arguments, "--json", expect=expect, **options)
        report = outcome.json
        self.assertEqual(report["schema"], 1)
        self.assertEqual(report["ok"], expect == 0)
        for finding in report["findings"]:
            self.assertIn(finding["level"], ("ok", "warn", "fail"))
            if finding["level"] == "fail":
                self.assertNotEqual(finding["fix"], "", finding)
        return report["findings"]

    def level(self, findings, area, check):
        levels = [finding["level"] for finding in findings if (finding["area"], finding["check"]) == (area, check)]
        self.assertTrue(levels, f"nothing about {area}/{check} in {findings}")
        return levels[0]

    def says(self, findings, area, check):
        return next(f"{finding['says']} -> {finding['fix']}" for finding in findings
                    if (finding["area"], finding["check"]) == (area, check))

    def test_a_healthy_machine_is_healthy_and_nothing_is_left_in_the_store(self):
        channel = self.make_channel("team", "--packages", 3)
        nginx = support.Nginx(self, channel.parent)
        self.store.mkdir()
        findings = self.look(f"{nginx.url}/team", "--store", self.store, expect=0)
        for check in ("list", "put", "get", "conditional-put", "replace", "remove"):
            self.assertEqual(self.level(findings, "store", check), "ok")
        self.assertEqual(self.level(findings, "origin", f"{nginx.url}/team"), "ok")
        self.assertEqual(self.level(findings, "machine", "clock"), "ok")
        self.assertEqual(self.level(findings, "program", "athanor-worker"), "ok")
        left = [path for path in self.store.rglob("*") if path.is_file() and "doctor" in str(path)]
        self.assertEqual(left, [])
        text = self.athanor("doctor", f"{nginx.url}/team", "--store", self.store, expect=0).stdout
        self.assertRegex(text.splitlines()[-1], r"^0 failures, \d+ warnings$")

    def test_it_works_without_a_store_and_without_a_network(self):
        findings = self.look("--offline", expect=0)
        self.assertEqual(self.level(findings, "store", "url"), "warn")
        self.assertEqual(self.level(findings, "origin", "offline"), "ok")
        self.assertEqual(self.level(findings, "network", "offline"), "warn")

    def test_broken_settings_are_a_finding_and_the_rest_is_looked_at(self):
        (self.folder / "athanor.toml").write_text("[store]\nurll = 'x'\n")
        findings = self.look("--offline", expect=1)
        self.assertIn("athanor.toml:2", self.says(findings, "settings", "files"))
        self.level(findings, "limits", "open-files")
        (self.folder / "athanor.toml").unlink()
        (self.folder / "home" / ".condarc").write_text("channels: [a\n")
        findings = self.look("--offline", expect=1)
        self.assertIn(".condarc:", self.says(findings, "settings", "access"))
        self.level(findings, "disk", "scratch")

    def test_a_store_that_cannot_be_used_is_told(self):
        findings = self.look("--offline", "--store", self.folder / "no" / "store", expect=0)
        self.assertEqual(self.level(findings, "store", "open"), "warn")
        (self.folder / "file").write_text("")
        findings = self.look("--offline", "--store", self.folder / "file" / "store", expect=1)
        self.assertEqual(self.level(findings, "store", "open"), "fail")
        findings = self.look("--offline", "--store", "ftp://host/x", expect=1)
        self.assertEqual(self.level(findings, "store", "open"), "fail")

    def test_certificates_and_disks_that_are_wrong_are_told(self):
        empty = self.folder / "empty.pem"
        empty.write_text("nothing\n")
        findings = self.look("--offline", "--ca-bundle", empty, expect=1)
        self.assertEqual(self.level(findings, "network", "certificates"), "fail")
        findings = self.look("--offline", expect=1, env={"SSL_CERT_FILE": "/no/such/bundle.pem"})
        self.assertIn("SSL_CERT_FILE", self.says(findings, "settings", "access"))
        findings = self.look("--offline", "--scratch-dir", "/proc/nowhere", expect=1)
        self.assertEqual(self.level(findings, "disk", "scratch"), "fail")

    def test_another_worker_program_or_none_is_told(self):
        old = self.folder / "old-worker"
        old.write_text("#!/bin/sh\necho athanor-worker 0.0.1\n")
        old.chmod(0o755)
        findings = self.look("--offline", "--worker-program", old, expect=0)
        self.assertEqual(self.level(findings, "program", "athanor-worker"), "warn")
        findings = self.look("--offline", "--worker-program", "/no/such/worker", expect=1)
        self.assertEqual(self.level(findings, "program", "athanor-worker"), "fail")

    def test_origins_that_refuse_are_away_or_have_another_time_are_told(self):
        origin = support.Origin(self, self.folder)

        def with_date(handler, shift, status=200):
            handler.send_response_only(status)
            handler.send_header("Date", email.utils.formatdate(time.time() + shift, usegmt=True))
            handler.send_header("X-RateLimit-Limit", "20")
            handler.send_header("Content-Length", "2")
            handler.end_headers()
            handler.wfile.write(b"{}")

        origin.rules["late/noarch/repodata.json"] = lambda handler: with_date(handler, -3600)
        origin.rules["early/noarch/repodata.json"] = lambda handler: with_date(handler, 60)
        origin.rules["private/noarch/repodata.json"] = lambda handler: with_date(handler, 0, 401)
        findings = self.look(f"{origin.url}/late", expect=1)
        self.assertEqual(self.level(findings, "machine", "clock"), "fail")
        self.assertEqual(self.level(findings, "origin", f"{origin.url}/late"), "ok")
        self.assertIn("x-ratelimit-limit: 20", self.says(findings, "origin", f"{origin.url}/late"))
        findings = self.look(f"{origin.url}/early", expect=0)
        self.assertEqual(self.level(findings, "machine", "clock"), "warn")
        findings = self.look(f"{origin.url}/private", expect=1)
        self.assertIn("auth test", self.says(findings, "origin", f"{origin.url}/private"))
        findings = self.look(f"{origin.url}/absent", expect=1)
        self.assertEqual(self.level(findings, "origin", f"{origin.url}/absent"), "fail")
        away = f"http://127.0.0.1:{support.free_port()}"
        findings = self.look(f"{away}/channel", expect=1)
        self.assertIn("proxy", self.says(findings, "origin", f"{away}/channel"))
        findings = self.look(f"{origin.url}/early", "--proxy", away, expect=1)
        self.assertEqual(self.level(findings, "origin", f"{origin.url}/early"), "fail")

    def test_endpoints_and_keys_that_are_wrong_are_told(self):
        origin = support.Origin(self, self.folder)
        listening = origin.url.replace("http://", "tcp://")
        findings = self.look("--offline", "--connect", listening, expect=0)
        self.assertEqual(self.level(findings, "transport", "endpoint"), "ok")
        for endpoint in (f"tcp://127.0.0.1:{support.free_port()}", "tcp://127.0.0.1", "udp://x:1",
                         "tcp://no.such.host.invalid:1", f"ipc://{self.folder}/nobody.sock"):
            findings = self.look("--offline", "--connect", endpoint, expect=1)
            self.assertEqual(self.level(findings, "transport", "endpoint"), "fail")
        key = self.folder / "worker.secret"
        key.write_text("not a key\n")
        findings = self.look("--offline", "--key", key, "--server-key", "neither", expect=1)
        self.assertEqual(self.level(findings, "transport", "key"), "fail")
        self.assertEqual(self.level(findings, "transport", "server-key"), "fail")

    def test_the_channels_are_those_of_condas_configuration(self):
        channel = self.make_channel("team", "--packages", 3)
        nginx = support.Nginx(self, channel.parent)
        (self.folder / "home" / ".condarc").write_text(
            f"channels: [team]\nchannel_alias: {nginx.url}\nssl_verify: false\n")
        findings = self.look(expect=0)
        self.assertEqual(self.level(findings, "origin", f"{nginx.url}/team"), "ok")
        self.assertIn("not obeyed", json.dumps(findings))
        shown = self.athanor("config", "show", expect=0).stdout
        self.assertRegex(shown, r'conda: channels = \["team"\] +<- .*\.condarc:1')


if __name__ == "__main__":
    support.main()
