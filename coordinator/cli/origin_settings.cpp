#include "coordinator/cli/origin_settings.hpp"

#include "shared/base/byte_size.hpp"
#include "shared/base/limits.hpp"
#include "shared/base/strings.hpp"
#include "shared/net/mirrors.hpp"
#include "shared/net/url.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

namespace athanor::coordinator {
namespace {

constexpr std::array<std::string_view, 8> k_schemes = {"http", "https", "file",  "s3",
                                                       "gs",   "az",    "azure", "oci"};

Result<void> check_mirror(const std::string& prefix, bool allow_files) {
  ATHANOR_ASSIGN(const Url url, Url::parse(prefix));
  if (std::find(k_schemes.begin(), k_schemes.end(), url.scheme) == k_schemes.end()) {
    return make_error(ErrorKind::invalid, "'" + url.redacted() + "' can't be fetched from",
                      "mirrors are http, https, file, s3, gs, az or oci URLs");
  }
  if (url.scheme == "file" && !allow_files) {
    return make_error(ErrorKind::invalid, "'" + url.redacted() + "' is a local file",
                      "--allow-file-urls allows it");
  }
  return {};
}

Result<void> check_mirrors(const config::Settings& settings) {
  for (const auto& [prefix, text] : *settings.mirrors) {
    ATHANOR_ASSIGN(const Url from, Url::parse(prefix));
    if (!from.userinfo.empty()) {
      return make_error(ErrorKind::invalid, "'" + from.redacted() + "' must not hold a password",
                        "packages are known by their URL without one");
    }
    ATHANOR_ASSIGN(const std::vector<Mirror> mirrors, parse_mirrors(text));
    if (text.size() > limits::k_url_bytes) {
      return make_error(ErrorKind::invalid,
                        "the mirrors of '" + from.redacted() + "' are too long");
    }
    for (const Mirror& mirror : mirrors) {
      ATHANOR_TRY(check_mirror(mirror.prefix, *settings.allow_file_urls));
    }
  }
  return {};
}

}  // namespace

Result<void> check_origin_settings(const config::Settings& settings) {
  if (Result<void> checked = check_mirrors(settings); !checked) {
    return std::move(checked).error().with_context("origins.mirrors");
  }
  const auto size = parse_byte_size(*settings.max_package_size);
  if (!size || *size == 0) {
    return make_error(
        ErrorKind::invalid,
        "origins.max_package_size: '" + printable(*settings.max_package_size, 64) + "' is no size",
        "it looks like 16GiB");
  }
  const std::string& contact = *settings.contact;
  if (contact.size() > limits::k_filename_bytes || printable(contact, 1024) != contact ||
      contact.find_first_of("()\\") != std::string::npos) {
    return make_error(ErrorKind::invalid,
                      "origins.contact: '" + printable(contact, 64) + "' can't stand in a request",
                      "a mail address or a URL, up to 255 bytes, without brackets");
  }
  return {};
}

void set_origin_settings(const config::Settings& settings, protocol::WorkSettings& work) {
  work.mirrors = *settings.mirrors;
  work.max_package_bytes = parse_byte_size(*settings.max_package_size).value_or(0);
  work.contact = *settings.contact;
}

}  // namespace athanor::coordinator
