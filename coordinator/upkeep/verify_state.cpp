#include "coordinator/upkeep/verify_state.hpp"

#include "coordinator/upkeep/lines.hpp"
#include "shared/json/view.hpp"
#include "shared/os/files.hpp"
#include "shared/os/path_text.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <utility>
#include <vector>

namespace athanor::coordinator {
namespace {

constexpr std::string_view k_kind = "athanor store verify";

Json identity_json(const VerifyIdentity& identity) {
  return Json::object({{"schema", 1},
                       {"kind", k_kind},
                       {"store", identity.store_url},
                       {"chosen", identity.chosen}});
}

Json state_json(const Finding& finding) {
  return Json::object({{"finding", to_string(finding.kind)},
                       {"key", finding.key},
                       {"what", finding.what},
                       {"size", finding.size},
                       {"version", finding.version_tag},
                       {"harms_readers", finding.harms_readers}});
}

Result<Finding> finding_from(const JsonView& line) {
  Finding finding;
  ATHANOR_ASSIGN(const std::string_view kind, line.string("finding"));
  const auto known = finding_kind_from_string(kind);
  if (!known) {
    return line.expected("a kind of finding");
  }
  finding.kind = *known;
  ATHANOR_ASSIGN(finding.key, line.string("key"));
  ATHANOR_ASSIGN(finding.what, line.string("what"));
  ATHANOR_ASSIGN(const auto size, line.optional_unsigned("size"));
  finding.size = size.value_or(0);
  ATHANOR_ASSIGN(finding.version_tag, line.string("version"));
  ATHANOR_ASSIGN(const auto harms, line.optional_boolean("harms_readers"));
  finding.harms_readers = harms.value_or(false);
  return finding;
}

Result<VerifyCheckpoint> checkpoint_from(const JsonView& line) {
  VerifyCheckpoint checkpoint;
  ATHANOR_ASSIGN(checkpoint.through, line.string("through"));
  ATHANOR_ASSIGN(const auto objects, line.optional_unsigned("objects_read"));
  ATHANOR_ASSIGN(const auto bytes, line.optional_unsigned("bytes_read"));
  checkpoint.objects_read = objects.value_or(0);
  checkpoint.bytes_read = bytes.value_or(0);
  return checkpoint;
}

Result<VerifyTotals> totals_from(const JsonView& line) {
  VerifyTotals totals;
  ATHANOR_ASSIGN(const auto objects, line.optional_unsigned("objects"));
  ATHANOR_ASSIGN(const auto packages, line.optional_unsigned("packages"));
  ATHANOR_ASSIGN(const auto environments, line.optional_unsigned("environments"));
  ATHANOR_ASSIGN(const auto aliases, line.optional_unsigned("aliases"));
  totals.objects = objects.value_or(0);
  totals.packages = packages.value_or(0);
  totals.environments = environments.value_or(0);
  totals.aliases = aliases.value_or(0);
  return totals;
}

Error no_state(const std::filesystem::path& path, const std::string& why) {
  return make_error(ErrorKind::invalid, quoted(path) + " " + why,
                    "name another file, or remove this one to begin anew");
}

// What a file of a pass holds up to its last checkpoint.
struct Kept {
  std::optional<Json> identity;
  VerifyCheckpoint checkpoint;
  std::uint64_t end = 0;  // offset behind the last line that counts
  VerifyTotals totals;
  bool finished = false;
};

// Findings between two checkpoints are few: a window's worth.
Result<Kept> read_state(const std::filesystem::path& path, const FindingSink& sink) {
  Kept kept;
  std::vector<Finding> open;
  const auto settle = [&](std::uint64_t end) -> Result<void> {
    kept.end = end;
    for (const Finding& finding : std::exchange(open, {})) {
      ATHANOR_TRY(sink(finding));
    }
    return {};
  };
  ATHANOR_TRY(read_lines(path, "the state " + quoted(path),
                         [&](const Json& json, std::uint64_t end) -> Result<void> {
                           const JsonView line(json, "the state " + quoted(path));
                           if (!kept.identity) {
                             kept.identity = json;
                             return settle(end);
                           }
                           if (json.find("finding") != nullptr) {
                             ATHANOR_ASSIGN(Finding finding, finding_from(line));
                             open.push_back(std::move(finding));
                             return {};
                           }
                           if (json.find("finished") != nullptr) {
                             kept.finished = true;
                             ATHANOR_ASSIGN(kept.totals, totals_from(line));
                             return settle(end);
                           }
                           ATHANOR_ASSIGN(kept.checkpoint, checkpoint_from(line));
                           return settle(end);
                         }));
  return kept;
}

}  // namespace

Result<std::unique_ptr<VerifyState>> VerifyState::open(const std::filesystem::path& path,
                                                       const VerifyIdentity& identity,
                                                       const FindingSink& earlier) {
  ATHANOR_ASSIGN(const auto size, size_of_file(path));
  if (!size || *size == 0) {
    ATHANOR_ASSIGN(Fd file, open_file(path, O_WRONLY | O_CREAT | O_TRUNC, 0600));
    std::unique_ptr<VerifyState> state(new VerifyState(path, std::move(file)));
    ATHANOR_TRY(state->write(identity_json(identity)));
    return state;
  }
  ATHANOR_ASSIGN(const Kept kept, read_state(path, [](const Finding&) { return Result<void>(); }));
  if (!kept.identity || kept.identity->find("kind") == nullptr ||
      *kept.identity->find("kind") != Json(k_kind)) {
    return no_state(path, "is no state of a verification");
  }
  if (*kept.identity != identity_json(identity)) {
    return no_state(path, "is the state of another verification");
  }
  ATHANOR_ASSIGN(Fd file, open_file(path, O_WRONLY));
  if (::ftruncate(file.get(), static_cast<off_t>(kept.end)) != 0 ||
      ::lseek(file.get(), 0, SEEK_END) < 0) {
    return system_error(errno, "cannot go on with " + quoted(path));
  }
  ATHANOR_TRY(read_state(path, earlier));
  std::unique_ptr<VerifyState> state(new VerifyState(path, std::move(file)));
  state->checkpoint_ = kept.checkpoint;
  state->totals_ = kept.totals;
  state->finished_ = kept.finished;
  return state;
}

Result<void> VerifyState::read_finished(const std::filesystem::path& path,
                                        const std::string& store_url, const FindingSink& sink) {
  ATHANOR_ASSIGN(const Kept kept, read_state(path, [](const Finding&) { return Result<void>(); }));
  const Json* store = kept.identity ? kept.identity->find("store") : nullptr;
  if (store == nullptr || *store != Json(store_url)) {
    return no_state(path, "is not about the store " + store_url);
  }
  if (!kept.finished) {
    return make_error(ErrorKind::invalid, quoted(path) + " is of a verification that didn't end",
                      "finish it: `athanor store verify --state " + path.string() + "`");
  }
  ATHANOR_TRY(read_state(path, sink));
  return {};
}

Result<void> VerifyState::write(const Json& line) {
  const std::string text = dump_json(line) + "\n";
  return write_all(
      file_, std::span(reinterpret_cast<const std::uint8_t*>(text.data()), text.size()), path_);
}

Result<void> VerifyState::add(const Finding& finding) {
  return write(state_json(finding));
}

Result<void> VerifyState::set_checkpoint(VerifyCheckpoint checkpoint) {
  checkpoint_ = std::move(checkpoint);
  ATHANOR_TRY(write(Json::object({{"through", checkpoint_.through},
                                  {"objects_read", checkpoint_.objects_read},
                                  {"bytes_read", checkpoint_.bytes_read}})));
  return sync_file(file_, path_);
}

Result<void> VerifyState::finish(const VerifyTotals& totals) {
  finished_ = true;
  totals_ = totals;
  ATHANOR_TRY(write(Json::object({{"finished", true},
                                  {"objects", totals.objects},
                                  {"packages", totals.packages},
                                  {"environments", totals.environments},
                                  {"aliases", totals.aliases}})));
  return sync_file(file_, path_);
}

}  // namespace athanor::coordinator
