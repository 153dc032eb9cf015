#pragma once

#include "coordinator/plan/plan.hpp"
#include "shared/json/json.hpp"

#include <string>

namespace athanor::coordinator {

// For people: a table per platform and in all, requests per origin, what is in the way. Ends with a
// newline.
std::string show_plan(const Plan& plan);

// One object, "schema": 1. Field names are stable within a schema. It holds no credentials.
Json plan_to_json(const Plan& plan);

}  // namespace athanor::coordinator
