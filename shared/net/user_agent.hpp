#pragma once

#include <string>
#include <string_view>

namespace athanor {

// "athanor/0.1.0 (+ops@example.com)": who asks, and how the people who run a server reach those who
// run us. `contact` may be empty: then nothing is said of it.
std::string user_agent(std::string_view contact);

}  // namespace athanor
