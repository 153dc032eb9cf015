#include "shared/conda/source_url.hpp"

#include "shared/base/limits.hpp"
#include "shared/base/strings.hpp"

#include <utility>

namespace athanor {
namespace {

Error refused(const Url& url, std::string_view why) {
  return make_error(ErrorKind::invalid, "'" + printable(url.redacted(), 300) +
                                            "' can't be a package: " + std::string(why));
}

// What is wrong with the path as part of a store key; empty if nothing is. Segments are looked at
// decoded, since a reader of the store may decode them.
std::string_view path_problem(std::string_view path) {
  for (const std::string_view segment : split(path.substr(1), '/')) {
    const std::string decoded = percent_decode(segment);
    if (decoded.empty()) {
      return "the path has an empty segment";
    }
    if (decoded == "." || decoded == "..") {
      return "the path has a '.' or '..' segment";
    }
    if (decoded.find('/') != std::string::npos || decoded.find('\\') != std::string::npos) {
      return "a path segment holds an encoded slash or a backslash";
    }
    if (printable(decoded, limits::k_url_bytes * 4) != decoded) {
      return "the path holds control characters or bytes that aren't UTF-8";
    }
    if (segment.size() > limits::k_filename_bytes) {
      return "a path segment is longer than 255 bytes";
    }
  }
  return {};
}

// Channels of private servers carry their token in the path, "/t/<TOKEN>/": it is a credential.
std::string without_token(const std::string& path) {
  constexpr std::string_view k_marker = "/t/";
  const std::size_t marker = path.find(k_marker);
  if (marker == std::string::npos) {
    return path;
  }
  const std::size_t end = path.find('/', marker + k_marker.size());
  return end == std::string::npos ? path : path.substr(0, marker) + path.substr(end);
}

}  // namespace

Result<SourceUrl> SourceUrl::parse(std::string_view text, PackageType type) {
  ATHANOR_ASSIGN(Url url, Url::parse(text));
  SourceUrl source;
  url.fragment.clear();
  source.fetch_url_ = url.spell();
  if (const std::string_view problem = path_problem(url.path); !problem.empty()) {
    return refused(url, problem);
  }
  source.path_ = without_token(url.path);
  source.netloc_ = url.netloc();
  source.text_ = url.scheme + "://" + source.netloc_ + source.path_;
  source.type_ = type;
  const std::string filename =
      percent_decode(std::string_view(source.path_).substr(source.path_.rfind('/') + 1));
  const std::optional<Format> format = format_of_filename(filename, type);
  if (!format) {
    return refused(url, type == PackageType::conda
                            ? "the file name ends in neither .conda nor .tar.bz2"
                            : "the file name ends in none of .whl, .tar.gz and .zip");
  }
  source.format_ = *format;
  source.stem_ = filename.substr(0, filename.size() - extension(*format).size());
  if (type == PackageType::conda && !ArtifactName::parse(source.stem_)) {
    return refused(url, "the file name is not name-version-build");
  }
  return source;
}

std::string SourceUrl::subdir() const {
  const std::vector<std::string_view> segments = split(path_, '/');
  return segments.size() < 3 || type_ != PackageType::conda
             ? std::string()
             : std::string(segments[segments.size() - 2]);
}

std::string SourceUrl::channel() const {
  const std::size_t file = text_.rfind('/');
  const std::size_t folder = file == 0 ? std::string::npos : text_.rfind('/', file - 1);
  const std::size_t host_end = text_.find("://") + 3 + netloc_.size();
  return folder == std::string::npos || folder < host_end ? std::string() : text_.substr(0, folder);
}

}  // namespace athanor
