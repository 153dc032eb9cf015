#pragma once

#include "shared/base/result.hpp"
#include "shared/conda/artifact.hpp"
#include "shared/net/url.hpp"

#include <compare>
#include <string>
#include <string_view>

namespace athanor {

// Where an artifact was first published: the identity of a job and of a store folder. Credentials
// (user, password, /t/TOKEN/, query) are taken off, because identities are printed and stored; what
// is needed to fetch is in `fetch_url`. Value type.
class SourceUrl {
 public:
  // Reads a URL as an input spells it. invalid: not a URL, "." or ".." segments or "//" in the path
  // (also percent-encoded), no file name, or a file name that is no artifact of this type.
  static Result<SourceUrl> parse(std::string_view text, PackageType type);

  // The canonical URL, safe to print:
  // "https://conda.anaconda.org/conda-forge/linux-64/x-1-0.conda".
  const std::string& text() const { return text_; }
  // The URL to fetch, as the input spelled it, credentials included. Never printed, never stored.
  const std::string& fetch_url() const { return fetch_url_; }

  PackageType type() const { return type_; }
  Format format() const { return format_; }
  const std::string& netloc() const { return netloc_; }  // "host" or "host:port", never userinfo
  const std::string& path() const { return path_; }      // with leading "/", as spelled, no token
  // The file name without extension, percent-decoded: "zlib-1.2.11-h7b6447c_3".
  const std::string& stem() const { return stem_; }
  // The path's segment before the file name: "linux-64" for conda artifacts; empty if none.
  std::string subdir() const;
  // The URL before subdir and file name, for showing channels; empty if the path is too short.
  std::string channel() const;

  // Identity only: two inputs with different credentials name the same source.
  friend bool operator==(const SourceUrl& a, const SourceUrl& b) { return a.text_ == b.text_; }
  friend auto operator<=>(const SourceUrl& a, const SourceUrl& b) { return a.text_ <=> b.text_; }

 private:
  std::string text_;
  std::string fetch_url_;
  std::string netloc_;
  std::string path_;
  std::string stem_;
  PackageType type_ = PackageType::conda;
  Format format_ = Format::conda;
};

}  // namespace athanor
