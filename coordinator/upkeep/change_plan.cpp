#include "coordinator/upkeep/change_plan.hpp"

#include "coordinator/upkeep/lines.hpp"
#include "shared/json/view.hpp"
#include "shared/net/http_date.hpp"
#include "shared/os/path_text.hpp"

#include <utility>

namespace athanor::coordinator {
namespace {

constexpr std::string_view k_kind = "athanor store plan";

std::string named(const std::filesystem::path& path) {
  return "the plan " + quoted(path);
}

Error no_plan(const std::filesystem::path& path, const std::string& why) {
  return make_error(
      ErrorKind::invalid, quoted(path) + " " + why,
      "`athanor store gc --plan FILE` and `athanor store repair --plan FILE` make one");
}

Result<ChangePlanHeader> header_from(const Json& json, const std::filesystem::path& path) {
  const JsonView line(json, named(path));
  ATHANOR_ASSIGN(const auto kind, line.optional_string("kind"));
  if (kind.value_or("") != k_kind) {
    return no_plan(path, "is no plan");
  }
  ChangePlanHeader header;
  ATHANOR_ASSIGN(const std::string_view purpose, line.string("purpose"));
  if (purpose != "gc" && purpose != "repair") {
    return no_plan(path, "is a plan of a purpose that is not known here");
  }
  header.purpose = purpose == "gc" ? PlanPurpose::gc : PlanPurpose::repair;
  ATHANOR_ASSIGN(header.store_url, line.string("store"));
  ATHANOR_ASSIGN(const std::string_view made, line.string("made"));
  header.made = parse_iso_date(made).value_or(WallTime{});
  ATHANOR_ASSIGN(const auto grace, line.optional_unsigned("grace_seconds"));
  constexpr std::uint64_t k_longest = 100ULL * 366 * 24 * 60 * 60;
  if (!grace || *grace > k_longest) {
    return no_plan(path, "is a plan without its grace period");
  }
  header.grace = std::chrono::seconds(*grace);
  return header;
}

}  // namespace

Json change_to_json(const Change& change) {
  Json line = Json::object({{"change", change.kind == ChangeKind::move ? "move" : "discard"},
                            {"key", change.key},
                            {"size", change.size},
                            {"version", change.version_tag}});
  if (change.kind == ChangeKind::move) {
    line.set("to", change.to);
  }
  if (change.although_named) {
    line.set("although_named", true);
  }
  line.set("why", change.why);
  return line;
}

Result<Change> change_from_json(const Json& json, const std::string& what) {
  const JsonView line(json, what);
  Change change;
  ATHANOR_ASSIGN(const std::string_view kind, line.string("change"));
  if (kind != "discard" && kind != "move") {
    return line.expected("a change that is known here");
  }
  change.kind = kind == "move" ? ChangeKind::move : ChangeKind::discard;
  ATHANOR_ASSIGN(change.key, line.string("key"));
  ATHANOR_ASSIGN(const auto size, line.optional_unsigned("size"));
  change.size = size.value_or(0);
  ATHANOR_ASSIGN(change.version_tag, line.string("version"));
  if (change.kind == ChangeKind::move) {
    ATHANOR_ASSIGN(change.to, line.string("to"));
  }
  ATHANOR_ASSIGN(const auto although, line.optional_boolean("although_named"));
  change.although_named = although.value_or(false);
  ATHANOR_ASSIGN(change.why, line.string("why"));
  return change;
}

Result<ChangePlanWriter> ChangePlanWriter::create(const std::filesystem::path& path,
                                                  const ChangePlanHeader& header) {
  ATHANOR_ASSIGN(AtomicFile file, AtomicFile::create(path, 0600));
  ATHANOR_TRY(file.write(
      dump_json(Json::object({{"schema", 1},
                              {"kind", k_kind},
                              {"purpose", header.purpose == PlanPurpose::gc ? "gc" : "repair"},
                              {"store", header.store_url},
                              {"made", format_iso_date(header.made)},
                              {"grace_seconds", std::int64_t{header.grace.count()}}})) +
      "\n"));
  return ChangePlanWriter(std::move(file));
}

Result<void> ChangePlanWriter::add(const Change& change) {
  ++totals_.changes;
  totals_.bytes += change.size;
  return file_.write(dump_json(change_to_json(change)) + "\n");
}

Result<ChangePlanTotals> ChangePlanWriter::commit() {
  ATHANOR_TRY(file_.write(
      dump_json(Json::object({{"changes", totals_.changes}, {"bytes", totals_.bytes}})) + "\n"));
  ATHANOR_TRY(file_.commit());
  return totals_;
}

Result<ChangePlanSummary> read_plan_summary(const std::filesystem::path& path) {
  ChangePlanSummary summary;
  bool begun = false;
  bool ended = false;
  std::uint64_t changes = 0;
  const auto take = [&](const Json& json, std::uint64_t) -> Result<void> {
    if (!begun) {
      begun = true;
      ATHANOR_ASSIGN(summary.header, header_from(json, path));
      return {};
    }
    if (json.find("change") != nullptr) {
      ++changes;
      return {};
    }
    const JsonView line(json, named(path));
    ATHANOR_ASSIGN(const auto total, line.optional_unsigned("changes"));
    ATHANOR_ASSIGN(const auto bytes, line.optional_unsigned("bytes"));
    summary.totals = {.changes = total.value_or(0), .bytes = bytes.value_or(0)};
    ended = true;
    return {};
  };
  ATHANOR_TRY(read_lines(path, named(path), take));
  if (!begun || !ended || summary.totals.changes != changes) {
    return no_plan(path, "is no whole plan");
  }
  return summary;
}

Result<void> read_plan(const std::filesystem::path& path,
                       const std::function<Result<void>(const Change&)>& visit) {
  return read_lines(path, named(path), [&](const Json& json, std::uint64_t) -> Result<void> {
    if (json.find("change") == nullptr) {
      return {};
    }
    ATHANOR_ASSIGN(const Change change, change_from_json(json, named(path)));
    return visit(change);
  });
}

}  // namespace athanor::coordinator
