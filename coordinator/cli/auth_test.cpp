#include "coordinator/cli/settings_options.hpp"
#include "coordinator/cli/verb.hpp"
#include "coordinator/doctor/origin_probe.hpp"
#include "shared/base/strings.hpp"
#include "shared/json/json.hpp"
#include "shared/net/url.hpp"

#include <algorithm>
#include <ostream>

namespace athanor::coordinator {

namespace {

// What one URL's test has shown.
struct AuthTest {
  std::string url{};  // redacted
  std::vector<LinkReport> links{};
  std::string proxy{};  // redacted; empty: directly
  bool plain_secret = false;
  std::optional<OriginAnswer> answer{};
  std::optional<Error> error{};  // of the request, or what the answer means
  std::string verdict{};
};

Json link_json(const LinkReport& link) {
  return Json::object({{"name", link.name},
                       {"place", link.place},
                       {"matched", link.matched},
                       {"used", link.used},
                       {"where", link.where},
                       {"would_send", link.would_send}});
}

Json test_json(const AuthTest& test) {
  Json links = Json::array();
  for (const LinkReport& link : test.links) {
    links.push_back(link_json(link));
  }
  Json object = Json::object({{"url", test.url},
                              {"ok", !test.error.has_value()},
                              {"links", std::move(links)},
                              {"proxy", test.proxy}});
  if (test.answer) {
    object.set("answer", Json::object({{"method", test.answer->method},
                                       {"status", test.answer->status},
                                       {"milliseconds", std::int64_t{test.answer->elapsed.count()}},
                                       {"effective_url", test.answer->effective_url},
                                       {"limits", test.answer->limits}}));
  }
  if (test.error) {
    object.set("error", Json::object({{"kind", to_string(test.error->kind)},
                                      {"message", test.error->message},
                                      {"hint", test.error->hint}}));
  }
  return object;
}

class AuthTestVerb final : public Verb {
 public:
  cli::CommandText text() const override {
    return {.name = "auth test",
            .usage = "URL|CHANNEL [OPTIONS]",
            .summary = "Show which credentials a URL gets, and try them",
            .description =
                "Asks every place that may know a password or token for the URL, in order: the "
                "first that matches is used. Shows what each knows and where it stands (never the "
                "secret itself), then asks the server for the URL's head and says what it "
                "answers. A channel's name stands for its noarch/repodata.json.\n\n"
                "Ends with 0 if the server lets us in, 3 if it refuses, 2 if it knows no such "
                "file, 75 if it can't be reached now.",
            .examples = {
                {.command = "athanor auth test conda-forge",
                 .says = "Whether the channel can be read from here."},
                {.command = "athanor auth test https://repo.example.com/x/noarch/repodata.json",
                 .says = "Who knows the password, and whether it is right."}}};
  }

  void declare(cli::OptionTable& table) override {
    table.positionals(
        {.name = "URL", .at_least = 1, .at_most = 1, .help = "A URL, or a channel's name."},
        texts_);
    options_.declare_network(table);
    options_.declare_files(table);
  }

  Result<cli::ExitStatus> run(VerbContext& context) override {
    ATHANOR_TRY(options_.load(context));
    ATHANOR_ASSIGN(const Access access, options_.load_access(context));
    ATHANOR_ASSIGN(const std::vector<std::string> urls, urls_of(access));
    ATHANOR_ASSIGN(const std::unique_ptr<HttpClient> http, make_origin_http_client(access));
    cli::ExitStatus status = cli::ExitStatus::ready;
    Json tests = Json::array();
    for (const std::string& url : urls) {
      ATHANOR_ASSIGN(const AuthTest test, try_url(access, *http, context.clock, url));
      if (context.common.output == OutputFormat::text) {
        print(context, test);
      } else {
        tests.push_back(test_json(test));
      }
      if (test.error && status == cli::ExitStatus::ready) {
        status = cli::exit_status_of(test.error->kind);
      }
    }
    if (context.common.output != OutputFormat::text) {
      context.out << dump_json(Json::object({{"schema", 1},
                                             {"ok", status == cli::ExitStatus::ready},
                                             {"tests", std::move(tests)}}))
                  << '\n';
    }
    return status;
  }

