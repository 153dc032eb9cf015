#include "shared/store/store_url.hpp"

#include "shared/base/strings.hpp"
#include "shared/net/url.hpp"
#include "shared/store/object_key.hpp"

#include <algorithm>
#include <charconv>
#include <span>

namespace athanor {

Result<StoreUrl> StoreUrl::parse(std::string_view text, const std::vector<std::string>& known) {
  ATHANOR_ASSIGN(const Url url, Url::parse(text));
  const std::string shown = url.redacted();
  if (!url.userinfo.empty()) {
    return make_error(ErrorKind::invalid, "the store '" + shown + "' has credentials in its URL",
                      "Put them where the cloud's own tools look for them");
  }
  StoreUrl store{.scheme = url.scheme, .container = url.host, .prefix = {}, .settings = {}};
  // A bucket's name is not a host: its spelling counts.
  const std::size_t start = text.find("://") + 3;
  store.container = text.substr(start, text.find_first_of("/?#", start) - start);
  if (store.container.empty() || url.port) {
    return make_error(ErrorKind::invalid, "the store '" + shown + "' names no bucket or container",
                      "Write it like " + url.scheme + "://name/prefix");
  }
  std::string_view path(url.path);
  while (path.starts_with('/')) {
    path.remove_prefix(1);
  }
  store.prefix = percent_decode(path);
  if (!store.prefix.empty() && !store.prefix.ends_with('/')) {
    store.prefix += '/';
  }
  ATHANOR_TRY(check_object_prefix(store.prefix));
  for (const std::string_view pair : split(url.query, '&')) {
    if (pair.empty()) {
      continue;
    }
    const std::string name = percent_decode(pair.substr(0, pair.find('=')));
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      const auto near = closest(name, std::span<const std::string>(known));
      return make_error(ErrorKind::invalid,
                        "the store '" + store.text() + "' has no setting '" + printable(name) + "'",
                        near ? "Did you mean '" + *near + "'?" : "Known are: " + join(known, ", "));
    }
    const std::size_t equals = pair.find('=');
    store.settings[name] =
        equals == std::string_view::npos ? "true" : percent_decode(pair.substr(equals + 1));
  }
  return store;
}

std::string StoreUrl::text() const {
  std::string path = prefix;
  if (!path.empty()) {
    path.pop_back();
  }
  return scheme + "://" + container + (path.empty() ? "" : "/" + path);
}

std::optional<std::string> StoreUrl::setting(const std::string& name) const {
  const auto found = settings.find(name);
  return found == settings.end() || found->second.empty() ? std::nullopt
                                                          : std::optional(found->second);
}

Result<bool> StoreUrl::flag(const std::string& name) const {
  const std::string value = setting(name).value_or("false");
  if (value == "true" || value == "yes" || value == "1") {
    return true;
  }
  if (value == "false" || value == "no" || value == "0") {
    return false;
  }
  return make_error(ErrorKind::invalid,
                    "the store setting '" + name + "' is neither true nor false");
}

Result<std::optional<std::uint64_t>> StoreUrl::number(const std::string& name, std::uint64_t least,
                                                      std::uint64_t most) const {
  const auto text = setting(name);
  if (!text) {
    return std::optional<std::uint64_t>();
  }
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc() || end != text->data() + text->size() || value < least || value > most) {
    return make_error(ErrorKind::invalid, "the store setting '" + name + "' is no number from " +
                                              std::to_string(least) + " to " +
                                              std::to_string(most));
  }
  return std::optional(value);
}

}  // namespace athanor
