#include "coordinator/doctor/origin_probe.hpp"

#include "shared/base/strings.hpp"
#include "shared/base/units.hpp"
#include "shared/net/http_date.hpp"
#include "shared/net/retry.hpp"
#include "shared/net/url.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace athanor::coordinator {
namespace {

constexpr std::string_view k_area = "origin";

std::string limits_of(const HttpResponse& response) {
  std::string said;
  for (const char* name : {"retry-after", "ratelimit-limit", "ratelimit-remaining",
                           "x-ratelimit-limit", "x-ratelimit-remaining"}) {
    if (const auto value = response.header(name)) {
      said += (said.empty() ? "" : ", ") + std::string(name) + ": " + printable(*value, 60);
    }
  }
  return said;
}

std::string milliseconds_text(std::chrono::milliseconds elapsed) {
  return std::to_string(elapsed.count()) + " ms";
}

void look_at_clock(Findings& findings, const OriginAnswer& answer) {
  // Requests to clouds are signed with the time; they refuse what is 15 minutes off, some 5.
  constexpr std::chrono::seconds k_bad{300};
  constexpr std::chrono::seconds k_odd{30};
  const std::chrono::seconds ahead = *answer.clock_ahead;
  const std::chrono::seconds off(std::abs(ahead.count()));
  const std::string says = "this machine's clock is " + std::to_string(off.count()) + " s " +
                           (ahead.count() < 0 ? "behind" : "ahead of") + " the origin's";
  const std::string fix = "set it by a time service (timedatectl set-ntp true)";
  if (off >= k_bad) {
    findings.fail("machine", "clock", says + "; signed requests to clouds are refused", fix);
  } else if (off >= k_odd) {
    findings.warn("machine", "clock", says, fix);
  } else {
    findings.ok("machine", "clock", "the clock agrees with the origin's");
  }
}

}  // namespace

Result<OriginAnswer> ask_origin(HttpClient& http, const Clock& clock, const std::string& url,
                                std::stop_token stop) {
  OriginAnswer answer{.method = "HEAD"};
  HttpRequest request{.method = "HEAD", .url = url};
  const HttpSink nothing = [](std::span<const std::uint8_t>) -> Result<void> { return {}; };
  const TimePoint began = clock.now();
  ATHANOR_ASSIGN(HttpResponse response, http.perform(request, nothing, stop));
  const bool no_head = response.status == 405 || response.status == 501;
  if (no_head) {
    answer.method = "GET";
    request = {.url = url, .headers = {{"Range", "bytes=0-0"}}, .max_body_bytes = 64_KiB};
    auto got = http.perform(request, nothing, stop);
    // A server that sends everything has let us in all the same.
    if (!got && got.error().kind != ErrorKind::rejected) {
      return std::move(got).error();
    }
    if (got) {
      response = std::move(*got);
    } else {
      response.status = 200;
    }
  }
  answer.status = response.status;
  answer.elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(clock.now() - began);
  answer.effective_url = response.effective_url;
  answer.limits = limits_of(response);
  if (const auto date = response.header("date")) {
    if (const auto time = parse_http_date(*date)) {
      answer.clock_ahead =
          std::chrono::duration_cast<std::chrono::seconds>(clock.wall_now() - *time);
    }
  }
  return answer;
}

Result<std::string> judge_answer(const OriginAnswer& answer, const std::string& redacted_url) {
  if (answer.status >= 200 && answer.status < 300) {
    return std::to_string(answer.status) + " in " + milliseconds_text(answer.elapsed);
  }
  HttpResponse response;
  response.status = answer.status;
  Error error = status_error(response, redacted_url);
  if (answer.status == 404) {
    error.hint = "check the channel's name; a server may answer so to who isn't let in, too";
  }
  return error;
}

std::string index_url_of(const Channel& channel) {
  return join_path(channel.fetch_url, "noarch/repodata.json");
}

namespace {

// Asks origins and notes what they say.
class OriginLook {
 public:
  OriginLook(Findings& findings, const Access& access, const Clock& clock, HttpClient& http)
      : findings_(findings),
        access_(access),
        clock_(clock),
        http_(http) {}

  enum class Expect { file, anything };

  // `shown` is what the origin is called; `url` may hold secrets.
  void ask(const std::string& shown, const std::string& url, Expect expect, std::stop_token stop) {
    const std::string area(k_area);
    const std::string link = access_.credentials->authorize(url).link;
    const auto answer = ask_origin(http_, clock_, url, std::move(stop));
    if (!answer) {
      findings_.fail(area, shown, answer.error(),
                     "check name, network and proxy (network.proxy, no_proxy)");
      return;
    }
    if (!clock_seen_ && answer->clock_ahead) {
      clock_seen_ = true;
      look_at_clock(findings_, *answer);
    }
    auto judged = judge_answer(*answer, redact_url(url));
    const bool missing = !judged && judged.error().kind == ErrorKind::not_found;
    if (missing && expect == Expect::anything) {
      judged = std::to_string(answer->status) + " in " + milliseconds_text(answer->elapsed);
    }
    if (!judged) {
      findings_.fail(area, shown, judged.error());
      return;
    }
    std::string says = shown + ": " + *judged;
    says += link.empty() ? ", without credentials" : ", with credentials of " + link;
    says += answer->limits.empty() ? "" : "; " + answer->limits;
    constexpr std::chrono::milliseconds k_slow{2'000};
    if (answer->elapsed > k_slow) {
      findings_.warn(area, shown, says + ": slow",
                     "a mirror that is nearer helps: origins.map or mirrored_channels");
    } else {
      findings_.ok(area, shown, says);
    }
  }

 private:
  Findings& findings_;
  const Access& access_;
  const Clock& clock_;
  HttpClient& http_;
  bool clock_seen_ = false;
};

bool is_http(const std::string& url) {
  return url.starts_with("http://") || url.starts_with("https://");
}

}  // namespace

void look_at_origins(Findings& findings, const Access& access, const Clock& clock,
                     const Origins& origins, std::stop_token stop) {
  const std::string area(k_area);
  if (access.network.offline) {
    findings.ok(area, "offline",
                "not asked: the network is off (" + access.network.offline_where + ")");
    return;
  }
  auto http = make_origin_http_client(access);
  if (!http) {
    findings.fail(area, "client", http.error());
    return;
  }
  OriginLook look(findings, access, clock, **http);
  const ChannelConfig channels = access.channels();
  for (const std::string& text : origins.channels) {
    auto resolved = channels.resolve(text);
    if (!resolved) {
      findings.fail(area, redact_url(text), resolved.error());
      continue;
    }
    for (const Channel& channel : *resolved) {
      if (!is_http(channel.base_url)) {
        findings.ok(area, channel.base_url, channel.base_url + ": not asked, it is no HTTP server");
        continue;
      }
      look.ask(channel.base_url, index_url_of(channel), OriginLook::Expect::file, stop);
    }
  }
  for (const std::string& base : origins.bases) {
    if (is_http(base)) {
      look.ask(redact_url(base), base, OriginLook::Expect::anything, stop);
    }
  }
}

}  // namespace athanor::coordinator