 private:
  Result<std::vector<std::string>> urls_of(const Access& access) const {
    const std::string& text = texts_.front();
    if (has_scheme(text)) {
      ATHANOR_ASSIGN(const Url url, Url::parse(text));
      if (url.scheme != "http" && url.scheme != "https") {
        return make_error(ErrorKind::invalid, url.redacted() + " is no HTTP URL",
                          "stores' credentials are tried by `athanor doctor --store URL`");
      }
      return std::vector{text};
    }
    ATHANOR_ASSIGN(const std::vector<Channel> channels, access.channels().resolve(text));
    std::vector<std::string> urls;
    for (const Channel& channel : channels) {
      urls.push_back(index_url_of(channel));
    }
    return urls;
  }

  static Result<AuthTest> try_url(const Access& access, HttpClient& http, const Clock& clock,
                                  const std::string& url) {
    AuthTest test{.url = redact_url(url)};
    ATHANOR_ASSIGN(test.links, access.credentials->explain(url));
    test.proxy = redact_url(proxy_for(access.network.proxies, url).value_or(""));
    test.plain_secret =
        url.starts_with("http://") && std::any_of(test.links.begin(), test.links.end(),
                                                  [](const LinkReport& link) { return link.used; });
    auto answer = ask_origin(http, clock, url);
    if (!answer) {
      test.error = std::move(answer).error();
      return test;
    }
    test.answer = *answer;
    auto verdict = judge_answer(*answer, test.url);
    if (verdict) {
      test.verdict = *verdict;
    } else {
      test.error = std::move(verdict).error();
    }
    return test;
  }

  void print(VerbContext& context, const AuthTest& test) const {
    std::ostream& out = context.out;
    const auto style = [&](cli::Style wanted, const std::string& text) {
      return styled(context.out_terminal, wanted, text);
    };
    constexpr std::size_t k_name_width = 10;
    out << style(cli::Style::bold, printable(test.url, 4096)) << '\n';
    for (const LinkReport& link : test.links) {
      std::string name = link.name;
      name.resize(std::max(name.size(), k_name_width), ' ');
      out << "  " << name << "  ";
      if (link.matched) {
        out << (link.used ? style(cli::Style::green, "used    ") : "matches ") << "  "
            << printable(link.would_send, 4096) << "  <- " << printable(link.where, 4096);
      } else if (link.place.empty()) {
        out << style(cli::Style::dim, "nothing is there");
      } else {
        out << style(cli::Style::dim, "no match  " + printable(link.place, 4096));
      }
      out << '\n';
    }
    if (!test.proxy.empty()) {
      out << "  through the proxy " << printable(test.proxy) << '\n';
    }
    if (test.plain_secret) {
      print_warning(context,
                    "the connection is not encrypted: anybody on the way can read the "
                    "credentials. Use https://.");
    }
    if (test.error) {
      out << style(cli::Style::red, "refused") << ": " << printable(test.error->message, 4096)
          << '\n';
      if (!test.error->hint.empty()) {
        out << "  " << printable(test.error->hint, 4096) << '\n';
      }
      return;
    }
    out << style(cli::Style::green, "ok") << ": " << test.answer->method << " answered "
        << test.verdict;
    if (!test.answer->limits.empty()) {
      out << " (" << printable(test.answer->limits) << ')';
    }
    out << '\n';
  }

  std::vector<std::string> texts_;
  SettingsOptions options_;
};

}  // namespace

std::unique_ptr<Verb> make_auth_test_verb() {
  return std::make_unique<AuthTestVerb>();
}

}  // namespace athanor::coordinator
