#include "tests/support/package_builder.hpp"

#include "shared/archive/package_writer.hpp"
#include "shared/os/files.hpp"
#include "tests/support/results.hpp"
#include "tests/support/scratch_dir.hpp"

#include <fcntl.h>

#include <memory>

namespace athanor::test {
namespace {

std::string index_json(const PackageSpec& spec) {
  if (!spec.index_json.empty()) {
    return spec.index_json;
  }
  return "{\"name\": \"" + spec.name + "\", \"version\": \"" + spec.version + "\", \"build\": \"" +
         spec.build + "\", \"build_number\": 0, \"depends\": [], \"subdir\": \"" + spec.subdir +
         "\"}";
}

void add(PackageWriter& writer, const std::string& path, const std::string& content) {
  TarEntry entry;
  entry.path = path;
  entry.mode = 0644;
  entry.size = content.size();
  entry.modified.seconds = 1'700'000'000;
  must(writer.begin(entry));
  must(writer.write(bytes_of(content)));
}

}  // namespace

std::string build_package(const PackageSpec& spec, Format format) {
  const ScratchDir scratch;
  const std::filesystem::path path = scratch / spec.filename(format);
  {
    const Fd fd = must(open_file(path, O_RDWR | O_CREAT | O_EXCL));
    std::unique_ptr<PackageWriter> writer;
    if (format == Format::conda) {
      writer = std::make_unique<CondaWriter>(
          fd, path, CondaWriterOptions{.stem = spec.stem(), .zstd_level = 3});
    } else {
      writer = std::make_unique<TarBz2Writer>(fd, path, 0);
    }
    add(*writer, "info/index.json", index_json(spec));
    for (const auto& [name, content] : spec.files) {
      add(*writer, name, content);
    }
    must(writer->finish());
  }
  return must(read_file(path, UINT64_MAX));
}

}  // namespace athanor::test
