#pragma once

#include "shared/base/result.hpp"
#include "shared/store/store.hpp"

#include <memory>
#include <string_view>

namespace athanor {

enum class CreateStore { no, yes };

// The store at a URL or a plain directory path ("/data/store", "file:///data/store"). The scheme
// table is in open_store.cpp. invalid: unknown scheme, says which are known. A directory is made if
// it doesn't exist and `create` says so; otherwise that is not_found.
//
// Every URL may limit how fast the store is used by this process: "?max_requests=50&max_rate=20M"
// (requests and bytes a second).
Result<std::unique_ptr<Store>> open_store(std::string_view url, CreateStore create);

}  // namespace athanor
