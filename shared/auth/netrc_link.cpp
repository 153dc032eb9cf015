#include "shared/auth/links.hpp"
#include "shared/base/strings.hpp"

#include <algorithm>

namespace athanor {
namespace {

// The words of a netrc file, each with its line. "#" begins a comment where a keyword may stand;
// quotes hold a word with blanks together.
class Words {
 public:
  explicit Words(std::string_view text)
      : text_(text) {}

  std::optional<std::string> next() {
    while (at_ < text_.size() && is_blank(text_[at_])) {
      step();
    }
    if (at_ >= text_.size()) {
      return std::nullopt;
    }
    std::string word;
    if (text_[at_] == '"') {
      for (step(); at_ < text_.size() && text_[at_] != '"'; step()) {
        if (text_[at_] == '\\' && at_ + 1 < text_.size()) {
          step();
        }
        word += text_[at_];
      }
      step();
      return word;
    }
    while (at_ < text_.size() && !is_blank(text_[at_])) {
      word += text_[at_];
      step();
    }
    return word;
  }
  void skip_line() {
    while (at_ < text_.size() && text_[at_] != '\n') {
      step();
    }
  }
  // A macro's body ends with an empty line.
  void skip_macro() {
    const std::size_t end = text_.find("\n\n", at_);
    while (at_ < std::min(end, text_.size())) {
      step();
    }
  }
  std::size_t line() const { return line_; }

 private:
  static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
  void step() {
    if (at_ < text_.size()) {
      line_ += text_[at_] == '\n' ? 1U : 0U;
      ++at_;
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
};

struct Machine {
  std::string host{};
  std::string login{};
  std::string account{};
  std::string password{};
  std::size_t line = 0;
};

class NetrcLink final : public CredentialLink {
 public:
  NetrcLink(std::string place, const std::string& text)
      : place_(std::move(place)) {
    read(text);
  }
  std::string_view name() const override { return "netrc"; }
  std::string place() const override { return place_; }
  // By host alone, whatever the port: so curl and conda have it. The default entry fits every host.
  std::optional<Credential> find(const Url& url) const override {
    auto found = std::find_if(machines_.begin(), machines_.end(),
                              [&](const Machine& machine) { return machine.host == url.host; });
    if (found == machines_.end()) {
      found = std::find_if(machines_.begin(), machines_.end(),
                           [](const Machine& machine) { return machine.host.empty(); });
    }
    if (found == machines_.end()) {
      return std::nullopt;
    }
    return Credential{.kind = Credential::Kind::basic,
                      .user = found->login.empty() ? found->account : found->login,
                      .secret = found->password,
                      .where = place_ + ":" + std::to_string(found->line)};
  }

 private:
  void read(const std::string& text) {
    Words words(text);
    while (const auto word = words.next()) {
      if (word->starts_with('#')) {
        words.skip_line();
      } else if (*word == "machine") {
        const std::size_t line = words.line();
        machines_.push_back({.host = to_lower(words.next().value_or("")), .line = line});
      } else if (*word == "default") {
        machines_.push_back({.line = words.line()});
      } else if (*word == "macdef") {
        words.skip_macro();
      } else if (!machines_.empty() && (*word == "login" || *word == "user")) {
        machines_.back().login = words.next().value_or("");
      } else if (!machines_.empty() && *word == "account") {
        machines_.back().account = words.next().value_or("");
      } else if (!machines_.empty() && *word == "password") {
        machines_.back().password = words.next().value_or("");
      }
    }
    std::erase_if(machines_, [](const Machine& machine) {
      return machine.login.empty() && machine.password.empty() && machine.account.empty();
    });
  }

  std::string place_;
  std::vector<Machine> machines_;  // an empty host is the default entry
};

}  // namespace

CredentialLinkPtr make_netrc_link(const CredentialSources& sources, Warnings& warnings) {
  std::vector<std::filesystem::path> files;
  if (const auto named = sources.environment("NETRC"); named && !named->empty()) {
    files.push_back(absolute_of(sources, *named));
  } else if (const auto home = home_of(sources)) {
    files = {*home / ".netrc", *home / "_netrc"};
  }
  for (const std::filesystem::path& file : files) {
    if (const auto text = read_secret_file(file, warnings)) {
      return std::make_unique<NetrcLink>(file.string(), *text);
    }
  }
  return std::make_unique<NetrcLink>("", "");
}

}  // namespace athanor
