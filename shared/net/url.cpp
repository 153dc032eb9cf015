#include "shared/net/url.hpp"

#include "shared/base/limits.hpp"
#include "shared/base/strings.hpp"

#include <algorithm>
#include <charconv>

namespace athanor {
namespace {

bool is_scheme(std::string_view text) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  const auto other = [](char c) {
    return (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
  };
  return !text.empty() && letter(text.front()) &&
         std::all_of(text.begin(), text.end(), [&](char c) { return letter(c) || other(c); });
}

bool is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_' || c == '.' || c == '~';
}

Error invalid_url(std::string_view text, std::string_view why) {
  std::string message = "'" + printable(redact_url(text), 200) + "' is not a URL: ";
  return make_error(ErrorKind::invalid, message + std::string(why));
}

// Splits "host:port" into url; says what is wrong, or nothing.
std::string_view parse_host_and_port(std::string_view text, Url& url) {
  std::size_t host_end = text.find(':');
  if (text.starts_with('[')) {
    const std::size_t bracket = text.find(']');
    if (bracket == std::string_view::npos) {
      return "the IPv6 address has no closing ']'";
    }
    host_end = bracket + 1 < text.size() ? bracket + 1 : std::string_view::npos;
  }
  url.host = to_lower(text.substr(0, host_end));
  if (host_end == std::string_view::npos) {
    return {};
  }
  const std::string_view port = text.substr(host_end + 1);
  if (text[host_end] != ':') {
    return "something stands between the host and the path";
  }
  if (port.empty()) {
    return {};
  }
  std::uint16_t number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (error != std::errc{} || end != port.data() + port.size() || number == 0) {
    return "the port is not a number from 1 to 65535";
  }
  url.port = number;
  return {};
}

// "/t/<TOKEN>", "/t/<TOKEN>/..." → where the token begins and how long it is; npos if there is
// none.
std::pair<std::size_t, std::size_t> find_token(std::string_view path) {
  constexpr std::string_view k_marker = "/t/";
  const std::size_t marker = path.find(k_marker);
  if (marker == std::string_view::npos) {
    return {std::string_view::npos, 0};
  }
  const std::size_t begin = marker + k_marker.size();
  const std::size_t end = std::min(path.find('/', begin), path.size());
  if (end == begin) {
    return {std::string_view::npos, 0};
  }
  return {begin, end - begin};
}

std::string redact_token(std::string path) {
  if (const auto [begin, length] = find_token(path); begin != std::string_view::npos) {
    path.replace(begin, length, "***");
  }
  return path;
}

}  // namespace

Result<Url> Url::parse(std::string_view text) {
  if (text.size() > limits::k_url_bytes) {
    return invalid_url(text.substr(0, 200),
                       "it is longer than " + std::to_string(limits::k_url_bytes) + " bytes");
  }
  if (!is_utf8(text) || std::any_of(text.begin(), text.end(), [](char c) {
        return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f;
      })) {
    return invalid_url(text, "it holds white space, control characters or bytes that aren't UTF-8");
  }
  const std::size_t scheme_end = text.find("://");
  if (scheme_end == std::string_view::npos || !is_scheme(text.substr(0, scheme_end))) {
    return invalid_url(text, "it doesn't begin with a scheme, like https://");
  }
  Url url;
  url.scheme = to_lower(text.substr(0, scheme_end));
  std::string_view rest = text.substr(scheme_end + 3);
  if (const std::size_t hash = rest.find('#'); hash != std::string_view::npos) {
    url.fragment = rest.substr(hash + 1);
    rest = rest.substr(0, hash);
  }
  if (const std::size_t question = rest.find('?'); question != std::string_view::npos) {
    url.query = rest.substr(question + 1);
    rest = rest.substr(0, question);
  }
  const std::size_t path_begin = std::min(rest.find('/'), rest.size());
  url.path = path_begin < rest.size() ? rest.substr(path_begin) : "/";
  std::string_view authority = rest.substr(0, path_begin);
  if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) {
    url.userinfo = authority.substr(0, at);
    authority.remove_prefix(at + 1);
  }
  if (const std::string_view wrong = parse_host_and_port(authority, url); !wrong.empty()) {
    return invalid_url(text, wrong);
  }
  if (url.host.empty() && url.scheme != "file") {
    return invalid_url(text, "it names no host");
  }
  return url;
}

std::string Url::netloc() const {
  return port ? host + ":" + std::to_string(*port) : host;
}

std::string Url::spell() const {
  std::string text = scheme + "://";
  if (!userinfo.empty()) {
    text += userinfo + "@";
  }
  text += netloc() + path;
  if (!query.empty()) {
    text += "?" + query;
  }
  if (!fragment.empty()) {
    text += "#" + fragment;
  }
  return text;
}

std::string Url::redacted() const {
  Url safe = *this;
  safe.userinfo = userinfo.empty() ? "" : "***";
  safe.query = query.empty() ? "" : "***";
  safe.path = redact_token(path);
  return safe.spell();
}

namespace {

// Where the "@" behind user and password stands; `begin` if there is none. A password with a "/"
// that isn't encoded makes no URL, but it must not be printed either.
std::size_t end_of_userinfo(std::string_view text, std::size_t begin, std::size_t authority_end) {
  const std::string_view authority = text.substr(begin, authority_end - begin);
  if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) {
    return begin + at;
  }
  const std::size_t colon = authority.rfind(':');
  const bool no_port = colon != std::string_view::npos && !authority.starts_with('[') &&
                       authority.find_first_not_of("0123456789", colon + 1) != std::string::npos;
  const std::size_t at = no_port ? text.rfind('@') : std::string_view::npos;
  return at == std::string_view::npos || at < begin ? begin : at;
}

}  // namespace

std::string redact_url(std::string_view text) {
  std::string safe(text);
  const std::size_t scheme_end = safe.find("://");
  const std::size_t begin = scheme_end == std::string::npos ? 0 : scheme_end + 3;
  if (const std::size_t question = safe.find('?', begin); question != std::string::npos) {
    safe.replace(question + 1, std::string::npos, "***");
  }
  const std::size_t authority_end = std::min(safe.find('/', begin), safe.size());
  if (const std::size_t at = end_of_userinfo(safe, begin, authority_end); at > begin) {
    safe.replace(begin, at - begin, "***");
  }
  return redact_token(std::move(safe));
}

std::string percent_decode(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      if (const auto byte = from_hex(text.substr(i + 1, 2))) {
        decoded += static_cast<char>(byte->front());
        i += 2;
        continue;
      }
    }
    decoded += text[i];
  }
  return decoded;
}

std::string percent_encode(std::string_view text, KeepSlash keep_slash) {
  constexpr std::string_view k_digits = "0123456789ABCDEF";
  std::string encoded;
  encoded.reserve(text.size());
  for (const char c : text) {
    if (is_unreserved(c) || (c == '/' && keep_slash == KeepSlash::yes)) {
      encoded += c;
    } else {
      const auto byte = static_cast<std::uint8_t>(c);
      encoded += '%';
      encoded += k_digits[byte >> 4U];
      encoded += k_digits[byte & 15U];
    }
  }
  return encoded;
}

}  // namespace athanor
