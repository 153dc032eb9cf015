#pragma once

#include "shared/base/result.hpp"
#include "shared/config/settings.hpp"
#include "shared/protocol/messages.hpp"

namespace athanor::coordinator {

// Whether the settings of origins can be understood: mirrors, sizes, contact. invalid, naming the
// setting, if they can't, and if a mirror is a local file though those aren't allowed.
Result<void> check_origin_settings(const config::Settings& settings);

// Puts them into what workers are told. REQUIRES: they have been checked.
void set_origin_settings(const config::Settings& settings, protocol::WorkSettings& work);

}  // namespace athanor::coordinator
