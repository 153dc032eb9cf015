#include "coordinator/doctor/finding.hpp"

#include <algorithm>
#include <utility>

namespace athanor::coordinator {

std::string_view to_string(Gravity gravity) {
  switch (gravity) {
    case Gravity::ok:
      return "ok";
    case Gravity::warn:
      return "warn";
    case Gravity::fail:
      return "fail";
  }
  return "ok";
}

void Findings::add(Finding finding) {
  all_.push_back(std::move(finding));
}

void Findings::ok(std::string area, std::string check, std::string says) {
  add({std::move(area), std::move(check), Gravity::ok, std::move(says), {}});
}

void Findings::warn(std::string area, std::string check, std::string says, std::string fix) {
  add({std::move(area), std::move(check), Gravity::warn, std::move(says), std::move(fix)});
}

void Findings::fail(std::string area, std::string check, std::string says, std::string fix) {
  add({std::move(area), std::move(check), Gravity::fail, std::move(says), std::move(fix)});
}

void Findings::fail(std::string area, std::string check, const Error& error, std::string fix) {
  fail(std::move(area), std::move(check), error.message,
       error.hint.empty() ? std::move(fix) : error.hint);
}

std::size_t Findings::count(Gravity gravity) const {
  return static_cast<std::size_t>(
      std::count_if(all_.begin(), all_.end(),
                    [&](const Finding& finding) { return finding.gravity == gravity; }));
}

Gravity Findings::worst() const {
  Gravity worst = Gravity::ok;
  for (const Finding& finding : all_) {
    worst = std::max(worst, finding.gravity);
  }
  return worst;
}

Json finding_json(const Finding& finding) {
  return Json::object({{"area", finding.area},
                       {"check", finding.check},
                       {"level", to_string(finding.gravity)},
                       {"says", finding.says},
                       {"fix", finding.fix}});
}

}  // namespace athanor::coordinator
